-- The organization's profile: facts with names, for skills. No row: no facts, version 0.
create table sixty.org_profiles (
    org_id uuid primary key references sixty.orgs,
    -- JSON text: what is compiled into a prompt must be the same bytes each time.
    profile text not null check (octet_length(profile) <= 65536),
    version bigint not null,
    updated_at timestamptz not null default now(),
    updated_by uuid not null
);
call sixty.protect('org_profiles', personal => false);
grant select, insert, update (profile, version, updated_at, updated_by) on sixty.org_profiles to sixty_tenant;

-- What it said at each version. Never changed: a run of a skill names the version that it used.
create table sixty.org_profile_revisions (
    org_id uuid not null references sixty.org_profiles on delete cascade,
    version bigint not null,
    profile text not null,
    written_by uuid not null,
    created_at timestamptz not null default now(),
    primary key (org_id, version)
);
call sixty.protect('org_profile_revisions', personal => false);
grant select, insert on sixty.org_profile_revisions to sixty_tenant;
