-- Slack: workspaces, who is who in them, what was said there, and what is to be answered.

-- Which organization a workspace belongs to is asked before there is a tenant, and a workspace belongs to one
-- organization of the whole service: its key has no org_id in front.
create table sixty.slack_workspaces (
    -- Empty for a workspace that belongs to no enterprise grid.
    enterprise_id text not null,
    team_id text not null,
    org_id uuid not null references sixty.orgs,
    team_name text not null,
    -- As whom the copilot speaks: its own messages are ignored.
    bot_user text not null,
    -- Sealed: nonce and ciphertext, bound to organization, workspace and purpose. A row elsewhere cannot be opened.
    bot_token bytea not null,
    -- Channels in which the copilot may answer.
    channels text[] not null default '{}',
    -- Whether people are recognised by their e-mail address.
    email_linking boolean not null default false,
    installed_by uuid,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (enterprise_id, team_id)
);
call sixty.protect('slack_workspaces', personal => false);
grant select, insert, update, delete on sixty.slack_workspaces to sixty_tenant;
create policy look_up on sixty.slack_workspaces for select to sixty_system using (true);
grant select (enterprise_id, team_id, org_id) on sixty.slack_workspaces to sixty_system;
create index slack_workspaces_by_org on sixty.slack_workspaces (org_id);

-- What a signed, expiring link stands for. Used once: the row goes with its use.
create table sixty.slack_tickets (
    org_id uuid not null references sixty.orgs,
    id uuid not null,
    purpose text not null check (purpose in ('install', 'link')),
    -- The administrator who asked for an installation.
    created_by uuid,
    -- The person in Slack who is to be linked.
    enterprise_id text,
    team_id text,
    slack_user text,
    expires_at timestamptz not null,
    primary key (org_id, id)
);
call sixty.protect('slack_tickets', personal => false);
grant select, insert, update (created_by), delete on sixty.slack_tickets to sixty_tenant;
create policy expiry on sixty.slack_tickets for delete to sixty_system using (true);
create policy expired on sixty.slack_tickets for select to sixty_system using (true);
grant select (org_id, expires_at), delete on sixty.slack_tickets to sixty_system;
create index slack_tickets_by_age on sixty.slack_tickets (expires_at);

-- Which member a person in Slack is.
create table sixty.slack_links (
    org_id uuid not null,
    enterprise_id text not null,
    team_id text not null,
    slack_user text not null,
    user_id uuid not null,
    linked_by text not null check (linked_by in ('link', 'email')),
    created_at timestamptz not null default now(),
    primary key (org_id, enterprise_id, team_id, slack_user),
    foreign key (org_id, user_id) references sixty.members (org_id, user_id) on delete cascade
);
call sixty.protect('slack_links', personal => false);
grant select, insert, update (user_id, linked_by, created_at), delete on sixty.slack_links to sixty_tenant;
create index slack_links_by_user on sixty.slack_links (org_id, user_id);

-- What was taken in: event ids, and channel with time, since one message comes under several ids.
create table sixty.slack_events (
    org_id uuid not null references sixty.orgs,
    key text not null,
    received_at timestamptz not null default now(),
    primary key (org_id, key)
);
call sixty.protect('slack_events', personal => false);
grant select, insert, delete on sixty.slack_events to sixty_tenant;
create policy expiry on sixty.slack_events for delete to sixty_system using (true);
create policy expired on sixty.slack_events for select to sixty_system using (true);
grant select (org_id, received_at), delete on sixty.slack_events to sixty_system;
create index slack_events_by_age on sixty.slack_events (received_at);

-- A thread of a channel is a conversation that several people share. Its rows belong to nobody of them: the thread is
-- a member of its own, which no token can be, and `session_members` says who takes part.
alter table sixty.members add column shared boolean not null default false;

create table sixty.slack_threads (
    org_id uuid not null,
    enterprise_id text not null,
    team_id text not null,
    channel text not null,
    thread text not null,
    -- The member that the thread is, and its conversation.
    member_id uuid not null,
    session_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (org_id, enterprise_id, team_id, channel, thread),
    foreign key (org_id, member_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade
);
call sixty.protect('slack_threads', personal => false);
grant select, insert, delete on sixty.slack_threads to sixty_tenant;
create index slack_threads_by_session on sixty.slack_threads (org_id, session_id);

create table sixty.session_members (
    org_id uuid not null,
    session_id uuid not null,
    -- The member that the conversation belongs to, and one who takes part in it.
    member_id uuid not null,
    user_id uuid not null,
    joined_at timestamptz not null default now(),
    primary key (org_id, session_id, user_id),
    foreign key (org_id, member_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade,
    foreign key (org_id, user_id) references sixty.members (org_id, user_id)
);
call sixty.protect('session_members', personal => false);
grant select, insert, delete on sixty.session_members to sixty_tenant;
create index session_members_by_user on sixty.session_members (org_id, user_id);

-- Beyond one's own rows one sees what administrators decide; and what is asked for in conversations in which one takes
-- part.
alter policy reserved on sixty.approvals
    using (owner_id = nullif(current_setting('app.user_id', true), '')::uuid or decider = 'admin'
        or exists (select from sixty.session_members m where m.org_id = approvals.org_id
            and m.session_id = approvals.session_id
            and m.user_id = nullif(current_setting('app.user_id', true), '')::uuid));

-- Whose rights a run has, where that is not its owner: who spoke in a shared conversation.
alter table sixty.runs add column author_id uuid;
grant select (author_id) on sixty.runs to sixty_system;

-- What somebody said in Slack, until it is answered there. It is stored before Slack is told that it has arrived.
create table sixty.slack_turns (
    org_id uuid not null,
    owner_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    -- Who said it: of a shared conversation not its owner.
    author_id uuid not null,
    enterprise_id text not null,
    team_id text not null,
    slack_user text not null,
    channel text not null,
    -- The thread that it is answered in; null: a slash command, which is answered to its author alone.
    thread text,
    -- A capability to answer a slash command, for half an hour.
    response_url text,
    -- What is answered without a run; null: a run answers.
    command text,
    -- Emptied at the end: what was said is in the conversation by then.
    text text not null,
    -- `received`: its run has not begun. `begun`: it is being answered, or waits for a person.
    state text not null default 'received' check (state in ('received', 'begun', 'over')),
    run_id uuid,
    -- It has been told that the run waits: under this fence of the run, which grows as it goes on.
    told_fence bigint,
    -- The last message of the run by then.
    told_message uuid,
    error text,
    -- What a replica does for it, it does under this fence; not before `next_at`.
    fence bigint not null default 0,
    attempts int not null default 0,
    next_at timestamptz not null default now(),
    lease_until timestamptz not null default '-infinity',
    -- When messages with approvals are to be looked at: one is decided, or its time is over.
    look_at timestamptz,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (org_id, id),
    unique (org_id, owner_id, id),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade
);
call sixty.protect('slack_turns', personal => true);
grant select, insert, delete on sixty.slack_turns to sixty_tenant;
grant update (state, run_id, told_fence, told_message, error, response_url, text, attempts, next_at, lease_until, look_at, finished_at)
    on sixty.slack_turns to sixty_tenant;
create index slack_turns_by_session on sixty.slack_turns (org_id, owner_id, session_id, id);
-- Any replica looks after any of them: ids, states and leases.
create policy work on sixty.slack_turns to sixty_system using (true);
grant select (org_id, owner_id, id, session_id, state, run_id, told_fence, fence, next_at, lease_until, look_at)
    on sixty.slack_turns to sixty_system;
grant update (fence, lease_until) on sixty.slack_turns to sixty_system;
-- What is over is dropped after a while.
grant select (finished_at), delete on sixty.slack_turns to sixty_system;
create index slack_turns_by_age on sixty.slack_turns (finished_at) where state = 'over';
create index slack_turns_open on sixty.slack_turns (next_at) where state <> 'over';
create index slack_turns_look on sixty.slack_turns (look_at) where look_at is not null;

-- What was posted for it. The row is there before the message: one that is found `sending` was perhaps posted.
create table sixty.slack_posts (
    org_id uuid not null,
    owner_id uuid not null,
    turn_id uuid not null,
    -- How far the run had come: the fence under which it last waited, or 0. Within that, its place.
    round bigint not null,
    ord int not null,
    kind text not null check (kind in ('live', 'answer', 'approval', 'question')),
    approval_id uuid,
    -- A post through the `response_url` cannot be looked up, nor changed.
    via text not null check (via in ('api', 'response_url')),
    -- `unknown`: nobody can find out, and it is not repeated. `closed`: a message with an approval that is decided.
    state text not null default 'sending' check (state in ('sending', 'sent', 'unknown', 'closed')),
    channel text,
    ts text,
    created_at timestamptz not null default now(),
    primary key (org_id, turn_id, round, ord),
    foreign key (org_id, owner_id, turn_id) references sixty.slack_turns (org_id, owner_id, id) on delete cascade
);
call sixty.protect('slack_posts', personal => true);
grant select, insert, update (state, channel, ts), delete on sixty.slack_posts to sixty_tenant;
create index slack_posts_by_approval on sixty.slack_posts (org_id, owner_id, approval_id) where approval_id is not null;
