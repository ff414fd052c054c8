-- The whole sales record: seven kinds, who sees what, and what its questions are answered
-- from. Under row-level security only leakproof operators reach an index, which `ilike`, `@@`
-- and the operators of jsonb and arrays are not: so what is asked for stands in columns and
-- in rows, found by =, < and >.

alter table sixty.entities
    drop constraint entities_kind_check,
    add constraint entities_kind_check
        check (kind in ('deal', 'contact', 'company', 'meeting', 'task', 'activity', 'email')) not valid,
    add column visibility text not null default 'org' check (visibility in ('org', 'owner')),
    -- The member whom `owner` names, derived like any user's id.
    add column owner_user uuid,
    -- What follows is taken from the typed fields when they are written (`domain::facets`).
    -- When it happens, or happened: a meeting's beginning, an e-mail's date; else when the entity came.
    add column at timestamptz not null default now(),
    add column ends_at timestamptz,
    add column stage text,
    -- A deal that is neither won nor lost; a task that is neither done nor cancelled.
    add column open boolean not null default true,
    add column amount double precision,
    add column currency text,
    add column close_date date,
    add column due_date date,
    add column probability double precision,
    add column health double precision,
    add column ghost_risk double precision,
    -- The member whom a task's `assignee` names.
    add column assignee_user uuid,
    -- The newest activity, e-mail or meeting that is linked to it and is not in the future.
    add column touched_at timestamptz,
    -- The words under which it stands in entity_words, so that a change deletes just those that go.
    add column words text[] not null default '{}';

-- Of what is its owner's alone, others see nothing.
create policy visible on sixty.entities as restrictive for select to sixty_tenant
    using (visibility = 'org'
        or owner_user = nullif(current_setting('app.user_id', true), '')::uuid
        or current_setting('app.scope', true) = 'org');

create policy visible on sixty.entity_notes as restrictive for select to sixty_tenant
    using (exists (select from sixty.entities e
        where e.org_id = entity_notes.org_id and e.kind = entity_notes.kind and e.id = entity_notes.entity_id));

-- Pipeline, attention, calendar, to-dos: one index for each question.
create index entities_by_time on sixty.entities (org_id, kind, at desc, id);
create index deals_by_close on sixty.entities (org_id, close_date, id) where kind = 'deal' and open;
create index deals_by_touch on sixty.entities (org_id, touched_at nulls first, id) where kind = 'deal' and open;
create index deals_by_health on sixty.entities (org_id, health, id) where kind = 'deal' and open;
create index deals_by_ghost_risk on sixty.entities (org_id, ghost_risk desc, id)
    where kind = 'deal' and open and ghost_risk is not null;
create index deals_by_stage on sixty.entities (org_id, stage)
    include (currency, amount, probability, health, ghost_risk, close_date, touched_at, visibility, owner_user)
    where kind = 'deal' and open;
create index contacts_by_touch on sixty.entities (org_id, touched_at nulls first, id) where kind = 'contact';
create index tasks_by_assignee on sixty.entities (org_id, assignee_user, due_date nulls last, id)
    where kind = 'task' and open;
create index tasks_by_due on sixty.entities (org_id, due_date nulls last, id) where kind = 'task' and open;

-- The same links as in `entities.links`, to be asked from the other end: what happened with
-- a deal, newest first. `at` is the time of the entity that has the link.
create table sixty.entity_links (
    org_id uuid not null,
    to_kind text not null,
    to_id text collate "C" not null,
    kind text not null,
    at timestamptz not null,
    id text collate "C" not null,
    role text,
    -- Of an entity that is its owner's alone.
    private_to uuid,
    primary key (org_id, to_kind, to_id, kind, at, id)
);
call sixty.protect('entity_links', personal => false);
create policy visible on sixty.entity_links as restrictive for select to sixty_tenant
    using (private_to is null or private_to = nullif(current_setting('app.user_id', true), '')::uuid
        or current_setting('app.scope', true) = 'org');
grant select, insert, delete on sixty.entity_links to sixty_tenant;

-- The record's words, each with the newest first. `word` is in lower case and without accents.
-- weight: 3 of the name, 2 of a short field, 1 of a long text, 0 the sound of a word of the name.
create table sixty.entity_words (
    org_id uuid not null,
    word text collate "C" not null,
    kind text not null,
    at timestamptz not null,
    id text collate "C" not null,
    weight smallint not null,
    private_to uuid,
    primary key (org_id, word, kind, at, id)
);
call sixty.protect('entity_words', personal => false);
create policy visible on sixty.entity_words as restrictive for select to sixty_tenant
    using (private_to is null or private_to = nullif(current_setting('app.user_id', true), '')::uuid
        or current_setting('app.scope', true) = 'org');
grant select, insert, delete on sixty.entity_words to sixty_tenant;
