-- Erasures know what has come since: profiles, retention, keys, and who accepted a line of memory.

-- Nobody deletes these while their organization exists.
do $$
declare
    name text;
begin
    foreach name in array array['org_profiles', 'org_profile_revisions', 'retention', 'retention_rounds', 'api_keys'] loop
        execute format('grant delete on sixty.%I to sixty_tenant', name);
        execute format('create policy with_its_organization on sixty.%1$I as restrictive for delete to sixty_tenant
            using (exists (select from sixty.orgs o where o.org_id = %1$I.org_id and o.status = ''erasing''))', name);
    end loop;
end
$$;

-- What a person set for the organization stays, without its author.
alter table sixty.org_profiles alter column updated_by drop not null;
alter table sixty.org_profile_revisions alter column written_by drop not null;
grant update (written_by) on sixty.org_profile_revisions to sixty_tenant;
alter table sixty.retention alter column updated_by drop not null;
alter table sixty.api_keys alter column created_by drop not null;
grant update (created_by) on sixty.api_keys to sixty_tenant;
grant update (accepted_by) on sixty.copilot_memory_revisions to sixty_tenant;
