-- What model calls use and cost, what they may, and what is set aside for those that are under way.
--
-- Numbers, ids and names of models: nobody's words. With every turn it is asked what the organization has used,
-- whoever speaks, and so these tables are not personal; what members see of each other, queries decide.
-- Costs are billionths of a US dollar, by the prices of the time; 0: no price of the model is known.

-- One row a model call.
create table sixty.usage_events (
    org_id uuid not null references sixty.orgs,
    id uuid not null,
    -- Who asked. Null: the person was erased.
    user_id uuid,
    run_id uuid not null,
    feature text collate "C" not null,
    -- `provider/model`, as it was asked.
    model text collate "C" not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cache_read_input_tokens bigint not null,
    cache_creation_input_tokens bigint not null,
    cost bigint not null,
    at timestamptz not null default now(),
    primary key (org_id, id)
);
call sixty.protect('usage_events', personal => false);
grant select, insert, update (user_id), delete on sixty.usage_events to sixty_tenant;
create index usage_events_by_user on sixty.usage_events (org_id, user_id) where user_id is not null;
-- The platform settles accounts with all organizations, in the order of time.
create policy accounts on sixty.usage_events for select to sixty_system using (true);
grant select (org_id, id, user_id, run_id, feature, model, input_tokens, output_tokens, cache_read_input_tokens,
    cache_creation_input_tokens, cost, at) on sixty.usage_events to sixty_system;
create index usage_events_by_time on sixty.usage_events (at, id);

-- The same by day (UTC) and person. Of erased people the sums stay, under the nil id.
create table sixty.usage_days (
    org_id uuid not null references sixty.orgs,
    day date not null,
    user_id uuid not null,
    feature text collate "C" not null,
    model text collate "C" not null,
    calls bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cache_read_input_tokens bigint not null,
    cache_creation_input_tokens bigint not null,
    cost bigint not null,
    primary key (org_id, day, user_id, feature, model)
);
call sixty.protect('usage_days', personal => false);
grant select, insert, delete, update (calls, input_tokens, output_tokens, cache_read_input_tokens,
    cache_creation_input_tokens, cost) on sixty.usage_days to sixty_tenant;
create index usage_days_by_user on sixty.usage_days (org_id, user_id, day);

-- The same of the whole organization, for its budget: a few rows a day, however many people it has. They are several,
-- so that runs that end at the same time do not wait for each other.
create table sixty.usage_totals (
    org_id uuid not null references sixty.orgs,
    day date not null,
    shard smallint not null,
    tokens bigint not null,
    cost bigint not null,
    primary key (org_id, day, shard)
);
call sixty.protect('usage_totals', personal => false);
grant select, insert, update (tokens, cost), delete on sixty.usage_totals to sixty_tenant;

-- What may be used. That of the organization whose id is nil, the platform, is everybody's who has set none.
create table sixty.budgets (
    org_id uuid primary key references sixty.orgs,
    limits jsonb not null,
    version bigint not null,
    updated_at timestamptz not null default now(),
    -- Null: the author was erased, or it was the platform; the trail says who.
    updated_by uuid
);
call sixty.protect('budgets', personal => false);
grant select, insert, update (limits, version, updated_at, updated_by), delete on sixty.budgets to sixty_tenant;
create policy platform on sixty.budgets for select to sixty_tenant
    using (org_id = '00000000-0000-0000-0000-000000000000');

-- What the model call may use that a run is making, where a budget is set. It goes with the call's answer, or with the
-- run: who takes the run over sets aside anew.
create table sixty.budget_reservations (
    org_id uuid not null,
    run_id uuid not null,
    user_id uuid not null,
    tokens bigint not null,
    cost bigint not null,
    made_at timestamptz not null default now(),
    primary key (org_id, run_id),
    foreign key (org_id, run_id) references sixty.runs on delete cascade
);
call sixty.protect('budget_reservations', personal => false);
grant select, insert, update (user_id, tokens, cost, made_at), delete on sixty.budget_reservations to sixty_tenant;
