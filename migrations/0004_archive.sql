-- The archive: nothing leaves a prompt before its whole transcript is here.

create table sixty.copilot_session_summaries (
    org_id uuid not null,
    id uuid not null,
    owner_id uuid not null,
    user_id uuid not null generated always as (owner_id) stored,
    session_id uuid not null,
    first_seq bigint not null,
    last_seq bigint not null check (last_seq >= first_seq),
    message_count bigint not null,
    -- The messages as the API shows them: the bytes that `sha256` is over. The
    -- jsonb beside it is for queries; it cannot hold bytes as they were.
    transcript text not null,
    full_transcript jsonb not null generated always as (transcript::jsonb) stored,
    sha256 bytea not null,
    -- Null between the archive's commit and the summary's: neither listed nor searched.
    summary_text text,
    key_points text[] not null default '{}',
    -- The model that wrote the summary, or `extractive`.
    summarized_by text,
    tokens_before bigint not null default 0,
    tokens_after bigint not null default 0,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, owner_id, id),
    -- Two owners of one run cannot archive the same range twice.
    unique (org_id, owner_id, session_id, first_seq),
    foreign key (org_id, owner_id, session_id) references sixty.sessions (org_id, owner_id, id) on delete cascade
);
call sixty.protect('copilot_session_summaries', personal => true);
grant select, insert, update (summary_text, key_points, summarized_by, tokens_before, tokens_after), delete
    on sixty.copilot_session_summaries to sixty_tenant;

-- Pieces of archived messages, for search.
create table sixty.copilot_summary_passages (
    org_id uuid not null,
    owner_id uuid not null,
    summary_id uuid not null,
    seq bigint not null,
    part int not null,
    session_id uuid not null,
    role text not null,
    text text not null,
    said_at timestamptz not null,
    search tsvector not null generated always as (to_tsvector('english', left(text, 300000))) stored,
    primary key (org_id, summary_id, seq, part),
    foreign key (org_id, owner_id, summary_id)
        references sixty.copilot_session_summaries (org_id, owner_id, id) on delete cascade
);
call sixty.protect('copilot_summary_passages', personal => true);
grant select, insert, delete on sixty.copilot_summary_passages to sixty_tenant;
create index copilot_summary_passages_by_owner on sixty.copilot_summary_passages (org_id, owner_id, said_at);

-- All that a model call needs to know of a session, in one row: the memory
-- documents at their pinned versions, how far they have moved since, the summary
-- of what is archived, and the live messages. A session without a turn pins the current versions.
create view sixty.session_context with (security_invoker = true) as
select
    s.org_id, s.id as session_id, s.owner_id, s.title, s.model, s.mode,
    s.entity_kind, s.entity_id, s.live_from_seq,
    m.name as user_name,
    e.name as entity_name,
    pins.pinned, pins.told, pins.current,
    docs.org_content, docs.user_content, docs.entity_content,
    archive.summary_text, archive.archives,
    history.seqs, history.roles, history.contents, history.contexts
from sixty.sessions s
join sixty.members m on m.org_id = s.org_id and m.user_id = s.owner_id
left join sixty.entities e on e.org_id = s.org_id and e.kind = s.entity_kind and e.id = s.entity_id
cross join lateral (
    select
        coalesce(s.pinned, now_at.versions) as pinned,
        coalesce(s.told, now_at.versions) as told,
        now_at.versions as current
    from (
        select array[
            coalesce((select d.version from sixty.copilot_memories d
                where d.org_id = s.org_id and d.scope = 'org' and d.subject = ''), 0),
            coalesce((select d.version from sixty.copilot_memories d
                where d.org_id = s.org_id and d.scope = 'user' and d.subject = s.owner_id::text), 0),
            coalesce((select d.version from sixty.copilot_memories d
                where d.org_id = s.org_id and d.scope = 'entity'
                    and d.subject = s.entity_kind || ':' || s.entity_id), 0)
        ] as versions
    ) now_at
) pins
cross join lateral (
    select
        (select r.content from sixty.copilot_memory_revisions r
            where r.org_id = s.org_id and r.scope = 'org' and r.subject = ''
                and r.version = pins.pinned[1]) as org_content,
        (select r.content from sixty.copilot_memory_revisions r
            where r.org_id = s.org_id and r.scope = 'user' and r.subject = s.owner_id::text
                and r.version = pins.pinned[2]) as user_content,
        (select r.content from sixty.copilot_memory_revisions r
            where r.org_id = s.org_id and r.scope = 'entity'
                and r.subject = s.entity_kind || ':' || s.entity_id
                and r.version = pins.pinned[3] and e.id is not null) as entity_content
) docs
cross join lateral (
    -- The newest summary speaks for the earlier ones too.
    select
        (array_agg(a.summary_text order by a.first_seq desc))[1] as summary_text,
        array_agg(a.id order by a.first_seq) as archives
    from sixty.copilot_session_summaries a
    where a.org_id = s.org_id and a.owner_id = s.owner_id and a.session_id = s.id
        and a.last_seq < s.live_from_seq
) archive
cross join lateral (
    select
        array_agg(h.seq order by h.seq) as seqs,
        array_agg(h.role order by h.seq) as roles,
        array_agg(h.content order by h.seq) as contents,
        array_agg(coalesce(h.context, '') order by h.seq) as contexts
    from sixty.messages h
    where h.org_id = s.org_id and h.session_id = s.id
        and h.seq >= s.live_from_seq and h.superseded_at is null
) history;
grant select on sixty.session_context to sixty_tenant;
