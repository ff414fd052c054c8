-- What of the accounts is estimated, when single calls are forgotten, the way back to the platform's budget, and settings
-- that are never taken for those of an erased organization.

-- The provider told nothing, or not all: what is missing was estimated from the text that was sent and received.
alter table sixty.usage_events add column estimated boolean not null default false;
grant select (estimated) on sixty.usage_events to sixty_system;

-- Single calls are dropped when accounts are long settled; the sums stay.
create policy expiry on sixty.usage_events for delete to sixty_system using (true);
grant delete on sixty.usage_events to sixty_system;

-- Null: the organization has gone back to the platform's. Its row stays, so that its version grows.
alter table sixty.budgets alter column limits drop not null;

-- Microseconds since 1970 when the row was made. An organization that is erased and made anew begins with version 1 again:
-- what is kept of its settings is kept by `since + version`, which has never been before.
alter table sixty.skill_states
    add column since bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint;
alter table sixty.model_settings
    add column since bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint;
