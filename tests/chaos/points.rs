//! Each crash point again and again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use engine::crash::CrashPoint;
use futures_util::future::join_all;

use crate::{
    Size,
    crashes::{
        findings::Findings,
        trial::{Lane, way},
    },
    report::Report,
};

/// Trials at the same time, each with a database of its own.
const LANES: usize = 16;

struct Done {
    point: CrashPoint,
    seconds: f64,
    found: Findings,
}

pub async fn die(size: &Size, report: &mut Report) {
    let points: Vec<(CrashPoint, usize)> =
        CrashPoint::ALL.into_iter().map(|point| (point, way(point).1)).collect();
    let trials = (0..size.deaths)
        .flat_map(|n| points.iter().map(move |(point, passages)| (*point, n % passages + 1)))
        .collect();
    let queue: Arc<Mutex<VecDeque<(CrashPoint, usize)>>> = Arc::new(Mutex::new(trials));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let lanes = (0..LANES).map(async |_| {
        let mut lane = Lane::open().await;
        let mut done = Vec::new();
        while let Some((point, nth)) = next() {
            let began = Instant::now();
            let found = lane.trial(point, nth).await;
            done.push(Done { point, seconds: began.elapsed().as_secs_f64(), found });
        }
        done
    });
    let done: Vec<Done> = join_all(lanes).await.into_iter().flatten().collect();
    let mut sum = Findings::default();
    let slowest = done.iter().map(|trial| trial.seconds).fold(0.0, f64::max);
    for (point, _) in &points {
        let deaths = done.iter().filter(|trial| trial.point == *point).count();
        report.at_least(format!("points: deaths at `{}`", point.name()), deaths, size.deaths);
    }
    for trial in done {
        sum.add(trial.found);
    }
    // After the last commit nobody has to take over.
    let floor = size.deaths * (points.len() - 1);
    report.at_least("points: runs that another server went on with", sum.taken_over, floor);
    report.at_least("points: effects that were counted", sum.effects, size.deaths * 20);
    report.at_least("points: unknown outcomes, shown as such", sum.unknown, size.deaths / 2);
    report.note("points: longest trial, the server's start included (s)", format!("{slowest:.1}"));
    report.found("points", &sum);
}
