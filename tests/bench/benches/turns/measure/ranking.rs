//! How often the search finds what is asked for, beside two other rankings of the same passages.

use std::collections::HashMap;

use domain::{ArchiveId, Tenant};
use store::{
    Store,
    archives::{Search, search},
};

use crate::{
    Result,
    archives::{archive, message, person, sessions, store},
    bm25::Index,
    corpus::{Corpus, Half, corpus},
    fail,
    measure::DATABASE,
    postgres::Postgres,
    report::Report,
};

/// A message of an archive: what questions ask for and what rankings answer.
type Place = (ArchiveId, i64);

/// Results that are looked at.
const DEPTH: u8 = 10;

/// The two halves of the corpus: constants were chosen on the first; the second was not looked at.
pub async fn ranking(postgres: &Postgres, report: &mut Report) -> Result<()> {
    for (half, name) in [(Half::Tuning, "tuning half"), (Half::HeldOut, "held-out half")] {
        let corpus = corpus(half);
        let person = person(postgres, DATABASE, &format!("ranking-{half:?}"))?;
        let store = store(postgres, DATABASE)?;
        let places = load(postgres, &store, person, &corpus).await?;
        let asked = Asked { corpus: &corpus, places: &places };
        let messages: usize = corpus.conversations.iter().map(|c| c.messages.len()).sum();
        let ours = asked.judge(&ours(&store, person, &corpus).await?);
        let what = format!("{name}: {} questions on {messages} messages", corpus.questions.len());
        let target = if half == Half::HeldOut { "recall@10 ≥ ts_rank's + 10, ≥ BM25's" } else { "" };
        report.add(format!("search, {what}: recall@5 / recall@10 / MRR in %: sixty"), ours.figures(), target);
        report.add(
            "— `plainto_tsquery` with `ts_rank`",
            asked.judge(&ts_rank(postgres, person, &corpus)?).figures(),
            "",
        );
        report.add(
            "— BM25 over the same stems",
            asked.judge(&bm25(postgres, person, &corpus)?).figures(),
            "",
        );
        report.add(
            "— sixty, topics in other words only: recall@10 in %",
            format!("{:.1}", ours.paraphrased),
            "",
        );
        let without = format!(
            "update sixty.copilot_summary_passages set question = null \
            where org_id = '{}'",
            person.org
        );
        postgres.sql(DATABASE, &without)?;
        let without = asked.judge(&self::ours(&store, person, &corpus).await?);
        report.add("— sixty, without an answer's question beside it", without.figures(), "");
        store.close().await;
    }
    Ok(())
}

/// Archives the conversations; answers where each message stands.
async fn load(
    postgres: &Postgres,
    store: &Store,
    person: Tenant,
    corpus: &Corpus,
) -> Result<Vec<Vec<Place>>> {
    let titles: Vec<String> = corpus.conversations.iter().map(|c| c.title.clone()).collect();
    let sessions = sessions(postgres, DATABASE, person, &titles)?;
    let mut places = Vec::new();
    for (session, conversation) in sessions.iter().zip(&corpus.conversations) {
        let messages =
            (1..).zip(&conversation.messages).map(|(seq, said)| message(seq, said.role, &said.text, said.at));
        let messages = messages.collect::<Result<Vec<_>>>()?;
        let id = archive(store, session, &messages).await?;
        places.push(messages.iter().map(|message| (id, message.seq)).collect());
    }
    postgres.sql(DATABASE, "vacuum analyze sixty.copilot_summary_passages")?;
    Ok(places)
}

struct Asked<'a> {
    corpus: &'a Corpus,
    places: &'a [Vec<Place>],
}

struct Judged {
    recall_5: f64,
    recall_10: f64,
    reciprocal: f64,
    paraphrased: f64,
}

impl Judged {
    fn figures(&self) -> String {
        format!("{:.1} / {:.1} / {:.1}", self.recall_5, self.recall_10, self.reciprocal)
    }
}

impl Asked<'_> {
    fn judge(&self, answers: &[Vec<Place>]) -> Judged {
        let ranks: Vec<Option<usize>> = self
            .corpus
            .questions
            .iter()
            .zip(answers)
            .map(|(question, found)| {
                found
                    .iter()
                    .position(|place| question.evidence.iter().any(|(c, m)| self.places[*c][*m] == *place))
            })
            .collect();
        let share = |hits: f64, of: usize| 100.0 * hits / of as f64;
        let within = |depth| ranks.iter().flatten().filter(|rank| **rank < depth).count() as f64;
        let others = || self.corpus.questions.iter().zip(&ranks).filter(|(question, _)| question.paraphrase);
        Judged {
            recall_5: share(within(5), ranks.len()),
            recall_10: share(within(DEPTH.into()), ranks.len()),
            reciprocal: share(
                ranks.iter().flatten().fold(0.0, |sum, rank| sum + 1.0 / (rank + 1) as f64),
                ranks.len(),
            ),
            paraphrased: share(others().filter(|(_, rank)| rank.is_some()).count() as f64, others().count()),
        }
    }
}

async fn ours(store: &Store, person: Tenant, corpus: &Corpus) -> Result<Vec<Vec<Place>>> {
    let mut answers = Vec::new();
    for question in &corpus.questions {
        let mut tx = store.tenant(person).await?;
        let found = search(&mut tx, &Search::of(&question.text, DEPTH.into())).await?;
        tx.commit().await?;
        answers.push(found.iter().map(|passage| (passage.summary_id, passage.seq)).collect());
    }
    Ok(answers)
}

/// A list of the questions' texts, as SQL.
fn questions(corpus: &Corpus) -> String {
    let texts: Vec<String> =
        corpus.questions.iter().map(|q| format!("'{}'", q.text.replace('\'', "''"))).collect();
    format!("unnest(array[{}]) with ordinality q (text, n)", texts.join(", "))
}

fn parsed(line: &str) -> Result<(Place, Vec<&str>)> {
    let mut parts = line.split('|');
    match (parts.next().and_then(|id| id.parse().ok()), parts.next().and_then(|seq| seq.parse().ok())) {
        (Some(id), Some(seq)) => Ok(((ArchiveId(id), seq), parts.collect())),
        _ => fail(format!("an odd line: {line}")),
    }
}

/// What a search over a `tsvector` usually is.
fn ts_rank(postgres: &Postgres, person: Tenant, corpus: &Corpus) -> Result<Vec<Vec<Place>>> {
    let sql = format!(
        "create temp table d as select summary_id, seq, to_tsvector('english', text) as words \
            from sixty.copilot_summary_passages where org_id = '{}'; \
         select f.summary_id, f.seq, q.n from {} cross join lateral ( \
            select d.summary_id, d.seq, ts_rank(d.words, a.query) as rank \
            from d, plainto_tsquery('english', q.text) a (query) where d.words @@ a.query \
            order by rank desc, d.summary_id, d.seq limit {DEPTH}) f order by q.n, f.rank desc",
        person.org,
        questions(corpus)
    );
    let mut answers = vec![Vec::new(); corpus.questions.len()];
    for line in postgres.sql(DATABASE, &sql)?.lines() {
        let (place, rest) = parsed(line)?;
        let number: usize = rest.first().ok_or("no number")?.parse()?;
        answers[number - 1].push(place);
    }
    Ok(answers)
}

fn bm25(postgres: &Postgres, person: Tenant, corpus: &Corpus) -> Result<Vec<Vec<Place>>> {
    let sql = format!(
        "select summary_id, seq, lexeme, cardinality(positions) from sixty.copilot_summary_passages, \
            unnest(to_tsvector('english', text)) where org_id = '{}' order by said_at, summary_id, seq",
        person.org
    );
    let (mut places, mut documents) = (Vec::<Place>::new(), Vec::<HashMap<String, f64>>::new());
    for line in postgres.sql(DATABASE, &sql)?.lines() {
        let (place, rest) = parsed(line)?;
        let [stem, times] = rest[..] else { return fail(format!("an odd line: {line}")) };
        if places.last() != Some(&place) {
            places.push(place);
            documents.push(HashMap::new());
        }
        documents.last_mut().ok_or("no document")?.insert(stem.to_owned(), times.parse()?);
    }
    let sql = format!(
        "select coalesce(string_agg(s.lexeme, '|'), '') from {} left join lateral \
            unnest(to_tsvector('english', q.text)) s on true group by q.n order by q.n",
        questions(corpus)
    );
    let index = Index::new(documents);
    let stems = postgres.sql(DATABASE, &sql)?;
    let answers = stems.lines().map(|line| {
        let stems: Vec<String> = line.split('|').map(str::to_owned).collect();
        index.search(&stems, DEPTH.into()).into_iter().map(|number| places[number]).collect()
    });
    Ok(answers.collect())
}
