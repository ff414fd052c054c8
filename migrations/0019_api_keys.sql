-- Keys for programs. A key acts as a service member of its own, with that member's role: what
-- stops a person (a ceiling, a suspension, the matrix) stops a key as well.

alter table sixty.members add column service boolean not null default false;

create table sixty.api_keys (
    org_id uuid not null,
    id uuid not null,
    -- The service member as whom it acts.
    user_id uuid not null,
    name text not null,
    -- SHA-256 of the whole key, which stands nowhere.
    secret_hash bytea not null check (length(secret_hash) = 32),
    created_by uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, user_id) references sixty.members (org_id, user_id)
);
call sixty.protect('api_keys', personal => false);
-- Members never read a hash.
grant select (org_id, id, user_id, name, created_by, created_at, expires_at, revoked_at, last_used_at), insert,
    update (revoked_at) on sixty.api_keys to sixty_tenant;

-- A key is looked up before there is a tenant, and its use is noted.
create policy look_up on sixty.api_keys for select to sixty_system using (true);
create policy used on sixty.api_keys for update to sixty_system using (true);
grant select (org_id, id, user_id, secret_hash, expires_at, revoked_at, last_used_at), update (last_used_at)
    on sixty.api_keys to sixty_system;
create index api_keys_by_id on sixty.api_keys (id);
