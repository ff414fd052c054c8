-- What the questions about the sales record need beside it.

-- The zone in which the person asked: "today" and "this week" are theirs, also for a replica
-- that takes the run over.
alter table sixty.runs add column timezone text not null default 'UTC';

-- Deals in the order of their close dates, also those that need attention: whether one does is
-- known from the index alone, so that an organization where hardly any does is read without its rows.
drop index sixty.deals_by_close;
create index deals_by_close on sixty.entities (org_id, close_date, id)
    include (amount, health, ghost_risk, touched_at, visibility, owner_user)
    where kind = 'deal' and open;

-- The same for sums, which also tell whether an integration has written what they quote.
drop index sixty.deals_by_stage;
create index deals_by_stage on sixty.entities (org_id, stage)
    include (currency, amount, probability, health, ghost_risk, close_date, touched_at, visibility, owner_user,
        integration)
    where kind = 'deal' and open;

-- A person's own calendar.
create index meetings_by_owner on sixty.entities (org_id, owner_user, at desc, id) where kind = 'meeting';
