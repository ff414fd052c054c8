-- Search in the archive: passages in partitions, and the one function that finds them.
--
-- Row-level security cannot use a full-text index: `@@` may leak what it compares, so the policy is asked first,
-- row by row. Therefore one function looks into the index with rights of its own. It takes organization, person
-- and scope from the settings that the policies read, and answers keys and scores; words and snippets are read by
-- the caller, under the policies.

-- How a text is compared: small letters without accents, whatever the database's locale; signs are blanks, so that
-- `either/or` is two words; and each character of a script without spaces is a word of its own. But for the blanks
-- around those it is one character for one, so that what is found can be shown in the text as it was written.
-- U+E000 and U+E001 mark what was found, and so are blanks as well. Most texts are plain ASCII; for the others the
-- table costs a third of a millisecond a passage.
create function sixty.fold(text) returns text
language sql immutable parallel safe
return case when octet_length($1) = char_length($1) then pg_catalog.translate($1, '/', ' ')
else pg_catalog.regexp_replace(
    pg_catalog.regexp_replace(
        pg_catalog.translate($1,
            U&'/\E000\E001\2018\2019'
            'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞàáâãäåçèéêëìíîïñòóôõöøùúûüýÿĀāĂăĄąĆćĈĉĊċČčĎďĐđĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĦħĨĩ'
            'ĪīĬĭĮįİıĲĴĵĶķĹĺĻļĽľĿŁłŃńŅņŇňŊŌōŎŏŐőŒŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŦŧŨũŪūŬŭŮůŰűŲųŴŵŶŷŸŹźŻżŽžΆΈΉΊΌΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝ'
            'ΞΟΠΡΣΤΥΦΧΨΩΪΫάέήίΰϊϋόύώϏЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
            '   '''''
            'aaaaaaæceeeeiiiiðnoooooouuuuyþaaaaaaceeeeiiiinoooooouuuuyyaaaaaaccccccccddddeeeeeeeeeegggggggghhhhii'
            'iiiiiiiiĳjjkkllllllŀllnnnnnnŋooooooœrrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzαεηιουωιαβγδεζηθικλμν'
            'ξοπρστυφχψωιυαεηιυιυουωϗѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюя'),
        '[\u00a0-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2000-'
        '\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20\U0001f000-\U0001faff]',
        ' ', 'g'),
    '([\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0002fa1f])',
    ' \1 ', 'g')
end;
revoke execute on function sixty.fold from public;
grant execute on function sixty.fold to sixty_tenant, sixty_search;

alter table sixty.copilot_summary_passages rename to old_passages;
alter index sixty.copilot_summary_passages_pkey rename to old_passages_pkey;
alter index sixty.copilot_summary_passages_by_owner rename to old_passages_by_owner;
alter table sixty.old_passages rename constraint copilot_summary_passages_org_id_owner_id_summary_id_fkey to old_passages_fkey;

-- Pieces of archived messages, for search. In partitions, so that an organization's search meets an index that
-- holds few others; the same name as before, so that a program of the release before goes on.
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
    -- The question that an answer was given to: `yes, 8 %` alone is found by nobody.
    question text,
    -- Title of the conversation and name of what it was about, as they were.
    about text,
    -- The words, in weight D; those of the question in C, those of title and entity in B. And three words that no
    -- text has, for organization, person and conversation, with which the index itself keeps to one of them:
    -- the rows of others that hold a common word are not visited.
    search tsvector not null generated always as (
        to_tsvector('english', sixty.fold(left(text, 300000)))
        || setweight(to_tsvector('english', sixty.fold(left(coalesce(question, ''), 10000))), 'C')
        || setweight(to_tsvector('english', sixty.fold(left(coalesce(about, ''), 10000))), 'B')
        -- Before it is checked that none is null.
        || array_to_tsvector(array_remove(array[
            '@' || right(org_id::text, 12), '@' || right(owner_id::text, 12), '@' || right(session_id::text, 12)], null))
    ) stored,
    primary key (org_id, summary_id, seq, part),
    constraint copilot_summary_passages_of_summary foreign key (org_id, owner_id, summary_id)
        references sixty.copilot_session_summaries (org_id, owner_id, id) on delete cascade
) partition by hash (org_id);

-- Words are looked at far more often than they take up room: unpacking them costs more than comparing.
alter table sixty.copilot_summary_passages alter column search set storage external;

-- Nobody has rights on a partition, and no policy lets anybody in: they are reached through the table alone.
do $$
begin
    for n in 0..31 loop
        execute format('create table sixty.copilot_summary_passages_%s partition of sixty.copilot_summary_passages
            for values with (modulus 32, remainder %s) with (toast_tuple_target = 8160)', to_char(n, 'fm00'), n);
        execute format('alter table sixty.copilot_summary_passages_%s enable row level security', to_char(n, 'fm00'));
        execute format('alter table sixty.copilot_summary_passages_%s force row level security', to_char(n, 'fm00'));
    end loop;
end
$$;

alter table sixty.old_passages no force row level security;
insert into sixty.copilot_summary_passages (org_id, owner_id, summary_id, seq, part, session_id, role, text, said_at)
select org_id, owner_id, summary_id, seq, part, session_id, role, text, said_at from sixty.old_passages;
drop table sixty.old_passages;

create index copilot_summary_passages_by_owner on sixty.copilot_summary_passages (org_id, owner_id, said_at);
-- Without a list of pending entries: whoever searches next would have to read it.
create index copilot_summary_passages_search on sixty.copilot_summary_passages using gin (search)
    with (fastupdate = off);
call sixty.protect('copilot_summary_passages', personal => true);
grant select, insert, delete on sixty.copilot_summary_passages to sixty_tenant;

-- What the function needs, and nothing more. The policy is open because a condition would come before the index.
create policy search on sixty.copilot_summary_passages for select to sixty_search using (true);
grant select (org_id, owner_id, summary_id, seq, part, session_id, said_at, search)
    on sixty.copilot_summary_passages to sixty_search;
grant usage on schema sixty to sixty_search;

grant create on schema sixty to sixty_search;
set local role sixty_search;

-- Keys of the passages that match best, best first; those after `past_…` if that is given.
--
-- Each of `words` counts by itself: a word, several that stand together, or alternatives with `|` between them;
-- `weights` says how much. The rarer a word is among the person's passages, the more it counts (BM25); words that
-- stand side by side in the question count more if they do in the passage, and so does what was said in one of
-- `periods`. The newest thousand matches of each word are candidates, and the best hundred of all are ranked.
--
-- Of somebody with many passages the words that more than a thousand have are not looked up: tens of thousands of rows
-- would be visited to find the newest. They are looked for in the newest thousand passages, and where several of them
-- stand together.
create function sixty.search_passages(
    words text[], weights float8[], without text[], periods tstzrange[],
    sessions uuid[], unfinished uuid[], since timestamptz, until timestamptz,
    past_score float8, past_said_at timestamptz, past_summary uuid, past_seq bigint, past_part int,
    most int
) returns table (summary_id uuid, seq bigint, part int, score float8)
language plpgsql stable security definer rows 20
set search_path = pg_catalog, pg_temp
-- The indexes are always the way, whatever the planner believes of a partition that has just been filled.
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    org constant uuid := nullif(current_setting('app.org_id', true), '')::uuid;
    me constant uuid := nullif(current_setting('app.user_id', true), '')::uuid;
    whole constant boolean := coalesce(current_setting('app.scope', true) = 'org', false);
    nearest constant int := 1000;
    many constant int := 4 * nearest;
    ranked constant int := 100;
    mine tsquery;
    terms tsquery[];
    worth float8[];
    unwanted tsquery;
    total float8;
    near_summary uuid[];
    near_seq bigint[];
    near_part int[];
    near_said_at timestamptz[];
    near_has bigint[];
    -- The words (as bits) that are looked for in the newest passages; -1: all of them.
    looked_at bigint := 0;
    usual float8;
    common int[] := '{}';
    often float8[] := '{}';
    together tsquery;
begin
    if org is null or (me is null and not whole) then
        return;
    end if;
    select array_agg(q order by n), array_agg(worth order by n) into terms, worth from (
        select distinct on (q) q, n, weights[n] as worth from (
            select n, (select string_agg('(' || p::text || ')', ' | ' order by a)
                from unnest(string_to_array(word, '|')) with ordinality alternatives (alternative, a)
                cross join lateral phraseto_tsquery('english', sixty.fold(alternative)) p
                where numnode(p) > 0)::tsquery as q
            from unnest(words) with ordinality given (word, n)
            offset 0
        ) parsed where q is not null order by q, n
    ) different;
    if terms is null then
        return;
    end if;
    mine := quote_literal('@' || right((case when whole then org else me end)::text, 12))::tsquery;
    if cardinality(sessions) between 1 and 100 then
        mine := mine && (select string_agg(quote_literal('@' || right(s::text, 12)), ' | ') from unnest(sessions) s)::tsquery;
    end if;
    -- In the words of the passage itself, not in the question that it answers.
    select string_agg(format('!(%s)', regexp_replace(p::text, $re$('(?:[^']|'')+')$re$, '\1:D', 'g')), ' & ')::tsquery
    into unwanted
    from unnest(without) w cross join lateral phraseto_tsquery('english', sixty.fold(w)) p where numnode(p) > 0;
    mine := coalesce(mine && unwanted, mine);

    -- The newest passages, with a bit for each of the words that they have: most people have no others.
    if sessions is null and not whole then
        select count(*), array_agg(summary_id), array_agg(seq), array_agg(part), array_agg(said_at), array_agg(has)
        into total, near_summary, near_seq, near_part, near_said_at, near_has
        from (
            select newest.*, case when not summary_id = any (unfinished) and (unwanted is null or search @@ unwanted)
                then (select bit_or(1::bigint << n::int) from unnest(terms) with ordinality t (q, n) where search @@ q)
            end as has
            from (
                select p.summary_id, p.seq, p.part, p.said_at, p.search from sixty.copilot_summary_passages p
                where p.org_id = org and p.owner_id = me
                    and p.said_at >= coalesce(since, '-infinity') and p.said_at < coalesce(until, 'infinity')
                order by p.said_at desc limit nearest
            ) newest
        ) near;
    end if;
    if total < nearest then
        looked_at := -1;
    else
        select count(*) into total from (
            select from sixty.copilot_summary_passages p
            where p.org_id = org and p.owner_id = me
                and p.said_at >= coalesce(since, '-infinity') and p.said_at < coalesce(until, 'infinity')
            limit many
        ) counted;
    end if;
    if total = many and near_has is not null then
        -- How many there are is judged by how much of the time the newest take up.
        select greatest(many, nearest * least(100000, extract(epoch from near_said_at[1] - p.said_at)
            / greatest(1, extract(epoch from near_said_at[1] - near_said_at[nearest])))) into total
        from sixty.copilot_summary_passages p
        where p.org_id = org and p.owner_id = me
            and p.said_at >= coalesce(since, '-infinity') and p.said_at < coalesce(until, 'infinity')
        order by p.said_at limit 1;
        -- A word that more than the nearest have is common: so many of the newest have it then.
        usual := greatest(4, nearest * nearest / total);
        select coalesce(array_agg(n), '{}'), array_agg(times * total / nearest), coalesce(bit_or(1::bigint << n), 0)
        into common, often, looked_at
        from (
            select n, count(*)::float8 as times
            from unnest(near_has) has join generate_series(1, cardinality(terms)) n on has >> n & 1 = 1
            group by 1 having count(*) >= usual
        ) counted;
        if cardinality(common) > 1 and usual > (
            select count(*) from unnest(near_has) has where has & looked_at = looked_at
        ) then
            select string_agg('(' || terms[n]::text || ')', ' & ' order by n)::tsquery into together from unnest(common) n;
        end if;
    end if;

    return query
    with looked_up as materialized (
        select case when t.n <= cardinality(terms) then 1::bigint << t.n::int else looked_at end as has, hit.*
        from unnest(terms || together) with ordinality t (q, n)
        cross join lateral (
            select p.summary_id, p.seq, p.part, p.said_at, coalesce(p.said_at <@ any (periods), false) as timely
            from sixty.copilot_summary_passages p
            where p.org_id = org and (whole or p.owner_id = me)
                and p.search @@ mine and p.search @@ t.q
                and (sessions is null or p.session_id = any (sessions))
                and not p.summary_id = any (unfinished)
                and (since is null or p.said_at >= since) and (until is null or p.said_at < until)
            order by 5 desc, p.said_at desc
            limit nearest
        ) hit
        where looked_at <> -1 and not t.n = any (common) and t.q is not null
    ),
    found as materialized (
        select summary_id, seq, part, said_at, timely, bit_or(has) as has from (
            select has, summary_id, seq, part, said_at, timely from looked_up
            union all
            select has & looked_at, summary_id, seq, part, said_at, coalesce(said_at <@ any (periods), false)
            from unnest(near_summary, near_seq, near_part, near_said_at, near_has)
                near (summary_id, seq, part, said_at, has)
            where has & looked_at <> 0
        ) each_of_them
        group by 1, 2, 3, 4, 5
    ),
    -- What is the same for all passages that have the same words is computed once.
    kinds as materialized (
        select has, count(*) as members from found group by has
    ),
    frequency as materialized (
        select t.n, t.q, t.w, coalesce(often[array_position(common, t.n::int)], counted.df, 0) as df
        from unnest(terms, worth) with ordinality t (q, w, n)
        left join (
            select n, sum(members)::float8 as df
            from kinds join generate_series(1, cardinality(terms)) n on has >> n & 1 = 1 group by n
        ) counted on counted.n = t.n
    ),
    rarity as materialized (
        select n, q, w * ln(1 + (greatest(total, df) - df + 0.5) / (df + 0.5)) as idf from frequency
    ),
    -- Words that stand side by side in the question, and what it is worth that they do in a passage.
    pairs as materialized (
        select a.n, least(a.idf, b.idf) as idf,
            tsquery_phrase(a.q, b.q) || tsquery_phrase(a.q, b.q, 2) || tsquery_phrase(b.q, a.q) as q
        from rarity a join rarity b on b.n = a.n + 1
    ),
    promising as materialized (
        select k.has, sum(r.idf order by r.n) as idf from kinds k join rarity r on k.has >> r.n::int & 1 = 1 group by k.has
    ),
    candidates as materialized (
        select f.summary_id, f.seq, f.part, f.said_at, f.timely
        from found f join promising p on p.has = f.has
        order by p.idf * (case when f.timely then 2 else 1 end) desc, f.said_at desc, 1, 2, 3
        limit ranked
    ),
    loaded as materialized (
        select c.*, p.search, length(p.search)::float8 as size, avg(length(p.search)) over ()::float8 as middle
        from candidates c
        join sixty.copilot_summary_passages p
            on p.org_id = org and p.summary_id = c.summary_id and p.seq = c.seq and p.part = c.part
    ),
    scored as (
        select l.summary_id, l.seq, l.part, l.said_at, round((((
            select sum(f.idf * f.tf * 2.2 / (f.tf + 1.2 * (0.25 + 0.75 * l.size / l.middle)) order by f.n)
            from (
                -- ts_rank of one word that occurs n times is about n / (n + 0.64).
                select n, idf, 0.64 * rank / greatest(1 - rank, 0.02) as tf
                from (
                    select r.n, r.idf, ts_rank('{1, 0.8, 0.8, 1}'::float4[], l.search, r.q) as rank from rarity r
                    offset 0
                ) ranks
            ) f
        ) + 0.5 * (
            select coalesce(sum(p.idf order by p.n), 0) from pairs p where l.search @@ p.q
        )) * (case when l.timely then 2 else 1 end))::numeric, 6)::float8 as score
        from loaded l
    )
    select s.summary_id, s.seq, s.part, s.score from scored s
    where past_score is null
        or (s.score, s.said_at, s.summary_id, s.seq, s.part)
            < (past_score, past_said_at, past_summary, past_seq, past_part)
    order by s.score desc, s.said_at desc, s.summary_id desc, s.seq desc, s.part desc
    limit most;
end
$$;
revoke execute on function sixty.search_passages from public;
grant execute on function sixty.search_passages to sixty_tenant;

set local role sixty_owner;
revoke create on schema sixty from sixty_search;
