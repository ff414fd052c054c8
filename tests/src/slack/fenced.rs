//! Whoever has lost a turn writes nothing more of what it has posted, and what it has posted is recognised.

use model_sim::Reply;

use super::{ALICE, DIRECT, Desk, standin::Fault};
use crate::harness::eventually;

/// From now on each turn is taken over by somebody else between an intent to post and the message, once; and under which
/// fence each outcome is written is kept.
const TAKEN_OVER: &str = "
create table public.outcomes (fence bigint);
create function public.take_over() returns trigger language plpgsql security definer as $$
begin
    update sixty.slack_turns set fence = fence + 1 where id = new.turn_id and fence = 1;
    return null;
end $$;
create function public.written() returns trigger language plpgsql security definer as $$
begin
    insert into public.outcomes select fence from sixty.slack_turns where id = old.turn_id;
    return null;
end $$;
create trigger take_over after insert on sixty.slack_posts for each row execute function public.take_over();
create trigger written after update or delete on sixty.slack_posts for each row execute function public.written()";

/// How often these words are read.
fn times(desk: &Desk, words: &str) -> usize {
    desk.slack.shown().iter().filter(|text| text.contains(words)).count()
}

#[tokio::test]
async fn who_lost_a_turn_says_nothing_of_what_it_posted() {
    // What it posted is there, or Slack has refused it.
    for refusal in [None, Some("unknown_method")] {
        let desk = Desk::open().await;
        let pool = desk.app.database.superuser().await;
        sqlx::raw_sql(TAKEN_OVER).execute(&pool).await.expect("a trigger");
        desk.slack.fail("chat.startStream", refusal.map(Fault::Error));
        desk.app.sim.push(Reply::text("Once."));
        desk.say("tell me").await;
        eventually("it was sent", async || desk.slack.calls("chat.startStream").first().cloned()).await;
        // The lease of whoever took it over ends, and the next one finds out what was posted.
        eventually("it is answered", async || {
            let free = "update sixty.slack_turns set lease_until = '-infinity' where fence = 2";
            sqlx::query(free).execute(&pool).await.expect("it is free");
            let open = "select count(*) from sixty.slack_turns where state <> 'over'";
            (desk.app.database.count(open).await == 0).then_some(())
        })
        .await;
        let fences: Vec<i64> =
            sqlx::query_scalar("select fence from public.outcomes").fetch_all(&pool).await.expect("fences");
        assert!(!fences.is_empty() && fences.iter().all(|fence| *fence > 2), "{fences:?}");
        assert_eq!(times(&desk, "Once."), 1, "{:?}", desk.slack.shown());
    }
}

#[tokio::test]
async fn a_stream_whose_beginning_nobody_noted_becomes_the_answer() {
    let desk = Desk::open().await;
    // Of an earlier answer in the thread it is known which it is.
    desk.app.sim.push(Reply::text("Earlier."));
    let first = desk.direct(ALICE, "tell me");
    desk.deliver(&first).await;
    desk.settled().await;
    let stopped = desk.slack.calls("chat.stopStream");
    assert_eq!(stopped[0].args["metadata"]["event_type"], "sixty_post");
    desk.slack.fail("chat.startStream", [Fault::DroppedAfter]);
    desk.app.sim.push(Reply::text("Once."));
    desk.deliver(&desk.sender.message(ALICE, DIRECT, Some(&first.ts), "tell me more")).await;
    desk.settled().await;
    assert_eq!((times(&desk, "Earlier."), times(&desk, "Once.")), (1, 1), "{:?}", desk.slack.shown());
    assert!(desk.slack.calls("chat.postMessage").is_empty());
}
