-- Secrets of organizations, and which of them are keys for model providers.

create table sixty.secrets (
    org_id uuid not null references sixty.orgs,
    name text collate "C" not null check (name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    version bigint not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Null: the author was erased.
    updated_by uuid,
    primary key (org_id, name)
);
call sixty.protect('secrets', personal => false);
grant select, insert, update (version, updated_at, updated_by), delete on sixty.secrets to sixty_tenant;

-- Their values. No member's own transaction sees them: an administrator's looks at the whole organization to write one,
-- and so does the service when it makes the organization's redactor and keys.
create table sixty.secret_values (
    org_id uuid not null,
    name text collate "C" not null,
    -- Nonce and ciphertext, bound to organization, name and version. A row elsewhere cannot be opened.
    sealed bytea not null,
    -- Which master key sealed it: what an earlier one has sealed is sealed anew.
    key_id text collate "C" not null,
    primary key (org_id, name),
    foreign key (org_id, name) references sixty.secrets on delete cascade
);
call sixty.protect('secret_values', personal => false);
grant select, insert, update (sealed, key_id), delete on sixty.secret_values to sixty_tenant;
create policy overseen on sixty.secret_values as restrictive for select to sixty_tenant
    using (current_setting('app.scope', true) = 'org');
create policy work on sixty.secret_values for select to sixty_system using (true);
grant select (org_id, key_id) on sixty.secret_values to sixty_system;
create index secret_values_by_key on sixty.secret_values (key_id, org_id);

-- A number that grows with each change of an organization's secrets, and is never used again, even after the
-- organization was erased: what is made of them is kept by it. Replicas look for what has changed.
create table sixty.secret_states (
    org_id uuid primary key references sixty.orgs,
    version bigint not null,
    changed_at timestamptz not null default now()
);
call sixty.protect('secret_states', personal => false);
grant select, insert, update (version, changed_at), delete on sixty.secret_states to sixty_tenant;
create policy changes on sixty.secret_states for select to sixty_system using (true);
grant select (org_id, version, changed_at) on sixty.secret_states to sixty_system;
create index secret_states_by_time on sixty.secret_states (changed_at);

-- Providers that the organization asks with a key of its own. A part of what it says of models: it changes, and is
-- counted, with `model_settings`.
create table sixty.model_keys (
    org_id uuid not null references sixty.orgs,
    provider text collate "C" not null,
    secret text collate "C" not null,
    primary key (org_id, provider),
    foreign key (org_id, secret) references sixty.secrets (org_id, name)
);
call sixty.protect('model_keys', personal => false);
grant select, insert, delete on sixty.model_keys to sixty_tenant;
create index model_keys_by_secret on sixty.model_keys (org_id, secret);

-- Whether the organization's own key paid for the call.
alter table sixty.usage_events add column own_key boolean not null default false;
grant select (own_key) on sixty.usage_events to sixty_system;
