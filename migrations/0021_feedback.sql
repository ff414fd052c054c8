-- What people think of the copilot's answers, and an index for what is suggested to them.

create table sixty.message_feedback (
    org_id uuid not null,
    owner_id uuid not null,
    -- The answer. No foreign key: retention drops live messages that an archive holds, and what was
    -- thought of them stays as long as the conversation.
    message_id uuid not null,
    session_id uuid not null,
    rating text not null check (rating in ('up', 'down')),
    text text check (text <> ''),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- With the person in it, so that nobody takes the place of a colleague's.
    primary key (org_id, owner_id, message_id),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade
);
call sixty.protect('message_feedback', personal => true);
grant select, insert, update (rating, text, updated_at), delete on sixty.message_feedback to sixty_tenant;
create index message_feedback_by_time on sixty.message_feedback (org_id, updated_at desc, message_id desc);
create index message_feedback_by_session on sixty.message_feedback (org_id, owner_id, session_id);

-- A person's own open deals, with all that tells which of them are suggested.
create index deals_by_owner on sixty.entities (org_id, owner_user, touched_at nulls first, id)
    include (health, ghost_risk, close_date, visibility)
    where kind = 'deal' and open;
