use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn spent(tokens: i64, dollars: f64) -> Spent {
    Spent { tokens, cost: Cost::of_usd(dollars) }
}

fn used(today: Spent, month: Spent, reserved: Spent) -> Used {
    Used { day: today, month, reserved }
}

fn limits(json: &str) -> Limits {
    serde_json::from_str(json).expect("limits")
}

#[test]
fn what_has_no_limit_is_not_counted() {
    let none = limits(r#"{"org": {}, "user": {}, "run": {"tokens": 5}}"#);
    assert!(!none.counts() && !Limits::default().counts());
    assert!(limits(r#"{"user": {"daily_usd": 0.5}}"#).counts());
    assert_eq!(none.standings(Used::default(), Used::default(), day("2026-11-30")), []);
    assert_eq!(Limits::default().of_run(spent(1_000_000, 1e3)), []);
}

#[test]
fn a_call_may_begin_as_long_as_what_is_used_and_set_aside_is_less_than_the_limit() {
    let limits = limits(r#"{"user": {"daily_tokens": 1000}}"#);
    let stands = |used_today, reserved| {
        let used = used(spent(used_today, 0.0), spent(5_000, 0.0), spent(reserved, 0.0));
        limits.standings(used, Used::default(), day("2026-11-30")).remove(0)
    };
    for (used_today, reserved, left) in
        [(0, 0, 1_000), (999, 0, 1), (400, 599, 1), (400, 600, 0), (1_000, 0, 0), (2_000, 9, 0)]
    {
        let standing = stands(used_today, reserved);
        assert_eq!(standing.left, Amount::Tokens(left));
        assert_eq!(standing.is_exhausted(), left == 0, "{used_today} {reserved}");
    }
    assert!(!stands(799, 900).is_near() && stands(800, 0).is_near() && stands(3_000, 0).is_near());
}

#[test]
fn nothing_may_begin_where_the_limit_is_nothing() {
    let none = limits(r#"{"org": {"monthly_usd": 0}, "run": {"tokens": 0}}"#);
    let standings = none.standings(Used::default(), Used::default(), day("2026-11-30"));
    assert!(exhausted(&standings).is_some());
    assert!(exhausted(&none.of_run(Spent::default())).is_some());
}

#[test]
fn each_limit_counts_its_own_unit_and_period_and_the_persons_own_come_first() {
    let limits = limits(
        r#"{"org": {"daily_tokens": 10, "monthly_usd": 2.5}, "user": {"daily_usd": 1, "monthly_tokens": 70}}"#,
    );
    let user = used(spent(1, 0.1), spent(2, 0.2), spent(3, 0.3));
    let org = used(spent(4, 0.4), spent(5, 0.5), spent(6, 0.6));
    let standings = limits.standings(user, org, day("2026-11-30"));
    let told: Vec<String> = standings
        .iter()
        .map(|it| format!("{} {} {} {} {}", it.scope, it.period, it.used, it.reserved, it.left))
        .collect();
    assert_eq!(
        told,
        [
            "user day $0.1000 $0.3000 $0.6000",
            "user month 2 tokens 3 tokens 65 tokens",
            "org day 4 tokens 6 tokens 0 tokens",
            "org month $0.5000 $0.6000 $1.4000",
        ]
    );
    assert_eq!(exhausted(&standings), Some(&standings[2]));
}

#[test]
fn days_and_months_begin_anew_at_midnight_utc() {
    let limits = limits(r#"{"org": {"daily_tokens": 1, "monthly_tokens": 1}}"#);
    let resets = |today| -> Vec<String> {
        let standings = limits.standings(Used::default(), Used::default(), day(today));
        standings.iter().map(|it| it.resets_at.expect("a time").to_rfc3339()).collect()
    };
    assert_eq!(resets("2026-12-31"), ["2027-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"]);
    assert_eq!(resets("2028-02-28"), ["2028-02-29T00:00:00+00:00", "2028-03-01T00:00:00+00:00"]);
    assert_eq!(limits.of_run(Spent::default()), []);
}

#[test]
fn of_limits_that_are_used_up_the_one_that_begins_anew_last_is_told() {
    let limits = limits(
        r#"{"org": {"daily_tokens": 10, "monthly_tokens": 10}, "user": {"daily_tokens": 10, "monthly_usd": 1}}"#,
    );
    let told = |user: Used, org: Used, today: &str| {
        let standings = limits.standings(user, org, day(today));
        exhausted(&standings).map(|it| format!("{} {}", it.scope, it.period)).unwrap_or_default()
    };
    let (none, ten) = (Spent::default(), spent(10, 0.0));
    let (nothing, today, both) = (Used::default(), used(ten, none, none), used(ten, ten, none));
    let dear = used(ten, spent(0, 1.0), none);
    for (user, org, expected) in [
        (nothing, nothing, ""),
        (today, nothing, "user day"),
        (nothing, both, "org month"),
        (dear, nothing, "user month"),
        (today, both, "org month"),
        // Of those that begin anew at the same time, one's own is named first.
        (today, today, "user day"),
        (dear, both, "user month"),
    ] {
        assert_eq!(told(user, org, "2026-11-15"), expected, "{user:?} {org:?}");
    }
    assert_eq!(told(nothing, both, "2026-11-30"), "org day");
}

#[test]
fn limits_in_money_are_told_by_field() {
    let fields = |json: &str| limits(json).in_money().collect::<Vec<_>>();
    let all = r#"{"org": {"daily_usd": 1, "monthly_usd": 0}, "user": {"daily_usd": 1, "monthly_usd": 1},
        "run": {"usd": 0}}"#;
    assert_eq!(
        fields(all),
        ["org.daily_usd", "org.monthly_usd", "user.daily_usd", "user.monthly_usd", "run.usd"]
    );
    assert_eq!(
        limits(all).needing_prices().collect::<Vec<_>>(),
        ["org.daily_usd", "user.daily_usd", "user.monthly_usd"]
    );
    let tokens = r#"{"org": {"daily_tokens": 1}, "user": {"monthly_tokens": 1}, "run": {"tokens": 1}}"#;
    assert_eq!(fields(tokens), [] as [&str; 0]);
}

#[test]
fn a_warning_says_how_much_of_what_is_used() {
    let limits = limits(r#"{"user": {"daily_tokens": 1000}}"#);
    let used = used(spent(812, 0.0), Spent::default(), Spent::default());
    let standing = limits.standings(used, Used::default(), day("2026-11-29")).remove(0);
    assert_eq!(standing.headline(), "80 % of your daily budget are used");
    assert_eq!(
        standing.warning(),
        "812 tokens of 1000 tokens are used; it begins anew at 2026-11-30 00:00 UTC."
    );
}

#[test]
fn a_refusal_says_whose_budget_what_is_used_and_when_there_is_more() {
    let limits = limits(r#"{"user": {"daily_tokens": 1000}, "run": {"usd": 0.5}}"#);
    let said = |used| limits.standings(used, Used::default(), day("2026-11-30"))[0].to_string();
    assert_eq!(
        said(used(spent(1_012, 0.0), Spent::default(), spent(7, 0.0))),
        "your daily budget of 1000 tokens is used up: 1012 tokens are used; it begins anew at 2026-12-01 00:00 UTC"
    );
    assert_eq!(
        said(used(spent(12, 0.0), Spent::default(), spent(990, 0.0))),
        "nothing is left of your daily budget of 1000 tokens: 12 tokens are used, and 990 tokens are set aside for \
         what is under way; it begins anew at 2026-12-01 00:00 UTC"
    );
    assert_eq!(
        limits.of_run(spent(9, 0.51))[0].to_string(),
        "the budget of a run of $0.5000 is used up: $0.5100 are used"
    );
}

#[test]
fn limits_that_cannot_be_are_named() {
    let wrong = limits(r#"{"org": {"daily_tokens": -1, "monthly_usd": 1000001}, "run": {"usd": -0.01}}"#);
    let fields: Vec<String> = wrong.check().into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["org.daily_tokens", "org.monthly_usd", "run.usd"]);
    assert_eq!(limits(r#"{"user": {"daily_tokens": 0, "daily_usd": 1000000}}"#).check(), []);
    for unknown in [r#"{"orgs": {}}"#, r#"{"org": {"tokens": 1}}"#, r#"{"run": {"daily_usd": 1}}"#] {
        assert!(serde_json::from_str::<Limits>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn an_amount_is_told_as_a_number_in_its_unit() {
    let limits = limits(r#"{"org": {"daily_tokens": 10, "daily_usd": 0.25}}"#);
    let standings = limits.standings(Used::default(), Used::default(), day("2026-11-30"));
    let json = serde_json::to_value(&standings).expect("json");
    assert_eq!((&json[0]["limit"], &json[0]["unit"]), (&10.into(), &"tokens".into()));
    assert_eq!(
        (&json[1]["limit"], &json[1]["left"], &json[1]["unit"]),
        (&0.25.into(), &0.25.into(), &"usd".into())
    );
    assert_eq!(json[0]["resets_at"], "2026-12-01T00:00:00Z");
}
