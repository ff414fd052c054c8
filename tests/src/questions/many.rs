use domain::EntityKind;
use serde_json::json;

use super::{Desk, Stored};

const DEALS: i64 = 10_000;

#[tokio::test]
async fn ten_thousand_deals_are_a_page_and_a_sum() {
    let desk = Desk::start().await;
    let deals: Vec<Stored> = (0..DEALS)
        .map(|n| {
            let stage = ["new", "offer", "won"][usize::try_from(n % 3).expect("a stage")];
            let currency = if n % 2 == 0 { "EUR" } else { "USD" };
            let fields = json!({"stage": stage, "amount": 100, "currency": currency,
                "close_date": desk.iso(n % 400 - 10), "health": n % 100});
            Stored::new(EntityKind::Deal, format!("D-{n:05}"), format!("Deal {n}"), fields)
        })
        .collect();
    desk.store("acme", "alice", &deals).await;
    let open = |n: &i64| n % 3 != 2;
    let count = |mut fits: Box<dyn FnMut(&i64) -> bool>| (0..DEALS).filter(open).filter(|n| fits(n)).count();
    let eur = count(Box::new(|n| n % 2 == 0)) * 100;
    let usd = count(Box::new(|n| n % 2 == 1)) * 100;
    let told = desk.answer("get_pipeline_summary", json!({})).await;
    let with_commas = |n: usize| format!("{},{:03}", n / 1000, n % 1000);
    assert_eq!(
        told.lines().next(),
        Some(format!("Open deals: 6667, {} EUR and {} USD", with_commas(eur), with_commas(usd)).as_str()),
        "{told}"
    );
    let overdue = count(Box::new(|n| n % 400 < 10));
    let at_risk = count(Box::new(|n| n % 100 < 40));
    let flags = format!("overdue {overdue}, at risk {at_risk}, stale 6667, without an amount 0");
    assert!(told.contains(&flags), "{flags} is missing: {told}");
    // Page after page, each deal once, in order.
    for filter in ["at_risk", "needs_attention", "stale"] {
        let mut seen = Vec::new();
        for page in 1..=3 {
            let args = json!({"filter": filter, "limit": 50, "page": page});
            let told = desk.answer("get_pipeline_deals", args).await;
            assert_eq!(told.lines().count(), 52, "{told}");
            assert!(told.ends_with(&format!("There are more: ask again with page {}.", page + 1)), "{told}");
            let ids = told
                .lines()
                .filter_map(|line| line.strip_prefix("- deal ")?.split(':').next().map(str::to_owned));
            seen.extend(ids);
        }
        let mut distinct = seen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((seen.len(), distinct.len()), (150, 150), "{filter}");
    }
    let told = desk.answer("get_pipeline_deals", json!({"filter": "at_risk", "limit": 50})).await;
    assert!(told.lines().skip(1).take(50).all(|line| line.contains("at risk (health 0)")), "{told}");
    let told = desk.answer("resolve_entity", json!({"name": "Deal 4711"})).await;
    assert!(told.starts_with("\"Deal 4711\" is deal D-04711: Deal 4711."), "{told}");
}
