-- The sales record and memory: what the copilot knows.

create table sixty.entities (
    org_id uuid not null references sixty.orgs,
    kind text not null check (kind in ('deal', 'contact')),
    -- The product's own id.
    id text not null,
    name text not null,
    owner text,
    links jsonb not null default '[]',
    -- The typed fields of the kind, validated before they are written.
    fields jsonb not null default '{}',
    attributes jsonb not null default '{}',
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, kind, id)
);
call sixty.protect('entities', personal => false);
grant select, insert, update, delete on sixty.entities to sixty_tenant;
create index entities_by_update on sixty.entities (org_id, kind, updated_at desc, id);

create table sixty.entity_notes (
    org_id uuid not null,
    kind text not null,
    entity_id text not null,
    id uuid not null,
    author_id uuid not null,
    -- The run that wrote it, if the copilot did. Runs may be erased, so no foreign key.
    run_id uuid,
    text text not null,
    created_at timestamptz not null default now(),
    primary key (org_id, kind, entity_id, id),
    foreign key (org_id, kind, entity_id) references sixty.entities (org_id, kind, id) on delete cascade
);
call sixty.protect('entity_notes', personal => false);
grant select, insert, delete on sixty.entity_notes to sixty_tenant;

-- One Markdown document per scope and subject. Subject: empty for the
-- organization, the user's id for a user, `deal:D-42` for an entity.
create table sixty.copilot_memories (
    org_id uuid not null references sixty.orgs,
    scope text not null check (scope in ('org', 'user', 'entity')),
    subject text not null,
    owner_id uuid,
    content text not null,
    version bigint not null,
    updated_at timestamptz not null default now(),
    updated_by uuid not null,
    primary key (org_id, scope, subject),
    check ((scope = 'user') = (owner_id is not null)),
    check (scope <> 'user' or subject = owner_id::text),
    check (length(content) <= 16000)
);
call sixty.protect('copilot_memories', personal => false);
grant select, insert, update, delete on sixty.copilot_memories to sixty_tenant;

-- What a document said at each version, who wrote it, and in which run.
create table sixty.copilot_memory_revisions (
    org_id uuid not null,
    scope text not null,
    subject text not null,
    version bigint not null,
    owner_id uuid,
    content text not null,
    -- `append` leaves what stood before untouched: a session may be told of it
    -- without a new prompt. All others void the sessions' snapshots.
    change text not null check (change in ('append', 'replace', 'put', 'revert')),
    appended text,
    written_by uuid not null,
    run_id uuid,
    created_at timestamptz not null default now(),
    primary key (org_id, scope, subject, version),
    foreign key (org_id, scope, subject) references sixty.copilot_memories (org_id, scope, subject) on delete cascade,
    check ((change = 'append') = (appended is not null))
);
call sixty.protect('copilot_memory_revisions', personal => false);
grant select, insert, delete on sixty.copilot_memory_revisions to sixty_tenant;

-- User memory is personal although the tables hold the other scopes as well.
create policy own_memory on sixty.copilot_memories as restrictive to sixty_tenant
    using (owner_id is null or owner_id = nullif(current_setting('app.user_id', true), '')::uuid);
create policy own_memory on sixty.copilot_memory_revisions as restrictive to sixty_tenant
    using (owner_id is null or owner_id = nullif(current_setting('app.user_id', true), '')::uuid);
