-- Models: what they cost and can, who answers what, and which may be asked. What belongs to the nil organization is the
-- platform's, and stands for every organization that says nothing else.

create table sixty.model_settings (
    org_id uuid primary key references sixty.orgs,
    -- Null: every model of the configured providers.
    allowed text[],
    -- Counts the changes of all three tables: what is made of them is kept by this number.
    version bigint not null,
    updated_at timestamptz not null default now(),
    updated_by uuid
);
call sixty.protect('model_settings', personal => false);
grant select, insert, update (allowed, version, updated_at, updated_by), delete on sixty.model_settings to sixty_tenant;

create table sixty.models (
    org_id uuid not null references sixty.orgs,
    -- `provider/model`.
    model text collate "C" not null,
    -- US dollars for a million tokens. Null: not known; of the last two, as much as input.
    input_price double precision,
    output_price double precision,
    cache_read_price double precision,
    cache_write_price double precision,
    -- In tokens.
    context_window int,
    max_output_tokens int,
    -- Null: everything.
    capabilities text[],
    primary key (org_id, model),
    check ((input_price is null) = (output_price is null))
);
call sixty.protect('models', personal => false);
grant select, insert, delete on sixty.models to sixty_tenant;

create table sixty.model_routes (
    org_id uuid not null references sixty.orgs,
    feature text not null check (feature in ('any', 'chat', 'slack', 'schedule', 'skill', 'summary')),
    tier text not null check (tier in ('any', 'low', 'medium', 'high')),
    -- In the order in which they are asked.
    candidates text[] not null check (cardinality(candidates) > 0),
    primary key (org_id, feature, tier)
);
call sixty.protect('model_routes', personal => false);
grant select, insert, delete on sixty.model_routes to sixty_tenant;

create policy platform on sixty.model_settings for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');
create policy platform on sixty.models for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');
create policy platform on sixty.model_routes for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');

-- The models that a run may ask, in order, and why these. Null: it is decided when the run begins.
-- `model` is the one that answered last, or that is asked first.
alter table sixty.runs add column candidates text[], add column model_reason text;
