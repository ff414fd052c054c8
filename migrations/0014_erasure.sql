-- Erasure of a person and of a whole organization: what is under way, and what is left.

-- An organization that is being erased lets nobody in; erased, its row is a tombstone
-- without names. The tenant's role can read that and not change it: what may be
-- deleted only with the whole organization depends on it.
alter table sixty.orgs add column status text not null default 'active'
    check (status in ('active', 'erasing', 'erased'));
revoke insert, update on sixty.orgs from sixty_tenant;
grant insert (org_id, external_id, name), update (external_id, name) on sixty.orgs to sixty_tenant;
create policy erasing on sixty.orgs for update to sixty_system using (true);
grant select (status), update (status) on sixty.orgs to sixty_system;

-- What was asked for, and how far it is. Ids and numbers: it stays when all else is gone.
create table sixty.erasures (
    org_id uuid not null references sixty.orgs,
    id uuid not null,
    -- Whose data; null: the organization and all that it has.
    user_id uuid,
    -- The administrator, or the platform's, who asked for it.
    requested_by uuid not null,
    status text not null default 'running' check (status in ('running', 'done')),
    -- The replica that works at it, and until when nobody else does.
    lease_owner uuid,
    lease_until timestamptz,
    -- Rows removed or blanked so far, without those that hung on them.
    row_count bigint not null default 0,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (org_id, id),
    check ((status = 'done') = (finished_at is not null)),
    check ((lease_owner is null) = (lease_until is null))
);
call sixty.protect('erasures', personal => false);
grant select, insert, update (status, lease_owner, lease_until, row_count, finished_at), delete
    on sixty.erasures to sixty_tenant;
create unique index erasures_one_running on sixty.erasures (org_id, coalesce(user_id, org_id))
    where status = 'running';
create index erasures_by_subject on sixty.erasures (org_id, user_id, id);

-- Replicas look for work: ids, states and leases.
create policy work on sixty.erasures to sixty_system using (true);
grant select (org_id, id, user_id, status, lease_owner, lease_until, created_at) on sixty.erasures to sixty_system;
grant update (lease_owner, lease_until) on sixty.erasures to sixty_system;
create index erasures_open on sixty.erasures (created_at) where status = 'running';

-- Nobody deletes these while their organization exists.
do $$
declare
    name text;
begin
    foreach name in array array['members', 'permissions', 'audit', 'audit_seals', 'audit_heads'] loop
        execute format('grant delete on sixty.%I to sixty_tenant', name);
        execute format('create policy with_its_organization on sixty.%1$I as restrictive for delete to sixty_tenant
            using (exists (select from sixty.orgs o where o.org_id = %1$I.org_id and o.status = ''erasing''))', name);
    end loop;
end
$$;

-- What a person wrote into the organization's record stays, without its author.
alter table sixty.entity_notes alter column author_id drop not null;
grant update (author_id) on sixty.entity_notes to sixty_tenant;
create index entity_notes_by_author on sixty.entity_notes (org_id, author_id, id);
alter table sixty.copilot_memory_revisions alter column written_by drop not null;
grant update (written_by) on sixty.copilot_memory_revisions to sixty_tenant;
create index copilot_memory_revisions_by_writer on sixty.copilot_memory_revisions (org_id, written_by, created_at);
alter table sixty.copilot_memories alter column updated_by drop not null;
alter table sixty.permissions alter column updated_by drop not null;

-- Of an organization that is closed, or a person who is removed, the service stops the runs.
grant update (cancel_requested) on sixty.runs to sixty_system;
