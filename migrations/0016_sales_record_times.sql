-- What the product itself has counted as the last activity of a contact. `touched_at` is the later
-- of it and of the events that are linked: it is taken anew when an event goes or moves.
alter table sixty.entities add column product_touched_at timestamptz;

-- Without a kind: the newest changes of the whole record.
create index entities_by_change on sixty.entities (org_id, updated_at desc, kind, id);
