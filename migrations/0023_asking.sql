-- What copilots ask their persons. A run that has asked waits, like one that needs an approval.

create table sixty.questions (
    org_id uuid not null,
    owner_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    run_id uuid not null,
    call_id text not null,
    question text not null,
    -- Answers that are offered.
    options text[] not null,
    multiple boolean not null,
    status text not null default 'open' check (status in ('open', 'answered', 'overtaken', 'expired', 'void')),
    answer text[],
    -- When it was answered or overtaken.
    answered_at timestamptz,
    expires_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, run_id, call_id),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade,
    foreign key (org_id, owner_id, run_id) references sixty.runs (org_id, owner_id, id) on delete cascade,
    check ((status = 'answered') = (answer is not null))
);
call sixty.protect('questions', personal => true);
grant select, insert, update (status, answer, answered_at) on sixty.questions to sixty_tenant;
create index questions_by_owner on sixty.questions (org_id, owner_id, id);
-- Every message looks whether it is an answer.
create index questions_open on sixty.questions (org_id, owner_id, session_id) where status = 'open';
-- A conversation's rows go with it.
create index questions_by_session on sixty.questions (org_id, session_id);
