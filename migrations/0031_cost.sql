-- What runs cost, in billionths of a US dollar, by the prices of the time. 0: no price of the model is known.
alter table sixty.runs add column cost bigint not null default 0;
alter table sixty.schedule_runs add column cost bigint not null default 0;
