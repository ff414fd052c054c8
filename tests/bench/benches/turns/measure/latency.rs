//! Time to the first token, gaps, and what a frame costs.

use std::time::Duration;

use crate::{
    Result,
    load::{Pace, Turn, crowd, run},
    measure::{Legs, ROUNDS, SIXTY, firsts},
    postgres::Postgres,
    process::{Server, Usage},
    report::Report,
    stats::{median, quantile, spread},
};

/// First tokens of the three legs: all of them, and what each round's medians say.
#[derive(Default)]
struct First {
    all: [Vec<f64>; 3],
    ratios: Vec<f64>,
    added: Vec<f64>,
}

impl First {
    fn round(&mut self, round: [Vec<f64>; 3]) {
        let [direct, hyper, sixty] = [0, 1, SIXTY].map(|leg| median(&round[leg]));
        self.ratios.push((sixty - direct) / (hyper - direct));
        self.added.push(sixty - direct);
        for (all, leg) in self.all.iter_mut().zip(round) {
            all.extend(leg);
        }
    }

    fn report(&self, how: &str, report: &mut Report) {
        let middle = [0, 1, SIXTY].map(|leg| median(&self.all[leg]));
        let tail = [0, 1, SIXTY].map(|leg| quantile(&self.all[leg], 0.99));
        let ratio = (middle[SIXTY] - middle[0]) / (middle[1] - middle[0]);
        let legs = |values: [f64; 3]| values.map(|value| format!("{value:.2}")).join(" / ");
        report.add(
            format!("first token, {how}: direct / raw hyper / sixty, median; p99 (ms)"),
            format!("{}; {}", legs(middle), legs(tail)),
            "",
        );
        report.add(
            format!("added first-token time, {how}: median; p99 (ms)"),
            format!("{}; {:.2}", spread(&self.added, 2), tail[SIXTY] - tail[0]),
            "p99 ≤ 2",
        );
        report.add(
            format!("added first-token time ÷ raw hyper's, {how}"),
            format!("{ratio:.1} (rounds: {})", spread(&self.ratios, 1)),
            "≤ 6",
        );
    }
}

/// One turn at a time.
pub async fn alone(postgres: &Postgres, report: &mut Report) -> Result<()> {
    const TOKENS: usize = 20;
    let legs = Legs::start(postgres, &["--bench-tokens", "20", "--gap-ms", "0"])?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    report.add(
        "idle memory of the service (MB)",
        format!("{:.1}", legs.servers[SIXTY].usage()?.resident_bytes / 1e6),
        "≤ 30",
    );
    let mut first = First::default();
    for round in 0..=ROUNDS {
        let mut seen: [Vec<f64>; 3] = Default::default();
        for (leg, target) in legs.targets.iter().enumerate() {
            let (turns, _) = run(crowd(target, 1).await?, Pace::Closed { turns: 100 }, TOKENS).await?;
            seen[leg] = firsts(&turns);
        }
        // The first round warms caches and statements up.
        if round > 0 {
            first.round(seen);
        }
    }
    first.report("1 turn", report);
    legs.stop()
}

/// As many turns as a hundred clients can make.
pub async fn saturated(postgres: &Postgres, report: &mut Report) -> Result<()> {
    const TOKENS: usize = 20;
    let legs = Legs::start(postgres, &["--bench-tokens", "20", "--gap-ms", "0"])?;
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (leg, target) in legs.targets.iter().enumerate() {
            let people = crowd(target, 100).await?;
            let start = std::time::Instant::now();
            let (turns, _) = run(people, Pace::Closed { turns: 8 }, TOKENS).await?;
            rates[leg].push(turns.len() as f64 / start.elapsed().as_secs_f64());
        }
    }
    let rates = rates.map(|rounds| spread(&rounds, 0));
    report.add(
        "turns a second, 100 clients, 20 tokens each: direct / raw hyper / sixty",
        rates.join(" / "),
        "",
    );
    legs.stop()
}

/// What a leg under load showed.
struct Leg {
    turns: Vec<Turn>,
    cpu: f64,
    peak: f64,
}

async fn leg(
    server: &Server,
    people: usize,
    pace: Pace,
    tokens: usize,
    legs: &Legs,
    at: usize,
) -> Result<Leg> {
    let people = crowd(&legs.targets[at], people).await?;
    let before = server.usage()?;
    let load = run(people, pace, tokens);
    let mut peak = before.resident_bytes;
    tokio::pin!(load);
    let (turns, _) = loop {
        tokio::select! {
            done = &mut load => break done?,
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                let Usage { resident_bytes, .. } = server.usage()?;
                peak = peak.max(resident_bytes);
            }
        }
    };
    Ok(Leg { turns, cpu: server.usage()?.cpu_seconds - before.cpu_seconds, peak })
}

fn tokens(turns: &[Turn]) -> f64 {
    turns.iter().map(|turn| turn.tokens as f64).sum()
}

/// Turns of a second each, one token every 20 ms.
pub async fn paced(postgres: &Postgres, report: &mut Report, people: usize) -> Result<()> {
    const TOKENS: usize = 50;
    let legs = Legs::start(postgres, &["--bench-tokens", "50", "--gap-ms", "20"])?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let idle = [1, SIXTY].map(|at| legs.servers[at].usage().map(|usage| usage.resident_bytes));
    let [hyper_idle, sixty_idle] =
        [idle[0].as_ref(), idle[1].as_ref()].map(|idle| idle.copied().unwrap_or(0.0));
    let (mut first, mut peaks, mut per_cpu) = (First::default(), Vec::new(), Vec::new());
    let (mut gaps, mut sums): ([Vec<f64>; 3], [[f64; 2]; 3]) = (Default::default(), Default::default());
    for _ in 0..ROUNDS {
        let mut seen: [Vec<f64>; 3] = Default::default();
        let mut rates = [0.0; 3];
        for at in 0..3 {
            let pace = Pace::Open { turns: 3, every: Duration::from_millis(1_100) };
            let Leg { turns, cpu, peak } = leg(&legs.servers[at], people, pace, TOKENS, &legs, at).await?;
            seen[at] = firsts(&turns);
            gaps[at].extend(turns.iter().flat_map(|turn| turn.gaps.iter().map(|gap| gap * 1e3)));
            rates[at] = tokens(&turns) / cpu;
            sums[at] = [sums[at][0] + tokens(&turns), sums[at][1] + cpu];
            peaks.push((at, peak));
        }
        per_cpu.push(rates[SIXTY] / rates[1]);
        first.round(seen);
    }
    first.report(&format!("{people} turns"), report);
    let [direct, hyper, sixty] = gaps;
    report.add(
        format!("gap between frames, {people} turns, 20 ms apart: p99 of direct / raw hyper / sixty (ms)"),
        [&direct, &hyper, &sixty].map(|gaps| format!("{:.2}", quantile(gaps, 0.99))).join(" / "),
        "sixty − direct ≤ 0.3",
    );
    report.add(
        format!("largest gap, {people} turns: direct / raw hyper / sixty (ms)"),
        [&direct, &hyper, &sixty].map(|gaps| format!("{:.1}", quantile(gaps, 1.0))).join(" / "),
        "sixty − direct ≤ 10",
    );
    if people == 100 {
        let rate = |at: usize| sums[at][0] / sums[at][1] / 1e3;
        report.add(
            "tokens a CPU second, paced: raw hyper; sixty (thousands); ratio",
            format!(
                "{:.0}; {:.0}; {:.2} (rounds: {})",
                rate(1),
                rate(SIXTY),
                rate(SIXTY) / rate(1),
                spread(&per_cpu, 2)
            ),
            "ratio ≥ 0.75",
        );
        let peak =
            |at| quantile(&peaks.iter().filter(|(leg, _)| *leg == at).map(|p| p.1).collect::<Vec<_>>(), 1.0);
        let [hyper, sixty] = [(peak(1) - hyper_idle) / 100.0 / 1e3, (peak(SIXTY) - sixty_idle) / 100.0 / 1e3];
        report.add(
            "memory of an active turn, the peak of 100: raw hyper; sixty (KB); ratio",
            format!("{hyper:.0}; {sixty:.0}; {:.2}", sixty / hyper),
            "ratio ≤ 1.25",
        );
    }
    legs.stop()
}

/// Answers that come as fast as they can be read.
pub async fn burst(postgres: &Postgres, report: &mut Report) -> Result<()> {
    const TOKENS: usize = 2_000;
    let legs = Legs::start(postgres, &["--bench-tokens", "2000", "--gap-ms", "0"])?;
    let (mut ratios, mut rates): (Vec<f64>, [Vec<f64>; 3]) = (Vec::new(), Default::default());
    for _ in 0..ROUNDS {
        for at in [1, SIXTY] {
            let Leg { turns, cpu, .. } =
                leg(&legs.servers[at], 20, Pace::Closed { turns: 5 }, TOKENS, &legs, at).await?;
            rates[at].push(tokens(&turns) / cpu / 1e3);
        }
        ratios.extend(rates[SIXTY].last().zip(rates[1].last()).map(|(sixty, hyper)| sixty / hyper));
    }
    report.add(
        "tokens a CPU second, burst of 2,000: raw hyper; sixty (thousands); ratio",
        format!("{}; {}; {}", spread(&rates[1], 0), spread(&rates[SIXTY], 0), spread(&ratios, 2)),
        "ratio ≥ 1.5",
    );
    legs.stop()
}
