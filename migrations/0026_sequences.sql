-- The steps of a sequence that a run executes: what was planned, and what came of each.

create table sixty.sequence_steps (
    org_id uuid not null,
    owner_id uuid not null,
    run_id uuid not null,
    -- Place in the sequence, from 1.
    ord int not null,
    -- What it is called for people. It follows a skill, or calls a tool.
    name text not null,
    skill_key text,
    action text,
    status text not null check (status in ('pending', 'running', 'done', 'failed', 'skipped', 'cancelled')),
    -- Which try it is, from 1; 0: it has not begun.
    attempt int not null default 0,
    -- A person has let it begin.
    approved boolean not null default false,
    -- What it does has failed, and its fallback skill is followed instead.
    fallback boolean not null default false,
    -- This try has had an effect, or may have had one: there is no other.
    acted boolean not null default false,
    -- The call that the service made for it.
    call_id text,
    -- Model calls of the run before this try.
    calls_before int not null default 0,
    -- The skill that is followed, at its version, with what it works on (JSON text).
    skill text,
    -- Paths of its mapping that found nothing.
    missing text[] not null default '{}',
    -- What later steps read of it (JSON text).
    output text,
    error text,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (org_id, run_id, ord),
    foreign key (org_id, owner_id, run_id) references sixty.runs (org_id, owner_id, id) on delete cascade,
    check ((skill_key is null) <> (action is null))
);
call sixty.protect('sequence_steps', personal => true);
grant select, insert on sixty.sequence_steps to sixty_tenant;
grant update (status, attempt, approved, fallback, acted, call_id, calls_before, skill, missing, output, error,
    started_at, finished_at) on sixty.sequence_steps to sixty_tenant;
