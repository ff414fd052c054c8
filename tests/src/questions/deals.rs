use serde_json::json;

use super::{Desk, record};

/// The lines of the deals as every list has them.
fn lines(desk: &Desk) -> [String; 3] {
    let d1 = format!(
        "- deal D-1: Acme renewal; stage negotiation; 84,000 EUR; probability 60 %; closes {}; last activity {}; \
         with Dana Roe (contact C-1, buyer), Acme (company A-1); FLAGS: at risk (health 35), at risk (ghost risk \
         60 %); owner bob",
        desk.told(5),
        desk.told(-3)
    );
    let d2 = format!(
        "- deal D-2: Globex pilot; stage discovery; 0 EUR; closes {}, overdue by 2 days; FLAGS: overdue by 2 days, \
         stale (no activity on record), no amount: ask to qualify it",
        desk.date(-2)
    );
    let d3 = format!(
        "- deal D-3: Initech rollout; stage negotiation; 12,000.50 USD; probability 50 %; closes {}; last activity {}",
        desk.told(45),
        desk.told(-2)
    );
    [d1, d2, d3]
}

#[tokio::test]
async fn open_deals_are_listed_with_what_was_agreed_to_flag() {
    let desk = Desk::start().await;
    record(&desk).await;
    let [d1, d2, d3] = lines(&desk);
    for (args, expected) in [
        (json!({}), format!("Open deals, the next to close first:\n{d2}\n{d1}\n{d3}")),
        (
            json!({"filter": "closing_soon"}),
            format!("Open deals that close within 30 days, the next to close first:\n{d1}"),
        ),
        (
            json!({"filter": "closing_soon", "days": 60}),
            format!("Open deals that close within 60 days, the next to close first:\n{d1}\n{d3}"),
        ),
        (
            json!({"filter": "at_risk"}),
            format!(
                "Open deals at risk (health under 40 or ghost risk over 50 %), the greatest risk first:\n{d1}"
            ),
        ),
        (
            json!({"filter": "stale"}),
            format!("Open deals without activity for 14 days, the longest silent first:\n{d2}"),
        ),
        (
            json!({"filter": "stale", "days": 2}),
            format!("Open deals without activity for 2 days, the longest silent first:\n{d2}\n{d1}"),
        ),
        (
            json!({"filter": "needs_attention"}),
            format!("Open deals that need attention, the next to close first:\n{d2}\n{d1}"),
        ),
        (
            json!({"limit": 1, "page": 2}),
            format!("Open deals, the next to close first:\n{d1}\nThere are more: ask again with page 3."),
        ),
        (json!({"page": 4}), "There are no more: this page is empty.".into()),
        (
            json!({"filter": "at_risk", "period": format!("{}..{}", desk.iso(6), desk.iso(90))}),
            format!(
                "Open deals at risk (health under 40 or ghost risk over 50 %) that are to close from {} to {}: none.",
                desk.date(6),
                desk.date(90)
            ),
        ),
        (
            json!({"period": desk.iso(5)}),
            format!("Open deals that are to close on {}, the next to close first:\n{d1}", desk.date(5)),
        ),
    ] {
        assert_eq!(desk.answer("get_pipeline_deals", args.clone()).await, expected, "{args}");
    }
}

#[tokio::test]
async fn the_pipeline_is_summed_up_by_stage_and_each_currency_by_itself() {
    let desk = Desk::start().await;
    record(&desk).await;
    assert_eq!(
        desk.answer("get_pipeline_summary", json!({})).await,
        "Open deals: 3, 84,000 EUR and 12,000.50 USD\n\
         weighted by probability (2 of them have one): 50,400 EUR and 6,000.25 USD\n\
         overdue 1, at risk 1, stale 1, without an amount 1\n\
         - stage negotiation: 2 deals, 84,000 EUR and 12,000.50 USD\n\
         - stage discovery: 1 deal, no amount"
    );
    let period = format!("{}..{}", desk.iso(30), desk.iso(60));
    assert_eq!(
        desk.answer("get_pipeline_summary", json!({ "period": period })).await,
        format!(
            "Open deals that are to close from {} to {}: 1, 12,000.50 USD\n\
             weighted by probability (1 of them have one): 6,000.25 USD\n\
             overdue 0, at risk 0, stale 0, without an amount 0\n\
             - stage negotiation: 1 deal, 12,000.50 USD",
            desk.date(30),
            desk.date(60)
        )
    );
}

#[tokio::test]
async fn a_deal_is_told_with_what_stands_around_it() {
    let desk = Desk::start().await;
    record(&desk).await;
    let [d1, ..] = lines(&desk);
    let expected = format!(
        "{}\nhealth 35; ghost risk 60 %\n\
         companies:\n- company A-1: Acme; industry Retail\n\
         people:\n- contact C-1: Dana Roe; title Buyer; company Acme; email dana@acme.example; last contact {}; \
         linked to Acme (company A-1), Acme renewal (deal D-1, buyer)\n\
         next meetings: none on record\n\
         open to-dos:\n- task T-1: Send the offer; status open; due {}, overdue by 1 day; priority high; \
         assignee alice; about Acme renewal (deal D-1)\n\
         last activities:\n- meeting M-1: Demo; {} 10:00–11:00, 3 days ago; attendees Dana Roe, Bob \
         &lt;bob@us.example>; about Acme renewal (deal D-1); says “Dana liked the demo.”",
        d1.trim_start_matches("- "),
        desk.told(-20),
        desk.date(-1),
        desk.date(-3),
    );
    assert_eq!(desk.answer("get_deal", json!({"id": "D-1"})).await, expected);
    // By a name that fits one deal only, and it says so.
    assert_eq!(
        desk.answer("get_deal", json!({"name": "acme renewal"})).await,
        format!("\"acme renewal\" is taken for deal D-1: Acme renewal (the same name).\n{expected}")
    );
    // In a conversation about the deal.
    let bound = desk.alice.session_with(json!({"entity": {"kind": "deal", "id": "D-1"}})).await;
    assert_eq!(desk.ask_in(&desk.alice, &bound, "get_deal", json!({})).await, (expected, false));
    let (told, is_error) = desk.ask_in(&desk.alice, &bound, "get_deal", json!({"id": "D-3"})).await;
    assert!(!is_error && told.starts_with("deal D-3: Initech rollout"), "{told}");
}

#[tokio::test]
async fn people_and_companies_are_told_with_their_deals() {
    let desk = Desk::start().await;
    record(&desk).await;
    let contact = desk.answer("get_contact", json!({"name": "Dana"})).await;
    for words in [
        "\"Dana\" is taken for contact C-1: Dana Roe (has the words).\ncontact C-1: Dana Roe; title Buyer",
        "open deals shown here: 1, 84,000 EUR\ndeals:\n- deal D-1: Acme renewal; stage negotiation",
        "companies:\n- company A-1: Acme",
        "other people: none on record",
        "last activities: none on record",
    ] {
        assert!(contact.contains(words), "{words:?} is missing: {contact}");
    }
    let company = desk.answer("get_company_status", json!({"id": "A-1"})).await;
    for words in [
        "company A-1: Acme; industry Retail\n",
        "people:\n- contact C-1: Dana Roe",
        "open deals shown here: 1, 84,000 EUR",
        "open to-dos: none on record",
    ] {
        assert!(company.contains(words), "{words:?} is missing: {company}");
    }
}

#[tokio::test]
async fn what_happened_with_a_deal_is_told_newest_first() {
    let desk = Desk::start().await;
    record(&desk).await;
    assert_eq!(
        desk.answer("get_deal_activities", json!({"id": "D-3"})).await,
        format!(
            "Activities of deal D-3: Initech rollout, newest first:\n\
             - meeting M-2: Rollout call; {} 14:00–15:00, tomorrow; the person's own; about Initech rollout (deal \
             D-3); owner alice\n\
             - email E-1: Re: discount; {}; from pat@initech.example; to alice; about Initech rollout (deal D-3); \
             says “We expect a discount of ten percent.”",
            desk.date(1),
            desk.told(-2)
        )
    );
    assert_eq!(
        desk.answer("get_deal_activities", json!({"name": "Globex pilot"})).await,
        "\"Globex pilot\" is taken for deal D-2: Globex pilot (the same name).\n\
         No meeting, e-mail or other activity of deal D-2: Globex pilot is on record."
    );
}

#[tokio::test]
async fn contacts_of_whom_nobody_has_heard_are_listed() {
    let desk = Desk::start().await;
    record(&desk).await;
    let dana = format!(
        "- contact C-1: Dana Roe; title Buyer; company Acme; email dana@acme.example; last contact {}; linked to \
         Acme (company A-1), Acme renewal (deal D-1, buyer)",
        desk.told(-20)
    );
    let tom = "- contact C-2: Tom Berg; no contact on record";
    assert_eq!(
        desk.answer("get_contacts_needing_attention", json!({})).await,
        format!("Contacts without activity for 14 days, the longest silent first:\n{dana}\n{tom}")
    );
    assert_eq!(
        desk.answer("get_contacts_needing_attention", json!({"days_since_contact": 30})).await,
        format!("Contacts without activity for 30 days, the longest silent first:\n{tom}")
    );
}
