-- Sessions, messages, and the runs that answer them.

create table sixty.sessions (
    org_id uuid not null references sixty.orgs,
    id uuid not null,
    owner_id uuid not null,
    -- The client's own name for it, such as `main` or `deal:D-42`.
    client_key text,
    title text,
    title_source text not null default 'auto' check (title_source in ('auto', 'user')),
    entity_kind text,
    entity_id text,
    model text,
    mode text,
    preview text,
    message_count bigint not null default 0,
    last_message_at timestamptz,
    last_seq bigint not null default 0,
    -- Where the prompt's messages begin; everything before is archived.
    live_from_seq bigint not null default 1,
    -- Versions of the memory documents as the prompt quotes them (null: no turn
    -- yet, 0: no document), and up to which version the session was told of
    -- later appends. Order: organization, user, entity.
    pinned bigint[],
    told bigint[],
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, owner_id, id),
    unique (org_id, owner_id, client_key),
    foreign key (org_id, owner_id) references sixty.members (org_id, user_id),
    check ((entity_kind is null) = (entity_id is null))
);
call sixty.protect('sessions', personal => true);
grant select, insert, update, delete on sixty.sessions to sixty_tenant;
create index sessions_by_activity on sixty.sessions (org_id, owner_id, coalesce(last_message_at, created_at) desc, id desc);

create table sixty.messages (
    org_id uuid not null,
    owner_id uuid not null,
    session_id uuid not null,
    id uuid not null,
    seq bigint not null,
    role text not null check (role in ('user', 'assistant')),
    -- JSON text of the blocks: exactly the bytes that are sent and hashed.
    content text not null,
    -- The `<context>` that travels with a user's message, made once.
    context text,
    run_id uuid,
    author_id uuid not null,
    superseded_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, session_id, seq),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade
);
call sixty.protect('messages', personal => true);
grant select, insert, update (superseded_at, context), delete on sixty.messages to sixty_tenant;

create table sixty.runs (
    org_id uuid not null,
    id uuid not null,
    owner_id uuid not null,
    session_id uuid not null,
    -- The user's message that it answers.
    message_id uuid not null,
    trigger text not null check (trigger in ('http', 'chat', 'slack', 'schedule', 'decision', 'compact')),
    status text not null check (status in ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
    mode text not null check (mode in ('auto', 'single', 'agent')),
    model text not null,
    -- What the person could do when the run began; a ceiling set since then caps it.
    role text not null check (role in ('readonly', 'member', 'admin', 'owner')),
    lease_owner uuid,
    lease_until timestamptz,
    wake_at timestamptz,
    -- Grows with every claim; a write under an older fence finds no row.
    fence bigint not null default 0,
    -- Claims since the last committed step.
    attempts int not null default 0,
    cancel_requested boolean not null default false,
    iterations int not null default 0,
    input_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cache_read_input_tokens bigint not null default 0,
    cache_creation_input_tokens bigint not null default 0,
    error_code text,
    error_message text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    primary key (org_id, id),
    unique (org_id, owner_id, id),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade,
    check ((status = 'running') = (lease_owner is not null and lease_until is not null))
);
call sixty.protect('runs', personal => true);
grant select, insert, update, delete on sixty.runs to sixty_tenant;
create unique index runs_one_running on sixty.runs (org_id, session_id) where status = 'running';
create index runs_by_session on sixty.runs (org_id, session_id, created_at);

-- Claiming crosses organizations: ids, states and leases, never content.
create policy work on sixty.runs to sixty_system using (true);
grant select (org_id, id, owner_id, session_id, status, lease_owner, lease_until, wake_at, fence, attempts, cancel_requested, created_at, finished_at)
    on sixty.runs to sixty_system;
grant update (status, lease_owner, lease_until, fence, attempts) on sixty.runs to sixty_system;
create index runs_open on sixty.runs (status, created_at) where status in ('queued', 'running', 'waiting');
create index runs_leased on sixty.runs (lease_owner) where lease_owner is not null;

-- The log of a run, append-only: what it did, in order.
create table sixty.steps (
    org_id uuid not null,
    owner_id uuid not null,
    run_id uuid not null,
    seq int not null,
    kind text not null check (kind in ('answer', 'tools', 'compaction')),
    fence bigint not null,
    payload text not null,
    created_at timestamptz not null default now(),
    primary key (org_id, run_id, seq),
    foreign key (org_id, owner_id, run_id) references sixty.runs (org_id, owner_id, id) on delete cascade
);
call sixty.protect('steps', personal => true);
grant select, insert on sixty.steps to sixty_tenant;

create table sixty.tool_calls (
    org_id uuid not null,
    owner_id uuid not null,
    run_id uuid not null,
    call_id text not null,
    name text not null,
    class text not null check (class in ('read', 'local_tx', 'idempotent', 'unsafe')),
    -- `started` is the intent; found after a crash it becomes `unknown`, never a second call.
    state text not null check (state in ('started', 'done', 'failed', 'unknown')),
    -- The arguments as the model sent them, and SHA-256 of those bytes.
    args text not null,
    args_hash bytea not null,
    fence bigint not null,
    result text,
    duration_ms bigint,
    created_at timestamptz not null default now(),
    primary key (org_id, run_id, call_id),
    foreign key (org_id, owner_id, run_id) references sixty.runs (org_id, owner_id, id) on delete cascade
);
call sixty.protect('tool_calls', personal => true);
grant select, insert, update (state, result, duration_ms, fence) on sixty.tool_calls to sixty_tenant;

-- The stream: SSE frames as they were sent, a row per flush.
create table sixty.run_events (
    org_id uuid not null,
    owner_id uuid not null,
    run_id uuid not null,
    fence bigint not null,
    n_from bigint not null,
    n_to bigint not null check (n_to >= n_from),
    frames text not null,
    created_at timestamptz not null default now(),
    primary key (org_id, run_id, fence, n_from),
    foreign key (org_id, owner_id, run_id) references sixty.runs (org_id, owner_id, id) on delete cascade
);
call sixty.protect('run_events', personal => true);
grant select, insert, delete on sixty.run_events to sixty_tenant;
-- The group writer puts the tokens of many runs into one statement.
create policy flush on sixty.run_events for insert to sixty_system with check (true);
grant insert on sixty.run_events to sixty_system;
-- And it drops what is a day old, of runs that ended: by ids and times.
create policy expiry on sixty.run_events for delete to sixty_system using (true);
create policy expired on sixty.run_events for select to sixty_system using (true);
grant select (org_id, run_id, created_at), delete on sixty.run_events to sixty_system;
create index run_events_by_age on sixty.run_events (created_at);

-- Answers to repeated requests. The row commits with the work that it names.
create table sixty.idempotency (
    org_id uuid not null,
    owner_id uuid not null,
    key text not null,
    request_hash bytea not null,
    run_id uuid,
    status int,
    location text,
    -- The version in the answer's ETag.
    etag bigint,
    body text,
    created_at timestamptz not null default now(),
    primary key (org_id, owner_id, key),
    foreign key (org_id, owner_id) references sixty.members (org_id, user_id)
);
call sixty.protect('idempotency', personal => true);
grant select, insert, update, delete on sixty.idempotency to sixty_tenant;
-- A key is remembered for a day.
create policy expiry on sixty.idempotency for delete to sixty_system using (true);
create policy expired on sixty.idempotency for select to sixty_system using (true);
grant select (org_id, created_at), delete on sixty.idempotency to sixty_system;
create index idempotency_by_age on sixty.idempotency (created_at);
