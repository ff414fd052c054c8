-- no-transaction
-- How many runs of a person, or of an organization, are under way is asked with every turn.
create index concurrently runs_under_way on sixty.runs (org_id, owner_id) where status in ('queued', 'running');
