//! Keys, foreign keys and policies.

use super::Rule;

pub const RULES: &[Rule] = &[
    Rule {
        says: "the list of global tables holds nothing that does not exist",
        finds: "select name from global_tables where to_regclass('sixty.' || name) is null",
        broken_by: &["insert into global_tables values ('gone', '')"],
    },
    Rule {
        says: "every table has org_id uuid not null",
        finds: "select name from tenant_tables t where not exists (select from columns_of c
            where c.oid = t.oid and c.name = 'org_id' and c.atttypid = 'uuid'::regtype and c.attnotnull)",
        broken_by: &[
            "create table sixty.bad (id uuid primary key)",
            "create table sixty.bad (org_id uuid, id uuid primary key)",
            "create table sixty.bad (org_id text not null, primary key (org_id))",
        ],
    },
    Rule {
        says: "org_id is the first column of every primary key",
        finds: "select t.name from tenant_tables t where not exists (
            select from pg_index i join columns_of c on c.oid = i.indrelid and c.attnum = i.indkey[0]
            where i.indrelid = t.oid and i.indisprimary and c.name = 'org_id')",
        broken_by: &[
            "create table sixty.bad (org_id uuid not null)",
            "create table sixty.bad (id uuid, org_id uuid not null, primary key (id, org_id))",
        ],
    },
    Rule {
        says: "every unique index holds org_id: a global one tells what others have",
        finds: "select i.indexrelid::regclass::text from pg_index i join tenant_tables t on t.oid = i.indrelid
            where (i.indisunique or i.indisexclusion) and not exists (select from columns_of c
                where c.oid = t.oid and c.name = 'org_id'
                and c.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))",
        broken_by: &[
            "create unique index bad on sixty.sessions (client_key)",
            "create unique index bad on sixty.sessions (client_key) include (org_id)",
            "create unique index bad on sixty.runs (session_id) where status = 'running'",
        ],
    },
    Rule {
        says: "every foreign key carries org_id: Postgres checks it past the policies",
        finds: "select distinct name from pairs p where not exists (select from pairs o
            where o.name = p.name and o.conrelid = p.conrelid and o.child = 'org_id' and o.parent = 'org_id')",
        broken_by: &["create table sixty.parent (id uuid primary key);
            alter table sixty.runs add constraint bad foreign key (id) references sixty.parent"],
    },
    Rule {
        says: "foreign keys among personal tables carry owner_id",
        finds: "select distinct p.name from pairs p
            join personal_tables c on c.oid = p.conrelid join personal_tables d on d.oid = p.confrelid
            where not exists (select from pairs o
                where o.name = p.name and o.conrelid = p.conrelid and o.child = 'owner_id' and o.parent = 'owner_id')",
        broken_by: &["alter table sixty.messages add constraint bad
            foreign key (org_id, session_id) references sixty.sessions (org_id, id)"],
    },
    Rule {
        says: "row-level security is enabled and forced on every table",
        finds: "select name from tenant_tables where not (relrowsecurity and relforcerowsecurity)",
        broken_by: &[
            "alter table sixty.runs no force row level security",
            "alter table sixty.runs disable row level security",
            "create table sixty.bad (org_id uuid primary key)",
        ],
    },
    Rule {
        says: "every table shows the tenant's role one organization, by one permissive policy; of some that are in the
            list, what is the platform's as well",
        finds: "with shared as (select p.name from policies p join platform_policies using (name)
                where p.permissive and p.roles = '{sixty_tenant}' and p.cmd = 'SELECT' and p.with_check is null
                and p.qual = '(org_id = ''00000000-0000-0000-0000-000000000000''::uuid)')
            select name from platform_policies where name not in (select name from shared)
            union all
            select t.name from tenant_tables t
            where (select count(*) from policies p where p.table_name = t.name and p.permissive
                    and p.roles && '{sixty_tenant,public}' and p.name not in (select name from shared)) <> 1
                or not exists (select from policies p where p.table_name = t.name and p.permissive
                    and p.roles = '{sixty_tenant}' and p.cmd = 'ALL' and coalesce(p.with_check, p.qual) = p.qual
                    and p.qual = '(org_id = (NULLIF(current_setting(''app.org_id''::text, true), ''''::text))::uuid)')",
        broken_by: &[
            "drop policy tenant on sixty.runs",
            "create policy more on sixty.runs to sixty_tenant using (status = 'done')",
            "drop policy tenant on sixty.runs; create policy tenant on sixty.runs to sixty_tenant
                using (org_id = current_setting('app.org_id', true)::uuid)",
            "alter policy tenant on sixty.runs with check (true)",
            "create policy platform on sixty.runs for select to sixty_tenant
                using (org_id = '00000000-0000-0000-0000-000000000000')",
            "alter policy platform on sixty.skills using (true)",
            "drop policy platform on sixty.skills; create policy platform on sixty.skills to sixty_tenant
                using (org_id = '00000000-0000-0000-0000-000000000000')",
            "drop policy platform on sixty.skill_files",
        ],
    },
    Rule {
        says: "personal tables are read by their person or for the organization, and written by their person",
        finds: "with own as (select '(owner_id = (NULLIF(current_setting(''app.user_id''::text, true), ''''::text))::uuid)' as me),
            either as (select format('(%s OR (current_setting(''app.scope''::text, true) = ''org''::text))', me) as anyone from own),
            wanted as (
                select t.name, w.cmd, w.qual, w.with_check from personal_tables t, own, either,
                lateral (values ('SELECT', anyone, null), ('INSERT', null, me), ('UPDATE', me, null), ('DELETE', anyone, null))
                    as w (cmd, qual, with_check))
            select w.name || ' ' || w.cmd from wanted w where not exists (select from policies p
                where p.table_name = w.name and not p.permissive and p.roles = '{sixty_tenant}' and p.cmd = w.cmd
                and p.qual is not distinct from w.qual and p.with_check is not distinct from w.with_check)",
        broken_by: &[
            "drop policy own_reads on sixty.messages",
            "drop policy own_inserts on sixty.messages",
            "drop policy own_updates on sixty.messages",
            "drop policy own_deletes on sixty.messages",
            "alter policy own_updates on sixty.messages with check (true)",
            "alter policy own_inserts on sixty.messages with check (owner_id is not null)",
        ],
    },
    Rule {
        says: "tables in which some rows are personal show those to their person only",
        finds: "select t.name from tenant_tables t join columns_of c using (oid)
            where c.name = 'owner_id' and not c.attnotnull and not exists (select from policies p
                where p.table_name = t.name and not p.permissive and p.roles = '{sixty_tenant}' and p.cmd = 'ALL'
                and p.with_check is null and p.qual =
                '((owner_id IS NULL) OR (owner_id = (NULLIF(current_setting(''app.user_id''::text, true), ''''::text))::uuid))')",
        broken_by: &[
            "drop policy own_memory on sixty.copilot_memories",
            "alter table sixty.sessions alter column owner_id drop not null",
        ],
    },
    Rule {
        says: "every policy names its role",
        finds: "select name from policies where 'public' = any (roles)",
        broken_by: &["create policy bad on sixty.runs as restrictive using (false)"],
    },
    Rule {
        says: "every open policy is in the list, and the list holds no other",
        finds: "with open as (select name from policies where qual = 'true' or with_check = 'true')
            select name from (select name from open except select name from open_policies) a
            union all select name from (select name from open_policies except select name from open) b",
        broken_by: &[
            "create policy bad on sixty.messages to sixty_system using (true)",
            "create policy bad on sixty.messages for insert to sixty_system with check (true)",
            "drop policy flush on sixty.run_events",
        ],
    },
    Rule {
        says: "no policy of the system's role is anything but open or missing: a condition would hide a gap",
        finds: "select name from policies where 'sixty_system' = any (roles)
            and coalesce(qual, 'true') <> 'true'",
        broken_by: &["create policy bad on sixty.messages to sixty_system using (role = 'user')"],
    },
];
