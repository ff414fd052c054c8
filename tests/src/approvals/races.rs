//! Many decide at once.

use futures_util::future::join_all;
use model_sim::Reply;
use serde_json::json;

use super::desk::{decide, goes_on, see, stage, wait_for};
use crate::harness::{Setup, TestApp, look::end};

#[tokio::test]
async fn of_fifty_decisions_on_two_replicas_one_counts_and_the_call_is_performed_once() {
    let app = TestApp::start().await;
    let other = app.another_replica(Setup::default()).await;
    let alice = app.alice();
    let there = alice.at(other.address);
    alice.deal().await;
    let mut changes = 1;
    for denials in [0, 25, 50, 25, 25] {
        // Another stage in each round: a change to what stands there already is none.
        let stage = stage(&format!("won, version {changes} and {denials} denials"));
        let waiting = wait_for(&app, &alice, "update_entity", stage).await;
        app.sim.push(Reply::text("Done."));
        let decisions = (0..50).map(|n| {
            // 7 and 50 have no common factor: the denials are spread over both replicas.
            let approves = n * 7 % 50 >= denials;
            let person = if n % 2 == 0 { &alice } else { &there };
            let body = json!({"decision": if approves { "approve" } else { "deny" }});
            let id = &waiting.approval;
            async move { (approves, decide(person, id, body).await) }
        });
        let decided = join_all(decisions).await;
        let mut won = Vec::new();
        for (approves, answer) in &decided {
            match answer.status.as_u16() {
                202 => won.push(*approves),
                _ => drop(answer.problem(409, "already_decided")),
            }
        }
        assert_eq!(won.len(), 1, "one word counts");
        assert_eq!(end(&goes_on(&alice, &waiting).await).data["status"], "done");
        let shown = see(&alice, &waiting.approval).await;
        assert_eq!(shown["status"], if won[0] { "executed" } else { "denied" });
        changes += i64::from(won[0]);
        assert_eq!(app.database.count("select version from sixty.entities").await, changes);
        let performed =
            "select max(n) from (select count(*) as n from sixty.tool_calls group by run_id) runs";
        assert_eq!(app.database.count(performed).await, 1);
    }
    assert!(changes >= 2, "the round without a denial was approved");
}
