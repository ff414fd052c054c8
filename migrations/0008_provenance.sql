-- Whose words they are: what came from outside of the organization's people may try to
-- instruct the copilot, and what it wants to remember afterwards needs a person.

-- The text was last written by an integration, and not by a person.
alter table sixty.entities add column integration boolean not null default false;
alter table sixty.entity_notes add column integration boolean not null default false;

-- Something of that kind stands, or stood, in the conversation. It never becomes false:
-- the results of tools stay in the prompt, and summaries carry on what they said.
alter table sixty.sessions add column untrusted boolean not null default false;
