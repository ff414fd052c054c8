use tokio::time::advance;

use super::*;

const MODEL: &str = "a/model";

fn org(n: u8) -> Owner {
    format!("00000000-0000-0000-0000-0000000000{n:02}").parse().ok()
}

fn fail(circuits: &Circuits, times: usize) {
    for _ in 0..times {
        circuits.force(None, MODEL).failed(None);
    }
}

#[tokio::test(start_paused = true)]
async fn three_failures_in_a_row_open_a_circuit_and_an_answer_between_them_does_not() {
    let circuits = Circuits::default();
    fail(&circuits, 2);
    circuits.admit(None, MODEL).expect("it is closed").answered();
    fail(&circuits, 2);
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    fail(&circuits, 1);
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
    assert!(circuits.admit(None, MODEL).is_none() && circuits.admit(None, "a/other").is_some());
}

#[tokio::test(start_paused = true)]
async fn failures_that_lie_far_apart_open_nothing() {
    let circuits = Circuits::default();
    for _ in 0..10 {
        fail(&circuits, 1);
        advance(WINDOW / 2).await;
    }
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_single_request_tries_an_open_circuit_and_what_comes_of_it_decides() {
    let circuits = Circuits::default();
    fail(&circuits, 3);
    advance(OPEN).await;
    assert_eq!(circuits.standing(None, MODEL), Standing::HalfOpen);
    let probe = circuits.admit(None, MODEL).expect("one may try");
    assert!(circuits.admit(None, MODEL).is_none(), "a second one may not");
    probe.failed(None);
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
    advance(OPEN).await;
    circuits.admit(None, MODEL).expect("one may try").answered();
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_was_given_up_leaves_its_place_to_the_next_one() {
    let circuits = Circuits::default();
    fail(&circuits, 3);
    advance(OPEN).await;
    drop(circuits.admit(None, MODEL).expect("one may try"));
    assert!(circuits.admit(None, MODEL).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_more_time_gets_it_within_bounds() {
    for (wait, open) in [(1, OPEN), (90, Duration::from_secs(90)), (86_400, LONGEST)] {
        let circuits = Circuits::default();
        fail(&circuits, 2);
        circuits.force(None, MODEL).failed(Some(Duration::from_secs(wait)));
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: open }, "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_were_under_way_do_not_keep_a_circuit_open() {
    let circuits = Circuits::default();
    fail(&circuits, 3);
    advance(OPEN / 2).await;
    fail(&circuits, 5);
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN / 2 });
    assert_eq!(circuits.lock()[&Owner::None][MODEL].failures.len(), FAILURES);
}

#[tokio::test(start_paused = true)]
async fn any_answer_breaks_the_row_while_a_circuit_is_closed() {
    let circuits = Circuits::default();
    let early = circuits.admit(None, MODEL).expect("it is closed");
    advance(Duration::from_secs(1)).await;
    fail(&circuits, 2);
    early.answered();
    fail(&circuits, 2);
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_learns_nothing_from_an_answer_that_began_before_the_failures() {
    let circuits = Circuits::default();
    fail(&circuits, 2);
    advance(Duration::from_secs(1)).await;
    let early = circuits.admit(None, MODEL).expect("it is closed");
    advance(Duration::from_secs(1)).await;
    fail(&circuits, 1);
    early.answered();
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
    // Nobody else could be asked, and it answers.
    advance(Duration::from_secs(1)).await;
    circuits.force(None, MODEL).answered();
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
}

/// The request that tried a circuit which another one, that nobody could refuse, has closed since.
async fn stale_probe(circuits: &Circuits) -> Pass {
    fail(circuits, 3);
    advance(OPEN).await;
    let stale = circuits.admit(None, MODEL).expect("one may try");
    advance(Duration::from_secs(1)).await;
    circuits.force(None, MODEL).answered();
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    stale
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_circuit_was_closed_meanwhile_counts_as_any_failure() {
    let circuits = Circuits::default();
    stale_probe(&circuits).await.failed(None);
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    fail(&circuits, 2);
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
}

#[tokio::test(start_paused = true)]
async fn a_stale_probe_has_no_say_in_a_newer_circuit() {
    let words: [fn(Pass); 3] = [drop, Pass::answered, |pass| pass.failed(None)];
    for tell in words {
        let circuits = Circuits::default();
        let stale = stale_probe(&circuits).await;
        fail(&circuits, 3);
        advance(OPEN).await;
        let newer = circuits.admit(None, MODEL).expect("one may try");
        tell(stale);
        assert_eq!(circuits.standing(None, MODEL), Standing::HalfOpen);
        assert!(circuits.admit(None, MODEL).is_none(), "somebody tries it already");
        newer.answered();
        assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_the_single_request_closes_the_circuit_whatever_else_fails_meanwhile() {
    let circuits = Circuits::default();
    let late = circuits.force(None, MODEL);
    fail(&circuits, 3);
    advance(OPEN).await;
    let probe = circuits.admit(None, MODEL).expect("one may try");
    advance(Duration::from_secs(1)).await;
    late.failed(None);
    probe.answered();
    assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_one_key_says_nothing_of_another() {
    let circuits = Circuits::default();
    let [one, other] = [1, 2].map(org);
    for _ in 0..3 {
        circuits.force(one, MODEL).failed(None);
    }
    assert_eq!(circuits.standing(one, MODEL), Standing::Open { retry_in: OPEN });
    assert_eq!([other, None].map(|owner| circuits.standing(owner, MODEL)), [Standing::Closed; 2]);
    fail(&circuits, 3);
    circuits.force(one, MODEL).answered();
    assert_eq!(circuits.standing(one, MODEL), Standing::Closed);
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
}

#[tokio::test(start_paused = true)]
async fn an_organization_whose_models_all_fail_takes_no_place_of_others() {
    let circuits = Circuits::default();
    let one = org(1);
    for n in 0..2 * MOST {
        circuits.force(one, &format!("a/{n}")).failed(None);
    }
    assert_eq!(circuits.lock()[&one].len(), MOST_OF_ONE);
    fail(&circuits, 3);
    assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
}
