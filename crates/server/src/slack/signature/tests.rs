use super::*;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SENT: i64 = 1_531_420_618;
/// The example of Slack's documentation.
const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
    trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const GOOD: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

fn headers(timestamps: &[&str], signatures: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in [(TIMESTAMP, timestamps), (SIGNATURE, signatures)] {
        for value in values {
            headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
    }
    headers
}

fn verify(timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), Rejected> {
    Verifier::new([SECRET]).verify(&headers(&[timestamp], &[signature]), body, at(now))
}

#[test]
fn the_example_of_the_documentation_is_believed() {
    assert_eq!(verify("1531420618", GOOD, BODY.as_bytes(), SENT), Ok(()));
    assert_eq!(sign(SECRET, "1531420618", BODY.as_bytes()), GOOD);
}

#[test]
fn a_request_is_believed_for_five_minutes_before_and_after() {
    for now in [SENT - MAX_SKEW, SENT - 1, SENT + 1, SENT + MAX_SKEW] {
        assert_eq!(verify("1531420618", GOOD, BODY.as_bytes(), now), Ok(()), "{now}");
    }
}

#[test]
fn while_the_secret_is_changed_both_are_believed() {
    let (old, new) = (sign("old", "1531420618", b"x"), sign("new", "1531420618", b"x"));
    let verifier = Verifier::new(["new", "old"]);
    for signature in [&old, &new] {
        assert_eq!(verifier.verify(&headers(&["1531420618"], &[signature]), b"x", at(SENT)), Ok(()));
    }
    let verifier = Verifier::new(["new"]);
    let refused = verifier.verify(&headers(&["1531420618"], &[&old]), b"x", at(SENT));
    assert_eq!(refused, Err(Rejected::Mismatch));
}

#[test]
fn bodies_are_bytes() {
    for body in [&b""[..], b"\xff\x00\xfe", "größer=🦀".as_bytes(), b"a:b:c"] {
        let signature = sign(SECRET, "1531420618", body);
        assert_eq!(verify("1531420618", &signature, body, SENT), Ok(()));
    }
}

/// Time, signature, body, our time, and why it is refused.
type Forgery = (&'static str, String, Vec<u8>, i64, Rejected);

fn forgeries() -> Vec<Forgery> {
    use Rejected::{Form, Mismatch, Stale, Timestamp};
    let good = || GOOD.to_owned();
    let body = || BODY.as_bytes().to_vec();
    let edited = |from: &str, to: &str| BODY.replace(from, to).into_bytes();
    let signed = |secret: &str, timestamp: &str, body: &str| sign(secret, timestamp, body.as_bytes());
    let digits = &GOOD[3..];
    vec![
        // Another body.
        ("1531420618", good(), edited("U2CERLKJA", "U2CERLKJB"), SENT, Mismatch),
        ("1531420618", good(), edited("&text=", "&text=x"), SENT, Mismatch),
        ("1531420618", good(), edited("%2F", "/"), SENT, Mismatch),
        ("1531420618", good(), edited("%2F", "%2f"), SENT, Mismatch),
        ("1531420618", good(), [BODY.as_bytes(), b"&user_id=U1"].concat(), SENT, Mismatch),
        ("1531420618", good(), [BODY.as_bytes(), b"\n"].concat(), SENT, Mismatch),
        ("1531420618", good(), [BODY.as_bytes(), b"\0"].concat(), SENT, Mismatch),
        ("1531420618", good(), BODY.as_bytes()[..BODY.len() - 1].to_vec(), SENT, Mismatch),
        ("1531420618", good(), Vec::new(), SENT, Mismatch),
        // Another time.
        ("1531420619", good(), body(), SENT, Mismatch),
        ("01531420618", good(), body(), SENT, Mismatch),
        ("1531420618", good(), body(), SENT + MAX_SKEW + 1, Stale),
        ("1531420618", good(), body(), SENT - MAX_SKEW - 1, Stale),
        ("1531420618", good(), body(), SENT + 86_400, Stale),
        ("0", signed(SECRET, "0", BODY), body(), SENT, Stale),
        ("99999999999", signed(SECRET, "99999999999", BODY), body(), SENT, Stale),
        ("", signed(SECRET, "", BODY), body(), SENT, Timestamp),
        (" 1531420618", signed(SECRET, " 1531420618", BODY), body(), SENT, Timestamp),
        ("+1531420618", signed(SECRET, "+1531420618", BODY), body(), SENT, Timestamp),
        ("-1531420618", signed(SECRET, "-1531420618", BODY), body(), SENT, Timestamp),
        ("1_531_420_618", signed(SECRET, "1_531_420_618", BODY), body(), SENT, Timestamp),
        ("1531420618.0", signed(SECRET, "1531420618.0", BODY), body(), SENT, Timestamp),
        ("1.531420618e9", signed(SECRET, "1.531420618e9", BODY), body(), SENT, Timestamp),
        ("0x5b47a6ca", signed(SECRET, "0x5b47a6ca", BODY), body(), SENT, Timestamp),
        ("now", signed(SECRET, "now", BODY), body(), SENT, Timestamp),
        ("153142061800000000000", signed(SECRET, "153142061800000000000", BODY), body(), SENT, Timestamp),
        // Body and time are parted by a colon: neither can take from the other.
        ("1531420618", signed(SECRET, "1531420618:token", &BODY[5..]), body(), SENT, Mismatch),
        // Another secret.
        ("1531420618", signed("", "1531420618", BODY), body(), SENT, Mismatch),
        (
            "1531420618",
            signed("8F742231B10E8888ABCD99YYYZZZ85A5", "1531420618", BODY),
            body(),
            SENT,
            Mismatch,
        ),
        ("1531420618", signed(&SECRET[1..], "1531420618", BODY), body(), SENT, Mismatch),
        (
            "1531420618",
            signed("8f742231b10e8888abcd99yyyzzz85a5 ", "1531420618", BODY),
            body(),
            SENT,
            Mismatch,
        ),
        // Another signature.
        ("1531420618", String::new(), body(), SENT, Form),
        ("1531420618", "v0=".into(), body(), SENT, Form),
        ("1531420618", digits.into(), body(), SENT, Form),
        ("1531420618", format!("v1={digits}"), body(), SENT, Form),
        ("1531420618", format!("v0:{digits}"), body(), SENT, Form),
        ("1531420618", format!("V0={digits}"), body(), SENT, Form),
        ("1531420618", format!("v0={}", digits.to_uppercase()), body(), SENT, Form),
        ("1531420618", format!("v0={digits} "), body(), SENT, Form),
        ("1531420618", format!(" v0={digits}"), body(), SENT, Form),
        ("1531420618", format!("v0={}", &digits[..63]), body(), SENT, Form),
        ("1531420618", format!("v0={}", &digits[..62]), body(), SENT, Form),
        ("1531420618", format!("v0={digits}00"), body(), SENT, Form),
        ("1531420618", format!("v0={}g", &digits[..63]), body(), SENT, Form),
        ("1531420618", format!("v0={}4", &digits[..63]), body(), SENT, Mismatch),
        ("1531420618", format!("v0=b{}", &digits[1..]), body(), SENT, Mismatch),
        ("1531420618", format!("v0={}", "0".repeat(64)), body(), SENT, Mismatch),
        ("1531420618", format!("v0={digits},v0={digits}"), body(), SENT, Form),
        ("1531420618", "v0=größer".into(), body(), SENT, Rejected::Headers),
    ]
}

#[test]
fn no_forged_or_replayed_request_is_believed() {
    let forgeries = forgeries();
    assert!(forgeries.len() >= 30);
    for (n, (timestamp, signature, body, now, why)) in forgeries.into_iter().enumerate() {
        assert_eq!(verify(timestamp, &signature, &body, now), Err(why), "{n}: {timestamp} {signature}");
    }
}

#[test]
fn each_header_is_there_once() {
    let verifier = Verifier::new([SECRET]);
    let time = "1531420618";
    for (timestamps, signatures) in [
        (&[][..], &[GOOD][..]),
        (&[time], &[]),
        (&[], &[]),
        (&[time, time], &[GOOD]),
        (&[time], &[GOOD, GOOD]),
        (&[time], &["v0=00", GOOD]),
        (&["1", time], &[GOOD]),
    ] {
        let refused = verifier.verify(&headers(timestamps, signatures), BODY.as_bytes(), at(SENT));
        assert_eq!(refused, Err(Rejected::Headers));
    }
}

#[test]
fn without_a_secret_nobody_is_believed() {
    for verifier in [Verifier::new([]), Verifier::new([""])] {
        let signature = sign("", "1531420618", b"x");
        let refused = verifier.verify(&headers(&["1531420618"], &[&signature]), b"x", at(SENT));
        assert_eq!(refused, Err(Rejected::Mismatch));
    }
}

proptest::proptest! {
    #[test]
    fn a_change_of_any_byte_is_noticed(body: Vec<u8>, at_byte: usize, flip in 1_u8..) {
        let signature = sign(SECRET, "1531420618", &body);
        proptest::prop_assert_eq!(verify("1531420618", &signature, &body, SENT), Ok(()));
        if !body.is_empty() {
            let mut other = body.clone();
            other[at_byte % body.len()] ^= flip;
            proptest::prop_assert_eq!(verify("1531420618", &signature, &other, SENT), Err(Rejected::Mismatch));
        }
    }
}
