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
