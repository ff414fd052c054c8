use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{each, ids, lines, results, send_batch, sound};
use crate::harness::{TestApp, eventually};

fn deals(from: usize, to: usize) -> Vec<Value> {
    (from..to)
        .map(|n| json!({"kind": "deal", "id": format!("D-{n:05}"), "name": format!("Deal {n}")}))
        .collect()
}

#[tokio::test]
async fn each_line_has_its_result_in_order_and_no_line_stops_another() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/deal/D-1", json!({"name": "Old"})).await.expect(201);
    let body = [
        "\u{feff}{\"kind\": \"deal\", \"id\": \"D-1\", \"name\": \"New\"}\r",
        "",
        "{\"kind\": \"contact\", \"id\": \"C-1\", \"name\": \"Dana\", \"links\": [{\"kind\": \"deal\", \"id\": \"D-1\"}]}",
        "{\"kind\": \"contact\", \"id\": \"C-2\", \"name\": \"Tom\", \"links\": [{\"kind\": \"deal\", \"id\": \"D-2\"}]}",
        "{\"kind\": \"deal\", \"id\": \"D-2\", \"name\": \"Later\"}",
        "{\"kind\": \"deal\", \"id\": \"D-3\", \"name\": \"Deal\", \"amount\": \"12\", \"close_date\": \"2026-02-30\"}",
        "not json",
        "{\"kind\": \"deal\", \"id\": \"D-2\", \"name\": \"Later\"}",
        "{\"kind\": \"deal\", \"id\": \"D-2\", \"name\": \"Last\"}",
    ]
    .join("\n");
    let answer = send_batch(&alice, body).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let results = results(&answer);
    let told: Vec<(u64, &str, u64)> = results
        .iter()
        .map(|r| {
            (
                r["line"].as_u64().unwrap_or_default(),
                r["status"].as_str().unwrap_or_default(),
                r["version"].as_u64().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "updated", 2),
            (3, "created", 1),
            (4, "error", 0),
            (5, "created", 1),
            (6, "error", 0),
            (7, "error", 0),
            (8, "unchanged", 1),
            (9, "updated", 2)
        ],
        "{answer:?}"
    );
    assert_eq!(results[2]["errors"], json!([{"field": "links[0]", "error": "there is no deal \"D-2\""}]));
    assert_eq!(each(results[4]["errors"].as_array().expect("errors"), "field"), ["amount", "close_date"]);
    assert_eq!(alice.get("/v1/entities/deal/D-2").await.expect(200).json()["name"], "Last");
    alice.get("/v1/entities/deal/D-3").await.problem(404, "not_found");
    sound(&app).await;
}

#[tokio::test]
async fn thousands_of_lines_are_loaded_once_and_found_unchanged_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let mut all = deals(0, 3_000);
    for n in 0..1_500 {
        all.push(json!({"kind": "email", "id": format!("E-{n}"), "name": "Mail", "date": "2026-01-01", "body": format!("About number{n}"),
            "links": [{"kind": "deal", "id": format!("D-{n:05}")}]}));
    }
    let body = lines(&all);
    for status in ["created", "unchanged"] {
        let answer = send_batch(&alice, body.clone()).await.expect(200);
        let results = results(&answer);
        assert_eq!(results.len(), all.len());
        for (place, result) in results.iter().enumerate() {
            assert_eq!((&result["line"], &result["status"]), (&json!(place + 1), &json!(status)), "{result}");
            assert_eq!((&result["id"], &result["version"]), (&all[place]["id"], &json!(1)));
        }
    }
    sound(&app).await;
    assert_eq!(ids(&alice, "linked_kind=deal&linked_id=D-00007").await, ["E-7"]);
    // Two entries for each batch: that it began, and what came of it.
    let entries = alice.get("/v1/admin/audit?action=entity.batch").await.expect(200).json();
    assert_eq!(
        each(entries["data"].as_array().expect("a list"), "detail"),
        [
            "0 created, 0 updated, 4500 unchanged, 0 refused",
            "4500 created, 0 updated, 0 unchanged, 0 refused",
        ]
    );
    let entries = alice.get("/v1/admin/audit?action=entity.batch.begin").await.expect(200).json();
    assert_eq!(entries["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn results_come_while_lines_are_still_sent() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let (send, body) = tokio::sync::mpsc::unbounded_channel::<String>();
    let body = futures_util::stream::unfold(body, |mut body| async move {
        let text = body.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(text), body))
    });
    let request =
        alice.request(Method::POST, "/v1/entities/batch").header("content-type", "application/x-ndjson");
    send.send(lines(&deals(0, 3))).expect("it is read");
    let response = request.body(reqwest::Body::wrap_stream(body)).send().await.expect("an answer");
    let mut answer = response.bytes_stream();
    let first = answer.next().await.expect("results").expect("bytes");
    assert_eq!(String::from_utf8_lossy(&first).lines().count(), 3);
    // Nothing is held meanwhile, but for moments by what runs in the background.
    let idle =
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    eventually("nothing is held", async || (app.database.count(idle).await == 0).then_some(())).await;
    send.send(lines(&deals(3, 4)).trim_end().to_owned()).expect("it is read");
    drop(send);
    let rest = answer.next().await.expect("results").expect("bytes");
    assert!(String::from_utf8_lossy(&rest).contains("\"line\":4"), "{rest:?}");
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn a_batch_that_is_cut_has_whole_pieces_or_nothing_and_can_be_sent_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let body = lines(&deals(0, 2_000));
    let mut socket = tokio::net::TcpStream::connect(app.replica.address).await.expect("a connection");
    let head = format!(
        "POST /v1/entities/batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
        alice.token,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("the head");
    // It ends in the middle of a line.
    let part = &body.as_bytes()[..body.len() / 2 + 7];
    socket.write_all(part).await.expect("half of the body");
    let mut answer = [0; 64];
    socket.read_exact(&mut answer).await.expect("the beginning of an answer");
    drop(socket);
    let ended = "select count(*) from sixty.audit where action = 'entity.batch'";
    eventually("the batch ends", async || (app.database.count(ended).await == 1).then_some(())).await;
    let there = app.database.count("select count(*) from sixty.entities").await;
    assert!((500..2_000).contains(&there), "{there}");
    let holes = "select count(*) from generate_series(0, (select count(*) from sixty.entities) - 1) n
        where not exists (select from sixty.entities where id = 'D-' || lpad(n::text, 5, '0'))";
    assert_eq!(app.database.count(holes).await, 0);
    sound(&app).await;
    let answer = send_batch(&alice, body).await.expect(200);
    let results = results(&answer);
    let count = |status: &str| results.iter().filter(|result| result["status"] == status).count();
    assert_eq!(
        (count("unchanged"), count("created")),
        (usize::try_from(there).expect("a count"), 2_000 - usize::try_from(there).expect("a count"))
    );
    sound(&app).await;
}

#[tokio::test]
async fn a_client_that_sends_everything_before_it_reads_is_served() {
    let app = TestApp::start().await;
    let alice = app.alice();
    // Refusals say more than the lines do: the answer is several times the body.
    let line = "{\"kind\": \"deal\"}\n";
    let body = line.repeat(20_000);
    let mut socket = tokio::net::TcpStream::connect(app.replica.address).await.expect("a connection");
    let head = format!(
        "POST /v1/entities/batch HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
        alice.token,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("the head");
    socket.write_all(body.as_bytes()).await.expect("the whole body");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("the whole answer");
    assert_eq!(answer.matches("\"status\":\"error\"").count(), 20_000);
}

#[tokio::test]
async fn who_may_not_write_is_refused_before_anything_is_read() {
    let app = TestApp::start().await;
    let body = lines(&deals(0, 1));
    send_batch(&app.rita(), body.clone()).await.problem(403, "forbidden");
    let alice = app.alice();
    let plain =
        alice.request(Method::POST, "/v1/entities/batch").header("content-type", "text/csv").body(body);
    alice.send(plain).await.problem(415, "unsupported_media_type");
    let packed =
        alice.request(Method::POST, "/v1/entities/batch").header("content-type", "application/x-ndjson");
    let packed = packed.header("content-encoding", "gzip").body("{}");
    alice.send(packed).await.problem(415, "unsupported_media_type");
    let large =
        alice.request(Method::POST, "/v1/entities/batch").header("content-type", "application/x-ndjson");
    // The connection may break before the answer is read: nobody reads the body.
    if let Ok(response) = large.body("x".repeat(8 * 1024 * 1024 + 1)).send().await {
        assert_eq!(response.status(), 413);
    }
    assert_eq!(app.database.count("select count(*) from sixty.entities").await, 0);
    assert_eq!(send_batch(&alice, "").await.expect(200).text, "");
    assert_eq!(send_batch(&alice, "\n\n").await.expect(200).text, "");
}

#[tokio::test]
async fn a_body_without_an_announced_length_is_bounded_too() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let piece = format!("{}\n", " ".repeat(64 * 1024 - 1));
    let pieces = (0..200).map(move |_| Ok::<_, std::convert::Infallible>(piece.clone()));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let request =
        alice.request(Method::POST, "/v1/entities/batch").header("content-type", "application/x-ndjson");
    // The connection may break before the answer is read: the rest of the body has no reader.
    let Ok(response) = request.body(body).timeout(Duration::from_mins(1)).send().await else { return };
    let Ok(text) = response.text().await else { return };
    assert!(text.contains("the body is larger than 8388608 bytes"), "{text}");
}
