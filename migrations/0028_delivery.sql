-- Results of scheduled tasks that leave their owner's conversations: by mail, or into a colleague's.

-- Where a member is mailed: the address of their newest token that had one.
alter table sixty.members add column email text;

-- Null: there is nothing to hand over, or it was done with the end of the slot. `sending`: it has been begun, and is not
-- begun again, since nobody knows how far it came.
alter table sixty.schedule_runs
    add column delivery text check (delivery in ('pending', 'sending', 'sent', 'failed', 'unknown')),
    add column delivery_error text,
    -- How often it was tried.
    add column delivery_tries int not null default 0;
-- Any replica hands over: ids and states, never content. `lease_until` says when.
grant select (delivery) on sixty.schedule_runs to sixty_system;
create index schedule_runs_undelivered on sixty.schedule_runs (lease_until) where delivery in ('pending', 'sending');
