-- The roles of Sixty and its schema, as `sixty migrate` makes them. For those who want to make them themselves,
-- or to read what they are. Roles belong to the whole server, the schema to the database. May be run
-- again; of two runs at the same moment, one may be refused ("tuple concurrently updated") and has to be repeated.
--
--   psql --set=login=sixty_app --file=deploy/roles.sql postgres://…
--
-- `login` is the user of DATABASE_URL. A new one gets its password from SIXTY_DB_PASSWORD, if that is set, so that
-- it stands on no command line. Without `login`, no login is made.

\set ON_ERROR_STOP on
\getenv password SIXTY_DB_PASSWORD
set client_min_messages = warning;
begin;

-- Nobody signs in as one of these four.
--   sixty_owner   owns the schema and runs migrations
--   sixty_tenant  sees one organization's rows
--   sixty_system  claims work and looks up keys; reads ids and states, never content
--   sixty_search  owns the one function that searches the archive, and can do nothing else
do $$
declare
    name text;
begin
    foreach name in array array['sixty_owner', 'sixty_tenant', 'sixty_system', 'sixty_search'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin', name);
            -- Another database of this server is being set up at the same moment.
            exception when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
    if exists (select from pg_catalog.pg_roles where rolname like 'sixty\_%' and (rolsuper or rolbypassrls)) then
        raise exception 'a role named sixty_… is a superuser or bypasses row-level security';
    end if;
    -- Whoever runs this also runs the migrations, in the owner's name, and makes the one function of sixty_search in
    -- that role's. Since Postgres 16 a role's maker is a member of it who may not take it on.
    foreach name in array array['sixty_owner', 'sixty_search'] loop
        if not pg_catalog.pg_has_role(
            name, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end
        ) then
            execute format(
                'grant %I to %I%s', name, current_user,
                case when current_setting('server_version_num')::int >= 160000
                    then ' with inherit false, set true' else '' end
            );
        end if;
    end loop;
end
$$;

create schema if not exists sixty authorization sixty_owner;

\if :{?login}
    select format('create role %I login noinherit', :'login')
    where not exists (select from pg_catalog.pg_roles where rolname = :'login') \gexec
    \if :{?password}
        select format('alter role %I password %L', :'login', :'password') \gexec
    \endif

    -- It inherits nothing: a query outside a transaction that has taken on a role is refused.
    -- Since Postgres 16 that is said with each grant, and the attribute is only the default for new ones.
    select format('alter role %I noinherit', rolname) from pg_catalog.pg_roles
    where rolname = :'login' and rolinherit \gexec
    select format(
        'grant sixty_tenant, sixty_system to %I%s', :'login',
        case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end
    ) \gexec

    -- On the login, because `set role` does not bring a role's settings with it.
    select format('alter role %I set %s', :'login', setting) from (values
        ($$statement_timeout = '15s'$$),
        ($$lock_timeout = '5s'$$),
        ($$idle_in_transaction_session_timeout = '30s'$$),
        -- Statements are planned once a connection: planning the begin of a turn takes longer than running it.
        ($$plan_cache_mode = 'force_generic_plan'$$)
    ) as settings (setting) \gexec
\endif

commit;
