//! Grants, owners and roles; and what the schema must not have at all.

use super::Rule;

pub const RULES: &[Rule] = &[
    Rule {
        says: "the system's role may do what the list says, and nothing else",
        finds: "with granted as (
                select name || ': ' || privilege
                    || coalesce(' (' || string_agg(column_name, ', ' order by column_name) || ')', '') as line
                from grants where grantee = 'sixty_system' group by name, privilege, column_name is null)
            select line from (select line from granted except select name from system_grants) a
            union all select line from (select name as line from system_grants except select line from granted) b",
        broken_by: &[
            "grant select on sixty.messages to sixty_system",
            "grant select (content) on sixty.messages to sixty_system",
            "grant delete on sixty.runs to sixty_system",
            "revoke insert on sixty.run_events from sixty_system",
        ],
    },
    Rule {
        says: "the system's role reads no content, and no whole table of an organization",
        finds: "select name from content_columns
            where has_column_privilege('sixty_system', 'sixty.' || split_part(name, '.', 1), split_part(name, '.', 2), 'select')
            union all
            select name from tenant_tables where has_table_privilege('sixty_system', oid, 'select, update')",
        broken_by: &[
            "grant select (frames) on sixty.run_events to sixty_system",
            "grant select on sixty.idempotency to public",
            "grant sixty_tenant to sixty_system",
        ],
    },
    Rule {
        says: "the role of the archive's search reads what the list says, and nothing else",
        finds: "with granted as (
                select name || ': ' || privilege
                    || coalesce(' (' || string_agg(column_name, ', ' order by column_name) || ')', '') as line
                from grants where grantee = 'sixty_search' group by name, privilege, column_name is null)
            select line from (select line from granted except select name from search_grants) a
            union all select line from (select name as line from search_grants except select line from granted) b",
        broken_by: &[
            "grant select (text) on sixty.copilot_summary_passages to sixty_search",
            "grant select on sixty.copilot_summary_passages to sixty_search",
            "grant select (content) on sixty.messages to sixty_search",
            "grant delete on sixty.copilot_summary_passages to sixty_search",
            "revoke select (search) on sixty.copilot_summary_passages from sixty_search",
        ],
    },
    Rule {
        says: "grants go to the roles of the tenant, the system and the search only",
        finds: "select name || ' to ' || grantee from grants
            where grantee not in ('sixty_tenant', 'sixty_system', 'sixty_search')",
        broken_by: &[
            "grant select on sixty.orgs to sixty_app",
            "grant select on sixty.orgs to public",
            "grant select (name) on sixty.orgs to public",
        ],
    },
    Rule {
        says: "nobody may truncate, reference, or make triggers",
        finds: "select name || ' ' || privilege from grants
            where privilege not in ('select', 'insert', 'update', 'delete')",
        broken_by: &[
            "grant truncate on sixty.runs to sixty_tenant",
            "grant references on sixty.orgs to sixty_tenant",
            "grant trigger on sixty.orgs to sixty_tenant",
        ],
    },
    Rule {
        says: "the audit trail and its seals are append-only",
        finds: "with trail as (select unnest('{audit,audit_seals}'::text[]) as name)
            select t.name || ' ' || g.privilege from trail t join grants g using (name)
                where g.privilege not in ('select', 'insert')
                    and not (g.privilege = 'delete' and g.column_name is null and g.grantee = 'sixty_tenant')
            union all select name from trail where name not in (select name from tenant_tables)",
        broken_by: &[
            "grant update on sixty.audit to sixty_tenant",
            "grant update (detail) on sixty.audit to sixty_tenant",
            "grant delete on sixty.audit to sixty_system",
            "grant delete on sixty.audit_seals to sixty_system",
            "grant update (mac) on sixty.audit_seals to sixty_tenant",
            "alter table sixty.audit rename to old_audit",
        ],
    },
    Rule {
        says: "versions of skills are immutable: what a run began with is what it ends with",
        finds: "select name || coalesce(' ' || column_name, '') from grants
            where name in ('skill_versions', 'skill_files') and privilege = 'update'
                and column_name is distinct from 'created_by'",
        broken_by: &[
            "grant update (document) on sixty.skill_versions to sixty_tenant",
            "grant update on sixty.skill_versions to sixty_tenant",
            "grant update (content) on sixty.skill_files to sixty_tenant",
        ],
    },
    Rule {
        says: "what nobody deletes is deleted with its whole organization only, of which the tenant's role cannot say that",
        finds: "with kept as (select unnest('{members,permissions,audit,audit_seals,audit_heads}'::text[]) as name)
            select k.name from kept k where not exists (select from policies p
                where p.table_name = k.name and not p.permissive and p.roles = '{sixty_tenant}' and p.cmd = 'DELETE'
                and p.qual = format('(EXISTS ( SELECT%s   FROM sixty.orgs o%s  WHERE ((o.org_id = %s.org_id) AND (o.status = ''erasing''::text))))', E'\\n', E'\\n', k.name))
            union all select 'orgs.status' where has_column_privilege('sixty_tenant', 'sixty.orgs', 'status', 'insert, update')",
        broken_by: &[
            "drop policy with_its_organization on sixty.audit",
            "alter policy with_its_organization on sixty.audit_seals using (true)",
            "grant update on sixty.orgs to sixty_tenant",
            "grant insert (status) on sixty.orgs to sixty_tenant",
        ],
    },
    Rule {
        says: "the audit trail is read by what looks at the whole organization, and by nothing else",
        finds: "select t.name from tenant_tables t where t.name like 'audit%' and not exists (select from policies p
                where p.table_name = t.name and not p.permissive and p.roles = '{sixty_tenant}' and p.cmd = 'SELECT'
                and p.qual = '(current_setting(''app.scope''::text, true) = ''org''::text)')",
        broken_by: &[
            "drop policy overseen on sixty.audit",
            "alter policy overseen on sixty.audit_seals using (true)",
        ],
    },
    Rule {
        says: "partitions have no grants, which would lead around the parent's policy, and let nobody in by themselves",
        finds: "select name from grants where relispartition
            union all
            select relname::text from pg_class where relnamespace = 'sixty'::regnamespace and relispartition
                and relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)
            union all
            select name from policies join pg_class c on c.relname = table_name
                where c.relnamespace = 'sixty'::regnamespace and c.relispartition",
        broken_by: &[
            "grant select on sixty.copilot_summary_passages_07 to sixty_tenant",
            "grant select (search) on sixty.copilot_summary_passages_00 to sixty_search",
            "alter table sixty.copilot_summary_passages_31 disable row level security",
            "alter table sixty.copilot_summary_passages_31 no force row level security",
            "create policy bad on sixty.copilot_summary_passages_03 to sixty_tenant using (true)",
            "create table sixty.bad (org_id uuid not null) partition by list (org_id);
                create table sixty.bad_1 partition of sixty.bad default",
        ],
    },
    Rule {
        says: "functions of the schema are executed by those in the list; only the owner makes objects in it",
        finds: "with granted as (
                select p.proname || ': ' || coalesce(g.rolname, 'public') as name from pg_proc p
                cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
                left join pg_roles g on g.oid = acl.grantee
                where p.pronamespace = 'sixty'::regnamespace and acl.grantee <> p.proowner)
            select name from (select name from granted except select name from callable) a
            union all select name from (select name from callable except select name from granted) b
            union all
            select acl.privilege_type from pg_namespace n cross join lateral aclexplode(n.nspacl) acl
                where n.nspname = 'sixty' and acl.grantee <> n.nspowner
                and (acl.privilege_type <> 'USAGE' or acl.grantee not in
                    ('sixty_tenant'::regrole, 'sixty_system'::regrole, 'sixty_search'::regrole))
            union all
            select 'default ' || defaclobjtype::text from pg_default_acl
                where defaclnamespace = 'sixty'::regnamespace",
        broken_by: &[
            "create function sixty.bad() returns int language sql as 'select 1'",
            "grant execute on procedure sixty.protect to sixty_tenant",
            "grant execute on function sixty.search_passages to public",
            "grant execute on function sixty.search_passages to sixty_system",
            "revoke execute on function sixty.search_passages from sixty_tenant",
            "grant usage on schema sixty to public",
            "grant create on schema sixty to sixty_tenant",
            "grant create on schema sixty to sixty_search",
            "alter default privileges in schema sixty grant select on tables to sixty_tenant",
        ],
    },
    Rule {
        says: "one function runs with its owner's rights: the archive's search, whose owner has little, on a fixed path",
        finds: "select proname::text from pg_proc where pronamespace = 'sixty'::regnamespace and prosecdef and not (
                proname = 'search_passages' and proowner = 'sixty_search'::regrole
                and 'search_path=pg_catalog, pg_temp' = any (proconfig))
            union all
            select 'search_passages' where (select count(*) from pg_proc
                where pronamespace = 'sixty'::regnamespace and prosecdef) <> 1",
        broken_by: &[
            "create function sixty.bad() returns int language sql security definer as 'select 1'",
            "create function sixty.search_passages() returns int language sql security definer
                set search_path = pg_catalog, pg_temp as 'select 1'; alter function sixty.search_passages()
                owner to sixty_search",
            "alter function sixty.search_passages owner to sixty_owner",
            "alter function sixty.search_passages set search_path = public",
            "alter function sixty.search_passages reset search_path",
            "alter function sixty.search_passages security invoker",
        ],
    },
    Rule {
        says: "there are no triggers and no rules",
        finds: "select t.tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
                where c.relnamespace = 'sixty'::regnamespace and not t.tgisinternal
            union all
            select r.rulename::text from pg_rewrite r join pg_class c on c.oid = r.ev_class
                where c.relnamespace = 'sixty'::regnamespace and r.rulename <> '_RETURN'",
        broken_by: &[
            "create function sixty.bad() returns trigger language plpgsql as 'begin return new; end';
                create trigger bad before insert on sixty.runs for each row execute function sixty.bad()",
            "create rule bad as on delete to sixty.runs do instead nothing",
        ],
    },
    Rule {
        says: "there are tables, indexes and views, and nothing else: no materialized views, foreign tables, sequences",
        finds: "select relname::text from pg_class where relnamespace = 'sixty'::regnamespace
            and relkind not in ('r', 'p', 'i', 'I', 'v')",
        broken_by: &[
            "create materialized view sixty.bad as select 1 as one",
            "create sequence sixty.bad",
        ],
    },
    Rule {
        says: "views run with the rights of whoever asks",
        finds: "select relname::text from pg_class where relnamespace = 'sixty'::regnamespace and relkind = 'v'
            and not coalesce(reloptions && '{security_invoker=true,security_invoker=on,security_invoker=1}', false)",
        broken_by: &[
            "create view sixty.bad as select 1 as one",
            "alter view sixty.session_context set (security_invoker = false)",
        ],
    },
    Rule {
        says: "everything in the schema belongs to sixty_owner, but for the function of sixty_search",
        finds: "select relname::text from pg_class
                where relnamespace = 'sixty'::regnamespace and relowner <> 'sixty_owner'::regrole
            union all select proname::text from pg_proc
                where pronamespace = 'sixty'::regnamespace
                and proowner <> case proname when 'search_passages' then 'sixty_search' else 'sixty_owner' end::regrole
            union all select nspname::text from pg_namespace
                where nspname = 'sixty' and nspowner <> 'sixty_owner'::regrole",
        broken_by: &[
            "create table sixty.bad (org_id uuid primary key)",
            "alter table sixty.runs owner to sixty_app",
            "alter table sixty.runs owner to sixty_search",
            "create function sixty.bad() returns int language sql as 'select 1'",
            "alter schema sixty owner to sixty_app",
        ],
    },
    Rule {
        says: "the runtime login is no superuser, bypasses nothing, inherits nothing and owns nothing",
        finds: "select rolname::text from pg_roles where rolname = 'sixty_app'
                and (rolsuper or rolbypassrls or rolinherit or rolcreaterole or rolcreatedb or rolreplication
                    or not rolcanlogin)
            union all select relname::text from pg_class where relowner = 'sixty_app'::regrole
            union all select proname::text from pg_proc where proowner = 'sixty_app'::regrole
            union all select nspname::text from pg_namespace where nspowner = 'sixty_app'::regrole",
        broken_by: &[
            "alter role sixty_app inherit",
            "alter role sixty_app bypassrls",
            "alter role sixty_app superuser",
            "alter role sixty_app createrole",
            "alter table sixty.runs owner to sixty_app",
        ],
    },
    Rule {
        says: "the runtime login is a member of the tenant's and the system's role, and of no other",
        finds: "with has as (select roleid::regrole::text as name from pg_auth_members where member = 'sixty_app'::regrole),
                wanted as (select unnest('{sixty_tenant,sixty_system}'::text[]) as name)
            select name from (select name from has except select name from wanted) a
            union all select name from (select name from wanted except select name from has) b
            union all select roleid::regrole::text from pg_auth_members
                where member = 'sixty_app'::regrole and admin_option",
        broken_by: &[
            "grant sixty_owner to sixty_app",
            "revoke sixty_system from sixty_app",
            "grant sixty_tenant to sixty_app with admin option",
        ],
    },
    Rule {
        says: "the roles of the schema cannot log in, bypass nothing, and are members of nothing",
        finds: "select rolname::text from pg_roles
                where rolname in ('sixty_owner', 'sixty_tenant', 'sixty_system', 'sixty_search')
                and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)
            union all select member::regrole::text from pg_auth_members
                where member in ('sixty_owner'::regrole, 'sixty_tenant'::regrole, 'sixty_system'::regrole, 'sixty_search'::regrole)",
        broken_by: &[
            "alter role sixty_tenant bypassrls",
            "alter role sixty_system login",
            "grant sixty_owner to sixty_tenant",
        ],
    },
];
