-- The audit trail: who did what, on whose behalf, and by which rule. Append-only.
--
-- Entries are written in the transaction of what they tell of, so that a trail
-- without the deed, or a deed without its entry, cannot be. Nothing is chained at
-- that moment: all writers of an organization would wait for one row.
--
-- A job seals them afterwards. What waits for a seal stands in `audit_pending`,
-- which the same statement fills: an entry whose transaction commits late becomes
-- visible together with its place in the queue, however old its id is, and goes
-- into the next seal. A seal names its entries one by one. So it does not matter
-- in which order transactions end, and there is no watermark that an entry could
-- slip under (a watermark by transaction ids would not survive a restore).

create table sixty.audit (
    org_id uuid not null references sixty.orgs,
    id uuid not null,
    at timestamptz not null default now(),
    -- `person` and `platform` have an id; `copilot` and `service` have none.
    actor_kind text not null,
    actor_id uuid,
    -- Whose rights were used, where it is not the actor.
    on_behalf_of uuid,
    channel text not null,
    -- What was done: an operation such as `memory.put`, or a tool's action.
    action text not null,
    tool text,
    decision text not null,
    -- What decided: a preset or a row of the matrix.
    rule text,
    approval_id uuid,
    run_id uuid,
    call_id text,
    -- SHA-256 of the arguments' bytes.
    args_hash bytea,
    -- What it was done to: `deal:D-42`, `memory:org`, `member:` and a user's id.
    target text,
    -- A few words more. No content: administrators read the trail of all members.
    detail text,
    primary key (org_id, id),
    check ((actor_kind in ('person', 'platform')) = (actor_id is not null)),
    check (args_hash is null or octet_length(args_hash) = 32)
);
call sixty.protect('audit', personal => false);
grant select, insert on sixty.audit to sixty_tenant;
create index audit_by_time on sixty.audit (org_id, at);
create index audit_by_action on sixty.audit (org_id, action, id);
create index audit_by_run on sixty.audit (org_id, run_id, id) where run_id is not null;

-- Entries that wait for their seal. Whoever seals them deletes these rows in the
-- same transaction.
create table sixty.audit_pending (
    org_id uuid not null,
    id uuid not null,
    primary key (org_id, id),
    foreign key (org_id, id) references sixty.audit (org_id, id)
);
call sixty.protect('audit_pending', personal => false);
grant select, insert, delete on sixty.audit_pending to sixty_tenant;
-- Which organizations have something to seal.
create policy work on sixty.audit_pending for select to sixty_system using (true);
grant select (org_id) on sixty.audit_pending to sixty_system;

-- A seal: a link of the organization's chain. `hash` is over the hash and the mac
-- of the seal before, and over everything here; `mac` is made of it with a key that
-- the database does not hold. The primary key lets one replica seal a link, once.
create table sixty.audit_seals (
    org_id uuid not null references sixty.orgs,
    seq bigint not null check (seq > 0),
    sealed_at timestamptz not null,
    -- The entries in the order in which they are hashed, and SHA-256 of each one.
    entries uuid[] not null check (cardinality(entries) > 0),
    digests bytea not null,
    hash bytea not null check (octet_length(hash) = 32),
    -- Which key made the mac: the beginning of a hash of it.
    key_id text not null,
    mac bytea not null check (octet_length(mac) = 32),
    primary key (org_id, seq),
    check (octet_length(digests) = 32 * cardinality(entries))
);
call sixty.protect('audit_seals', personal => false);
grant select, insert on sixty.audit_seals to sixty_tenant;

-- The end of each chain, under the key as well: without it the newest seals could
-- be cut off with their entries, and what is left would be whole. Moved by
-- compare-and-swap on `seq`.
create table sixty.audit_heads (
    org_id uuid not null references sixty.orgs,
    seq bigint not null,
    hash bytea not null,
    seal_mac bytea not null,
    key_id text not null,
    mac bytea not null,
    primary key (org_id)
);
call sixty.protect('audit_heads', personal => false);
grant select, insert, update (seq, hash, seal_mac, key_id, mac) on sixty.audit_heads to sixty_tenant;

-- Everybody's deeds leave a trail; only what looks at the whole organization reads it.
create policy overseen on sixty.audit as restrictive for select to sixty_tenant
    using (current_setting('app.scope', true) = 'org');
create policy overseen on sixty.audit_pending as restrictive for select to sixty_tenant
    using (current_setting('app.scope', true) = 'org');
create policy overseen on sixty.audit_seals as restrictive for select to sixty_tenant
    using (current_setting('app.scope', true) = 'org');
create policy overseen on sixty.audit_heads as restrictive for select to sixty_tenant
    using (current_setting('app.scope', true) = 'org');
