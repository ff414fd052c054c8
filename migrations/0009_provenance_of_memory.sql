-- Where a line of memory comes from: which step of which run wrote it, and on whose word.

-- The step of the run whose results tell of the write.
alter table sixty.copilot_memory_revisions add column step_seq int;
-- The proposal that it carries out, and the person who accepted it. Conversations may be
-- erased with their proposals, so no foreign key; the word of the person stays.
alter table sixty.copilot_memory_revisions add column proposal_id uuid;
alter table sixty.copilot_memory_revisions add column accepted_by uuid;

-- The conversation had read what came from outside when it asked: whoever decides is told.
alter table sixty.approvals add column untrusted boolean not null default false;

-- `entities.integration` and `entity_notes.integration` say whose words a text holds. A
-- copilot that has read an integration's text repeats it: what it writes then is marked
-- as well, or the next conversation would take it for a colleague's.
comment on column sixty.entities.integration is
    'Text by an integration, or by a copilot whose conversation was untrusted; a person''s whole new text clears it.';
comment on column sixty.entity_notes.integration is
    'Written by an integration, or by a copilot whose conversation was untrusted.';
comment on column sixty.sessions.untrusted is
    'Text by an integration or from outside stands, or stood, in the conversation. Never cleared.';
