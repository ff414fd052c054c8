-- Skills: documents from which the copilot learns what to do. An organization's are its own; those of the
-- platform belong to the organization whose id is nil (no external id derives to it), and everybody reads
-- them. A skill of an organization takes the place of the platform's of the same key.

-- Counts the changes of an organization's skills, settings included: what is made of them is kept by this
-- number. Whoever changes a skill locks the row first, so that one change follows the other.
create table sixty.skill_states (
    org_id uuid primary key references sixty.orgs,
    version bigint not null,
    -- Of the list of skills that prompts hold: the keys that stand first, its tokens, and the changes of both.
    first text[] not null default '{}',
    tokens int not null default 4000,
    list_version bigint not null default 0
);
call sixty.protect('skill_states', personal => false);
grant select, insert, update (version, first, tokens, list_version), delete on sixty.skill_states to sixty_tenant;

create table sixty.skills (
    org_id uuid not null references sixty.orgs,
    key text collate "C" not null check (key ~ '^[a-z0-9_-]{1,64}$'),
    -- Of the newest document. Goes on where it stood when a deleted skill is made again.
    version bigint not null,
    enabled boolean not null,
    -- The version that is used instead of the newest one.
    pinned_version bigint,
    updated_at timestamptz not null default now(),
    -- Null: the author was erased, or it was the platform; the trail says who.
    updated_by uuid,
    -- Its versions stay: runs that began with one end with it.
    deleted_at timestamptz,
    primary key (org_id, key)
);
call sixty.protect('skills', personal => false);
grant select, insert, update (version, enabled, pinned_version, updated_at, updated_by, deleted_at), delete
    on sixty.skills to sixty_tenant;

-- Immutable: nobody has the right to change a document.
create table sixty.skill_versions (
    org_id uuid not null,
    key text collate "C" not null,
    version bigint not null,
    -- As it was sent, byte for byte.
    document text not null,
    -- Of the document and its companions; what is sent again makes no new version.
    sha256 bytea not null check (octet_length(sha256) = 32),
    -- What lists show of the document.
    kind text not null check (kind in ('atomic', 'sequence', 'composite')),
    name text not null,
    description text not null,
    category text,
    priority text,
    tags text[] not null,
    -- What the document says of itself (`is_active`).
    active boolean not null,
    -- The version whose content came back.
    restored bigint,
    created_at timestamptz not null default now(),
    created_by uuid,
    primary key (org_id, key, version),
    foreign key (org_id, key) references sixty.skills on delete cascade
);
call sixty.protect('skill_versions', personal => false);
grant select, insert, update (created_by), delete on sixty.skill_versions to sixty_tenant;

-- Companion documents of a version, by their path inside the skill's folder.
create table sixty.skill_files (
    org_id uuid not null,
    key text collate "C" not null,
    version bigint not null,
    path text collate "C" not null,
    content text not null,
    primary key (org_id, key, version, path),
    foreign key (org_id, key, version) references sixty.skill_versions on delete cascade
);
call sixty.protect('skill_files', personal => false);
grant select, insert, delete on sixty.skill_files to sixty_tenant;

-- What an organization says of a skill of the platform.
create table sixty.skill_settings (
    org_id uuid not null references sixty.orgs,
    key text collate "C" not null,
    enabled boolean not null,
    pinned_version bigint,
    updated_at timestamptz not null default now(),
    updated_by uuid,
    primary key (org_id, key)
);
call sixty.protect('skill_settings', personal => false);
grant select, insert, update (enabled, pinned_version, updated_at, updated_by), delete
    on sixty.skill_settings to sixty_tenant;

-- Everybody reads what is the platform's; it is written by transactions of the nil organization alone, which
-- the platform's operations open.
create policy platform on sixty.skill_states for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');
create policy platform on sixty.skills for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');
create policy platform on sixty.skill_versions for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');
create policy platform on sixty.skill_files for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');
