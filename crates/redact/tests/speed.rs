//! How long it takes: `cargo test -p redact --release --test speed -- --ignored --nocapture`.

use std::{hint::black_box, time::Instant};

use redact::Redactor;

const PROSE: &str = "The renewal with Acme (deal 4711, €48,000) slipped to 2026-09-30: see \
    https://crm.example.com/deals/4711?tab=notes and ask Sarah Green <sarah@acme.example> about \"risk-averse\" legal. ";

fn redactor(secrets: usize) -> Redactor {
    let secrets: Vec<String> =
        (0..secrets).map(|n| format!("{:x}+Secret/{n}", n * 0x9E37_79B9 + 77)).collect();
    Redactor::new(secrets.iter().map(|secret| ("password", secret.as_str())))
}

fn nanoseconds_each(times: u32, mut f: impl FnMut()) -> f64 {
    f();
    let start = Instant::now();
    (0..times).for_each(|_| f());
    start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
}

#[test]
#[ignore = "a measurement"]
fn ordinary_text_takes_microseconds() {
    let text = PROSE.repeat(10_240 / PROSE.len() + 1);
    let pieces: Vec<&str> = text.split_inclusive(' ').collect();
    let key = format!("-----BEGIN {} KEY-----\n{}", "PRIVATE", "MIIEvQIBADANBgkqhkiG".repeat(500));
    for secrets in [0, 10, 100] {
        let redactor = redactor(secrets);
        let whole = nanoseconds_each(2000, || drop(black_box(redactor.redact(black_box(&text)))));
        let by_word = nanoseconds_each(200, || {
            let mut stream = redactor.stream();
            for piece in &pieces {
                black_box(stream.push(piece));
            }
        }) / f64::from(u32::try_from(pieces.len()).expect("few"));
        let held = nanoseconds_each(200, || {
            let mut stream = redactor.stream();
            for at in (0..key.len()).step_by(4) {
                black_box(stream.push(&key[at..key.len().min(at + 4)]));
            }
        }) / f64::from(u32::try_from(key.len() / 4).expect("few"));
        let build = nanoseconds_each(20, || drop(black_box(self::redactor(secrets))));
        println!(
            "{secrets} secrets: {:.1} µs for {} bytes, {by_word:.0} ns for a word, {held:.0} ns for 4 bytes of a key, \
             built in {:.0} µs",
            whole / 1e3,
            text.len(),
            build / 1e3
        );
    }
    for hostile in [
        "eyJhbGciOiJub25lIn0".repeat(600),
        "eyJ-".repeat(2600),
        "https://a:b:".repeat(900),
        "sk-ant-".repeat(1500),
        "x://u:".to_owned() + &"p@".repeat(5000),
        "----------\n".repeat(950),
        "-----BEGIN ".repeat(950),
        "[REDACTED:".repeat(1000),
        "bearer ".repeat(1500),
        "\\".repeat(10_000),
    ] {
        let redactor = redactor(10);
        let time = nanoseconds_each(50, || drop(black_box(redactor.redact(black_box(&hostile)))));
        println!("{:.1} µs for {}…", time / 1e3, &hostile[..10]);
    }
}
