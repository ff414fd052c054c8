-- Organizations, their members, and what protects every table that follows.
--
-- Roles (made by `sixty migrate`, because roles belong to the cluster):
--   sixty_owner   owns the schema and runs migrations
--   sixty_tenant  sees one organization's rows, and of personal tables one person's
--   sixty_system  claims work and looks up keys; reads ids and states, never content

grant usage on schema sixty to sixty_tenant, sixty_system;
-- `serve` refuses to start on a schema that is older than the program.
grant select on sixty._sqlx_migrations to sixty_system;

-- Row-level security as every tenant table has it. `personal` tables hold what
-- one person said or was told: colleagues do not see it, unless the transaction
-- was opened for one of the operations that may look at the whole organization.
create procedure sixty.protect(name text, personal boolean)
language plpgsql as $$
declare
    org constant text := $p$nullif(current_setting('app.org_id', true), '')::uuid$p$;
    me constant text := $p$nullif(current_setting('app.user_id', true), '')::uuid$p$;
    all_of_org constant text := $p$current_setting('app.scope', true) = 'org'$p$;
begin
    execute format('alter table sixty.%I enable row level security', name);
    execute format('alter table sixty.%I force row level security', name);
    execute format('create policy tenant on sixty.%I to sixty_tenant using (org_id = %s)', name, org);
    if personal then
        execute format('create policy own_reads on sixty.%I as restrictive for select to sixty_tenant using (owner_id = %s or %s)', name, me, all_of_org);
        execute format('create policy own_inserts on sixty.%I as restrictive for insert to sixty_tenant with check (owner_id = %s)', name, me);
        execute format('create policy own_updates on sixty.%I as restrictive for update to sixty_tenant using (owner_id = %s)', name, me);
        execute format('create policy own_deletes on sixty.%I as restrictive for delete to sixty_tenant using (owner_id = %s or %s)', name, me, all_of_org);
    end if;
end
$$;
revoke execute on procedure sixty.protect from public;

create table sixty.orgs (
    org_id uuid primary key,
    -- The id that tokens and the platform use; org_id is derived from it.
    external_id text not null,
    name text not null,
    created_at timestamptz not null default now()
);
call sixty.protect('orgs', personal => false);
grant select, insert, update on sixty.orgs to sixty_tenant;

create table sixty.members (
    org_id uuid not null references sixty.orgs,
    user_id uuid not null,
    -- The token's subject; user_id is derived from it.
    external_id text not null,
    name text,
    -- Given by the platform, for logins whose token carries no role.
    role text check (role in ('readonly', 'member', 'admin', 'owner')),
    -- Set by an administrator: no token lifts a member above it.
    ceiling text check (ceiling in ('readonly', 'member', 'admin', 'owner')),
    -- A removed member stays as a tombstone, so that an old token does not make a new one.
    status text not null default 'active' check (status in ('active', 'suspended', 'removed')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, user_id)
);
call sixty.protect('members', personal => false);
grant select, insert, update on sixty.members to sixty_tenant;

-- A login without an organization asks which memberships it has, before there
-- is a tenant. Ids, roles and states; no names.
create policy memberships on sixty.members for select to sixty_system using (true);
grant select (org_id, user_id, role, ceiling, status) on sixty.members to sixty_system;
create policy memberships on sixty.orgs for select to sixty_system using (true);
grant select (org_id, external_id) on sixty.orgs to sixty_system;
create index members_by_user on sixty.members (user_id);
