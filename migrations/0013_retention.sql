-- How long an organization keeps what was said, what it must not delete, and how far
-- the deleting is. Without a row here nothing is deleted but streams, after a day.

create table sixty.retention (
    org_id uuid primary key references sixty.orgs,
    -- Days; null: for ever. Of conversations without activity, of live messages that an
    -- archive holds, and of versions of memory that another one has replaced.
    transcripts_days int check (transcripts_days > 0),
    messages_days int check (messages_days > 0),
    revisions_days int check (revisions_days > 0),
    -- Of streams after the end of their run; null: a day, 0: an hour.
    events_days int check (events_days >= 0),
    -- Nothing of the whole organization is deleted.
    legal_hold boolean not null default false,
    hold_reason text,
    version bigint not null,
    updated_at timestamptz not null default now(),
    updated_by uuid not null
);
call sixty.protect('retention', personal => false);
grant select, insert, update on sixty.retention to sixty_tenant;

-- People and conversations of whom nothing is deleted. `user_id` is the conversation's
-- owner where one is named; the nil id in its place stands for all that is the person's.
-- A conversation under hold cannot be deleted, so there is no foreign key to it.
create table sixty.retention_holds (
    org_id uuid not null references sixty.retention,
    user_id uuid not null,
    session_id uuid not null,
    primary key (org_id, user_id, session_id),
    foreign key (org_id, user_id) references sixty.members (org_id, user_id)
);
call sixty.protect('retention_holds', personal => false);
grant select, insert, delete on sixty.retention_holds to sixty_tenant;

-- Streams are dropped across organizations: by ids, times and these limits.
create policy streams on sixty.retention for select to sixty_system using (true);
grant select (org_id, events_days, legal_hold) on sixty.retention to sixty_system;
create policy streams on sixty.retention_holds for select to sixty_system using (true);
grant select (org_id, user_id, session_id) on sixty.retention_holds to sixty_system;

-- One round of deleting per organization and day. A replica takes it by compare-and-swap
-- on `fence`; each small transaction of the round begins with this row, deletes, moves
-- the place on and adds to the counts, so that a death loses and doubles nothing. The
-- counts go into the audit trail at the round's end.
create table sixty.retention_rounds (
    org_id uuid primary key references sixty.retention,
    next_at timestamptz not null default now(),
    fence bigint not null default 0,
    lease_owner uuid,
    lease_until timestamptz,
    phase text not null default 'sessions' check (phase in ('sessions', 'messages', 'revisions')),
    -- The last one of the phase that is done: a session, an archive or a member.
    after uuid,
    sessions bigint not null default 0,
    messages bigint not null default 0,
    archives bigint not null default 0,
    runs bigint not null default 0,
    events bigint not null default 0,
    revisions bigint not null default 0
);
call sixty.protect('retention_rounds', personal => false);
grant select, insert, update on sixty.retention_rounds to sixty_tenant;
create policy work on sixty.retention_rounds to sixty_system using (true);
grant select (org_id, next_at, fence, lease_until), update (fence, lease_owner, lease_until)
    on sixty.retention_rounds to sixty_system;

-- A conversation that is being deleted, in as many transactions as it takes: from the
-- first one on it does not exist any more for anybody but the deletion itself.
alter table sixty.sessions add column expired boolean not null default false;
create policy not_expired on sixty.sessions as restrictive for select to sixty_tenant
    using (not expired or current_setting('app.scope', true) = 'org');

-- Some of its messages stand in the archive alone: the history reads them there.
alter table sixty.copilot_session_summaries add column live_dropped boolean not null default false;
grant update (live_dropped) on sixty.copilot_session_summaries to sixty_tenant;
