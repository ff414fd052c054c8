-- What copilots may do by themselves (the matrix), and what waits for a person (approvals).

-- The organization's preset. No row: `balanced`, version 0.
create table sixty.permissions (
    org_id uuid primary key references sixty.orgs,
    preset text not null check (preset in ('conservative', 'balanced', 'autonomous')),
    version bigint not null,
    updated_at timestamptz not null default now(),
    updated_by uuid not null
);
call sixty.protect('permissions', personal => false);
grant select, insert, update on sixty.permissions to sixty_tenant;

-- What overrides the preset. The words of actions are the program's: a newer one has more.
create table sixty.permission_rows (
    org_id uuid not null references sixty.permissions,
    action text not null,
    -- `any`: each role that has no row of its own for the action.
    role text not null check (role in ('any', 'readonly', 'member', 'admin', 'owner')),
    policy text not null check (policy in ('auto', 'suggest', 'approve', 'disabled')),
    decider text check (decider in ('requester', 'admin')),
    primary key (org_id, action, role)
);
call sixty.protect('permission_rows', personal => false);
grant select, insert, delete on sixty.permission_rows to sixty_tenant;

-- What administrators set for one person: it only makes things stricter.
create table sixty.permission_user_rows (
    org_id uuid not null references sixty.permissions,
    user_id uuid not null,
    action text not null,
    policy text not null check (policy in ('auto', 'suggest', 'approve', 'disabled')),
    decider text check (decider in ('requester', 'admin')),
    primary key (org_id, user_id, action),
    foreign key (org_id, user_id) references sixty.members (org_id, user_id)
);
call sixty.protect('permission_user_rows', personal => false);
grant select, insert, delete on sixty.permission_user_rows to sixty_tenant;

-- All that is set for one member, as the program reads it: a part of the statements
-- that begin a turn and load a run.
create view sixty.member_permissions with (security_invoker = true) as
select m.org_id, m.user_id, jsonb_build_object(
    'preset', coalesce(p.preset, 'balanced'),
    'rows', coalesce((
        select jsonb_agg(jsonb_build_object('role', nullif(r.role, 'any'), 'action', r.action,
            'policy', r.policy, 'decider', r.decider) order by r.action, r.role)
        from sixty.permission_rows r where r.org_id = m.org_id), '[]'),
    'own', coalesce((
        select jsonb_agg(jsonb_build_object('action', u.action, 'policy', u.policy, 'decider', u.decider)
            order by u.action)
        from sixty.permission_user_rows u where u.org_id = m.org_id and u.user_id = m.user_id), '[]')
) as matrix
from sixty.members m left join sixty.permissions p on p.org_id = m.org_id;
grant select on sixty.member_permissions to sixty_tenant;

-- A call that a person decides about: bound to run, call, tool, the tool's schema and
-- the bytes of the arguments, and used once.
create table sixty.approvals (
    org_id uuid not null,
    owner_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    run_id uuid not null,
    call_id text not null,
    tool text not null,
    action text not null,
    -- SHA-256 of the tool's schema, so that a changed tool is noticed.
    schema_hash bytea not null,
    -- The arguments as they are shown and executed, and SHA-256 of those bytes.
    args text not null,
    args_hash bytea not null,
    -- What the call would do, for the person who decides (JSON text).
    preview text not null,
    -- Whether the run waits for it; else it is a proposal, and the run has gone on.
    blocking boolean not null,
    decider text not null check (decider in ('requester', 'admin')),
    status text not null default 'pending'
        check (status in ('pending', 'approved', 'denied', 'expired', 'executed', 'refused', 'void')),
    decided_by uuid,
    decided_as text check (decided_as in ('requester', 'admin')),
    decided_at timestamptz,
    reason text,
    -- The arguments that the person put in the place of the model's.
    edited_args text,
    edited_hash bytea,
    -- The run that carries out an accepted proposal.
    decision_run_id uuid,
    expires_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, run_id, call_id),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade,
    foreign key (org_id, owner_id, run_id) references sixty.runs (org_id, owner_id, id) on delete cascade,
    check ((decided_by is null) = (decided_at is null) and (decided_by is null) = (decided_as is null)),
    check ((edited_args is null) = (edited_hash is null))
);
call sixty.protect('approvals', personal => true);
-- Of other people's, administrators see those that are theirs to decide, in no scope more.
create policy reserved on sixty.approvals as restrictive for select to sixty_tenant
    using (owner_id = nullif(current_setting('app.user_id', true), '')::uuid or decider = 'admin');
grant select, insert, update (status, decided_by, decided_as, decided_at, reason, edited_args, edited_hash, decision_run_id)
    on sixty.approvals to sixty_tenant;
create index approvals_by_owner on sixty.approvals (org_id, owner_id, id);
create index approvals_of_admins on sixty.approvals (org_id, id) where decider = 'admin';
create index approvals_by_decision on sixty.approvals (org_id, decision_run_id) where decision_run_id is not null;

-- Workers look for parked runs whose time has come.
create index runs_to_wake on sixty.runs (wake_at) where status = 'waiting';
