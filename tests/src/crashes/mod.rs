//! A server dies at each named point, and another one goes on with its runs.

mod approvals;
mod findings;
mod guided;
mod retention;
mod schedules;
mod script;
mod sequences;
mod slack;
mod trial;

use engine::crash::CrashPoint;
use futures_util::future::join_all;
use trial::{Lane, way};

/// Has a server die at each passage of the points; where there are many, at the first and the last.
async fn survives(points: &[CrashPoint]) {
    let trials = points.iter().flat_map(|point| {
        let (_, passages) = way(*point);
        let step = if passages > 5 { passages - 1 } else { 1 };
        (1..=passages).step_by(step).map(move |nth| (*point, nth, nth == passages))
    });
    join_all(trials.map(async |(point, nth, last)| {
        let found = Lane::open().await.trial(point, nth).await;
        assert!(found.notes.is_empty(), "{point:?}, passage {nth}: {found:#?}");
        // The first model call may begin before the message is stored: then it is the client that comes again. And
        // after the last commit there is nothing to go on with.
        let open =
            (point == CrashPoint::BeforeModelCall && nth == 1) || (point == CrashPoint::AfterCommit && last);
        assert!(found.taken_over == 1 || open, "{point:?}, passage {nth}: nobody took over");
    }))
    .await;
}

#[tokio::test]
async fn a_turn_outlives_a_death_before_its_client_or_its_worker_knows_of_it() {
    survives(&[CrashPoint::TurnCommitted, CrashPoint::Claimed]).await;
}

#[tokio::test]
async fn a_turn_outlives_a_death_around_the_model_call() {
    survives(&[CrashPoint::BeforeModelCall]).await;
}

#[tokio::test]
async fn a_turn_outlives_a_death_at_any_piece_of_an_answer() {
    survives(&[CrashPoint::MidStream]).await;
}

#[tokio::test]
async fn a_turn_outlives_a_death_before_any_of_its_commits() {
    survives(&[CrashPoint::BeforeCommit]).await;
}

#[tokio::test]
async fn a_turn_outlives_a_death_after_any_of_its_commits() {
    survives(&[CrashPoint::AfterCommit]).await;
}

#[tokio::test]
async fn an_effect_outside_happens_at_most_once_though_its_server_dies_before_the_call() {
    survives(&[CrashPoint::AfterIntent]).await;
}

#[tokio::test]
async fn an_effect_outside_happens_at_most_once_though_its_server_dies_during_the_call() {
    survives(&[CrashPoint::CallSent]).await;
}

#[tokio::test]
async fn an_effect_outside_happens_at_most_once_though_its_server_dies_after_the_call() {
    survives(&[CrashPoint::Replied, CrashPoint::AfterResult]).await;
}

#[tokio::test]
async fn a_run_ends_once_though_its_server_dies_at_its_end() {
    survives(&[CrashPoint::Finish, CrashPoint::Cancel]).await;
}

#[tokio::test]
async fn a_compaction_goes_on_where_its_server_died() {
    survives(&[CrashPoint::Archived, CrashPoint::Summarized]).await;
}

#[tokio::test]
async fn a_run_outlives_a_server_that_dies_while_it_renews_or_hands_back_its_lease() {
    survives(&[CrashPoint::Heartbeat, CrashPoint::Shutdown]).await;
}

#[tokio::test]
async fn each_row_is_deleted_and_counted_once_though_the_server_that_deletes_dies() {
    survives(&[CrashPoint::Purging, CrashPoint::Purged]).await;
}

#[tokio::test]
async fn what_a_person_approved_happens_once_though_its_server_dies_around_the_decision() {
    survives(&[CrashPoint::ApprovalStored, CrashPoint::ApprovalDecided]).await;
}

#[tokio::test]
async fn a_sequence_goes_on_with_the_step_in_which_its_server_died() {
    survives(&[CrashPoint::StepBegun]).await;
}

#[tokio::test]
async fn each_step_of_a_sequence_is_carried_out_once_though_its_server_dies_around_its_commits() {
    let points = [CrashPoint::BeforeCommit, CrashPoint::AfterCommit]
        .map(|point| [1, 2, 4, 7, 8].map(|nth| (point, nth)));
    let others = [CrashPoint::AfterIntent, CrashPoint::CallSent, CrashPoint::Replied].map(|point| (point, 2));
    join_all(points.into_iter().flatten().chain(others).map(async |(point, nth)| {
        let found = Lane::open().await.sequence(point, nth).await;
        assert!(found.notes.is_empty(), "{point:?}, passage {nth}: {found:#?}");
        assert_eq!(found.taken_over, 1, "{point:?}, passage {nth}: nobody took over");
    }))
    .await;
}

#[tokio::test]
async fn a_step_of_the_model_a_fallback_and_an_approval_are_had_once_though_their_server_dies() {
    use CrashPoint::{
        AfterCommit, AfterResult, ApprovalDecided, ApprovalStored, BeforeCommit, BeforeModelCall, MidStream,
        StepBegun,
    };
    let trials = [
        (StepBegun, 1),
        (StepBegun, 3),
        (StepBegun, 4),
        (BeforeModelCall, 1),
        (BeforeModelCall, 2),
        (MidStream, 1),
        (BeforeCommit, 3),
        (BeforeCommit, 6),
        (AfterCommit, 7),
        (AfterResult, 3),
        (AfterResult, 5),
        (ApprovalStored, 1),
        (ApprovalDecided, 1),
        (BeforeCommit, 13),
    ];
    join_all(trials.map(async |(point, nth)| {
        let found = Lane::open().await.guided(point, nth).await;
        assert!(found.notes.is_empty(), "{point:?}, passage {nth}: {found:#?}");
        assert_eq!(found.taken_over, 1, "{point:?}, passage {nth}: nobody took over");
    }))
    .await;
}

#[tokio::test]
async fn a_slot_fires_once_though_its_server_dies_as_it_claims_or_ends_it() {
    survives(&[CrashPoint::SlotClaimed, CrashPoint::SlotSettled]).await;
}

#[tokio::test]
async fn what_is_said_in_slack_is_answered_once_though_its_server_dies_around_taking_it_in_or_posting() {
    survives(&[CrashPoint::SlackStored, CrashPoint::PostIntended, CrashPoint::Posted]).await;
}
