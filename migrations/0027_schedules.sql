-- Scheduled tasks: what fires, when, and what came of each time that it fired.

-- The one clock of scheduled tasks. Replicas have clocks of their own, which may be wrong: none of them decides.
create function sixty.schedule_clock() returns timestamptz language sql stable as 'select now()';
revoke execute on function sixty.schedule_clock() from public;
grant execute on function sixty.schedule_clock() to sixty_tenant, sixty_system;

-- The role in the newest token, where roles come with tokens: what is done while its owner is not there counts with it.
alter table sixty.members add column token_role text check (token_role in ('readonly', 'member', 'admin', 'owner'));

create table sixty.schedules (
    org_id uuid not null,
    -- Who made it, and as whom it runs.
    owner_id uuid not null,
    id uuid not null,
    name text not null,
    -- What its runs are asked, every time.
    prompt text not null,
    -- When it fires: kind, pattern and zone. From the anchor on intervals are counted.
    schedule jsonb not null,
    anchor timestamptz not null,
    -- The next slot. Null: it is not active, or fires no more.
    next_run_at timestamptz,
    status text not null default 'active' check (status in ('active', 'paused', 'cancelled', 'completed')),
    -- Why the service has paused it; null: a person has.
    paused_for text check (paused_for in ('failures', 'rights', 'membership', 'target')),
    catch_up text not null check (catch_up in ('one', 'skip')),
    -- The conversation that it goes on in; null: each time a new one.
    session_id uuid,
    -- Where the result goes.
    deliver jsonb not null,
    -- What the owner could do when they wrote it; what has been taken away since counts as well.
    role text not null check (role in ('member', 'admin', 'owner')),
    -- Its words are not, or not only, the owner's: its runs only propose to memory.
    untrusted boolean not null,
    -- Slots in a row that failed.
    failures int not null default 0,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, owner_id, id),
    foreign key (org_id, owner_id) references sixty.members (org_id, user_id),
    check (next_run_at is null or status = 'active')
);
call sixty.protect('schedules', personal => true);
grant select, insert, update, delete on sixty.schedules to sixty_tenant;
create index schedules_by_owner on sixty.schedules (org_id, owner_id, id);
-- Claiming crosses organizations: ids, times and states, never content.
create policy work on sixty.schedules to sixty_system using (true);
grant select (org_id, owner_id, id, schedule, anchor, next_run_at, status, catch_up) on sixty.schedules to sixty_system;
grant update (next_run_at, status) on sixty.schedules to sixty_system;
create index schedules_due on sixty.schedules (next_run_at) where next_run_at is not null;

create table sixty.schedule_runs (
    org_id uuid not null,
    owner_id uuid not null,
    schedule_id uuid not null,
    -- Derived from the task and the slot: of a slot there is one.
    id uuid not null,
    slot timestamptz not null,
    -- A person has asked for it, outside of the schedule.
    manual boolean not null default false,
    -- `due`: nobody has begun it, or it is to begin again. `begun`: its run goes on, or waits.
    state text not null default 'due' check (state in ('due', 'begun', 'done', 'failed', 'cancelled')),
    -- From when on it may begin.
    begin_at timestamptz not null,
    -- Which try it is, from 1; 0: it has not begun. Each has a run of its own.
    attempt int not null default 0,
    -- The run of the last try, and its conversation.
    run_id uuid,
    session_id uuid,
    -- The owner has been told that it waits for them: under this fence of its run, which grows as it goes on.
    told_fence bigint,
    result text,
    error_code text,
    error_message text,
    input_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    started_at timestamptz,
    finished_at timestamptz,
    -- Until then one replica looks after it: begins it, or sees to its end. Doing so twice does nothing.
    lease_until timestamptz not null,
    created_at timestamptz not null default sixty.schedule_clock(),
    primary key (org_id, id),
    foreign key (org_id, owner_id, schedule_id) references sixty.schedules (org_id, owner_id, id) on delete cascade
);
call sixty.protect('schedule_runs', personal => true);
grant select, insert, update, delete on sixty.schedule_runs to sixty_tenant;
create index schedule_runs_by_slot on sixty.schedule_runs (org_id, owner_id, schedule_id, slot desc, id desc);
-- Those that are not over are looked after by any replica: ids and states, never content.
create policy work on sixty.schedule_runs to sixty_system using (true);
grant select (org_id, owner_id, schedule_id, id, state, begin_at, run_id, told_fence, lease_until) on sixty.schedule_runs to sixty_system;
grant insert (org_id, owner_id, schedule_id, id, slot, begin_at, lease_until) on sixty.schedule_runs to sixty_system;
grant update (lease_until) on sixty.schedule_runs to sixty_system;
create index schedule_runs_due on sixty.schedule_runs (begin_at) where state = 'due';
create index schedule_runs_begun on sixty.schedule_runs (lease_until) where state = 'begun';

-- A conversation of a scheduled task is in nobody's list of conversations. It goes with its task.
alter table sixty.sessions add column schedule_id uuid;
alter table sixty.sessions add constraint sessions_schedule foreign key (org_id, owner_id, schedule_id)
    references sixty.schedules (org_id, owner_id, id) on delete cascade not valid;
create index sessions_by_schedule on sixty.sessions (org_id, owner_id, schedule_id) where schedule_id is not null;
create index sessions_listed on sixty.sessions (org_id, owner_id, coalesce(last_message_at, created_at) desc, id desc)
    where schedule_id is null;
drop index sixty.sessions_by_activity;

-- What concerns a person while they look elsewhere.
create table sixty.notifications (
    org_id uuid not null,
    owner_id uuid not null,
    id uuid not null,
    kind text not null,
    -- A line, and more.
    title text not null,
    text text not null,
    -- What it is about: ids by kind, such as `schedule_id` and `session_id`.
    about jsonb not null,
    read_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, owner_id) references sixty.members (org_id, user_id)
);
call sixty.protect('notifications', personal => true);
grant select, insert, update (read_at), delete on sixty.notifications to sixty_tenant;
create index notifications_by_owner on sixty.notifications (org_id, owner_id, created_at desc, id desc);
-- Who listens is told by the replica that they are connected to: by id.
create policy news on sixty.notifications for select to sixty_system using (true);
grant select (org_id, owner_id, id, created_at) on sixty.notifications to sixty_system;
create index notifications_by_age on sixty.notifications (created_at);
