-- The open format has letters of every script in the names of skills. The program reads them in one form (NFKC) and
-- refuses capital ones; here it is said that a key is one word. What was allowed before is still allowed.

alter table sixty.skills drop constraint skills_key_check;
alter table sixty.skills add constraint skills_key_check
    check (char_length(key) between 1 and 64 and key !~ '[^a-z0-9_\u0080-\U0010FFFF-]');

-- What a document says of its own end, for lists. It is null in versions from before.
alter table sixty.skill_versions add column deprecated_by text, add column deprecation_reason text;
