-- A million entities of a thousand organizations; the first has a hundred thousand of them. Of twenty
-- rows 4 are deals, 5 contacts, 2 companies, 3 meetings, 2 to-dos, 2 activities and 2 e-mails.
-- Commits wait for the disk: vacuum takes no page for settled whose commit is not there yet.
set work_mem = '256MB';

create temp table numbered as
select o, g, g % 20 as slot, g / 20 as batch,
    ('00010000-0000-0000-8000-' || lpad(to_hex(o), 12, '0'))::uuid as org_id,
    ('00020000-0000-0000-8000-' || lpad(to_hex(o), 12, '0'))::uuid as user_id,
    -- Evenly spread over a year around now.
    now() + make_interval(secs => ((hashint4(g) % 15768000)::int)) as at
from generate_series(0, 999) o cross join lateral generate_series(0, case when o = 0 then 99999 else 900 end) g;

insert into sixty.orgs (org_id, external_id, name) select distinct org_id, 'bench-' || o, 'Bench ' || o from numbered;
insert into sixty.members (org_id, user_id, external_id, role)
select distinct org_id, user_id, 'alice-' || o, 'owner' from numbered;

create temp table made as
select n.*,
    case when slot < 4 then 'deal' when slot < 9 then 'contact' when slot < 11 then 'company'
        when slot < 14 then 'meeting' when slot < 16 then 'task' when slot < 18 then 'activity' else 'email' end as kind,
    case when slot < 4 then 'D-' when slot < 9 then 'C-' when slot < 11 then 'A-' when slot < 14 then 'M-'
        when slot < 16 then 'T-' when slot < 18 then 'V-' else 'E-' end || g as id,
    -- Every fiftieth batch happened with one and the same deal.
    'D-' || case when batch % 50 = 0 then 0 else batch * 20 + g % 4 end as of_deal,
    'C-' || batch * 20 + 4 + g % 5 as of_contact,
    (array['jane','john','dana','tom','maria','anders','li','zoe','robert','omar'])[1 + batch % 10] as first_name,
    (array['smith','miller','roe','berg','garcia','johansson','wei','kruger','chen','haddad'])[1 + (g + batch / 10) % 10] as last_name,
    'topic' || g % 40 as topic
from numbered n;

insert into sixty.entities (org_id, kind, id, name, owner, owner_user, links, fields, at, ends_at, stage, open, amount,
    currency, close_date, due_date, probability, health, ghost_risk, assignee_user, touched_at)
select org_id, kind, id,
    case kind when 'contact' then initcap(first_name) || ' ' || initcap(last_name)
        when 'deal' then 'Renewal ' || g when 'company' then 'Company ' || g else initcap(kind) || ' about ' || topic end,
    case when batch % 10 = 0 then 'alice-' || o end, case when batch % 10 = 0 then user_id end,
    case kind when 'contact' then jsonb_build_array(jsonb_build_object('kind', 'company', 'id', 'A-' || batch * 20 + 9))
        when 'company' then '[]'
        when 'deal' then jsonb_build_array(jsonb_build_object('kind', 'contact', 'id', of_contact, 'role', 'buyer'))
        else jsonb_build_array(jsonb_build_object('kind', 'deal', 'id', of_deal),
            jsonb_build_object('kind', 'contact', 'id', of_contact)) end,
    case kind when 'contact' then jsonb_build_object('email', first_name || g || '@example.com', 'title', 'Buyer')
        when 'meeting' then jsonb_build_object('attendees', jsonb_build_array('Jane', 'Tom'), 'transcript',
            repeat(md5(g::text) || ' we spoke of pricing and ' || topic || ' ', 80))
        when 'email' then jsonb_build_object('subject', 'About ' || topic, 'from', 'jane@example.com', 'body',
            repeat(md5(g::text) || ' the pricing of the renewal, ' || topic || ' ', 20))
        when 'task' then jsonb_build_object('status', case when g % 3 = 0 then 'done' else 'open' end)
        else '{}' end,
    case when kind in ('meeting', 'activity', 'email') then at else now() - interval '1 year' + make_interval(secs => g) end,
    case when kind = 'meeting' then at + interval '1 hour' end,
    case when kind = 'deal' then (array['new','qualified','proposal','negotiation','won'])[1 + batch % 5] end,
    case kind when 'deal' then batch % 5 <> 4 when 'task' then g % 3 <> 0 else true end,
    case when kind = 'deal' then (batch % 20) * 1000 end, case when kind = 'deal' then 'EUR' end,
    case when kind = 'deal' and batch % 9 <> 0 then at::date end,
    case when kind = 'task' and batch % 9 <> 0 then at::date end,
    case when kind = 'deal' then g % 100 end, case when kind = 'deal' then hashint4(g) & 127 end,
    case when kind = 'deal' then (hashint4(g + 1) & 127) end,
    case when kind = 'task' and batch % 4 = 0 then user_id end,
    case when kind in ('deal', 'contact') and batch % 3 > 0 then now() - make_interval(mins => g % 100000) end
from made;

insert into sixty.entity_links (org_id, to_kind, to_id, kind, at, id, role)
select org_id, 'deal', of_deal, kind, case when kind = 'task' then now() - interval '1 year' + make_interval(secs => g) else at end, id, null
from made where slot >= 11
union all
select org_id, 'contact', of_contact, kind,
    case when kind in ('task', 'deal') then now() - interval '1 year' + make_interval(secs => g) else at end, id,
    case when kind = 'deal' then 'buyer' end
from made where slot >= 11 or slot < 4
union all
select org_id, 'company', 'A-' || batch * 20 + 9, 'contact', now() - interval '1 year' + make_interval(secs => g), id, null
from made where kind = 'contact';

insert into sixty.entity_words (org_id, word, kind, at, id, weight)
select distinct on (org_id, word, kind, id) m.org_id, w.word, m.kind,
    case when m.kind in ('meeting', 'activity', 'email') then m.at
        else now() - interval '1 year' + make_interval(secs => m.g) end, m.id, w.weight
from made m cross join lateral (
    select word, weight from (values
        (case when m.kind = 'contact' then m.first_name end, 3), (case when m.kind = 'contact' then m.last_name end, 3),
        (case when m.kind = 'contact' then left(m.first_name, 1) || left(m.last_name, 1) end, 2),
        (case when m.kind = 'contact' and m.last_name = 'smith' then '~smt' end, 0),
        (case when m.kind = 'contact' and m.first_name in ('jane', 'john') then '~jn' end, 0),
        (case when m.kind = 'deal' then 'renewal' end, 3), (case when m.kind in ('deal', 'company') then m.g::text end, 3),
        (case when m.kind in ('meeting', 'email', 'activity', 'task') then m.topic end, 3),
        (case when m.kind in ('meeting', 'email') then 'pricing' end, 1),
        (case when m.kind = 'email' then 'renewal' end, 1), ('#' || lower(m.id), 3)) v (word, weight)
    where word is not null) w;
