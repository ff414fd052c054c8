//! Readers that take their time cost little and disturb nobody.

use std::{net::SocketAddr, time::Duration};

use domain::{Cursor, OrgId, Tenant, UserId};
use futures_util::future::join_all;
use model_sim::{Gate, Reply};
use serde_json::json;
use sqlx::AssertSqlSafe;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{interval, timeout},
};

use crate::harness::{
    Frame, PATIENCE, Person, Setup, TestApp,
    look::{answers, end, run_of},
};

/// What the service hands over at once (the engine's own bound).
const PIECE: usize = 64 * 1024;
/// Bytes of one stored row of [`a_long_run`].
const ROW: usize = 10_000;

/// A run that has ended, with so many rows of events.
async fn a_long_run(app: &TestApp, alice: &Person, rows: usize) -> String {
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    let run = run_of(&alice.hear(&session, "Hi").await);
    let pool = app.database.superuser().await;
    let text = ROW - 100;
    let sql = format!(
        "delete from sixty.run_events where run_id = '{run}';
        insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
        select org_id, owner_id, id, 1, n, n, format(E'id: 1.%s\nevent: %s\ndata: {{\"run_id\":\"%s\",\"text\":\"%s\"}}\n\n',
            n, case when n = {rows} then 'done' else 'token' end, id, repeat('x', {text}))
        from sixty.runs, generate_series(1, {rows}) n where id = '{run}'"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.expect("the rows are there");
    pool.close().await;
    run
}

/// Sizes of what a reader is handed, one after the other.
async fn pieces(engine: &engine::Engine, run: &str) -> Vec<usize> {
    let tenant = Tenant::own(OrgId::derive("acme"), UserId::derive("alice"));
    let mut reader = engine.reader(tenant, run.parse().expect("an id"), Cursor::default());
    let mut sizes = Vec::new();
    while let Some(piece) = reader.next().await.expect("the database answers") {
        sizes.push(piece.len());
    }
    sizes
}

#[tokio::test]
async fn a_reader_is_handed_little_at_once_from_the_database_and_from_memory() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let run = a_long_run(&app, &alice, 200).await;
    let stored = pieces(&app.replica.engine, &run).await;
    assert!(stored.iter().sum::<usize>() > 190 * (ROW - 100));
    assert!(stored.iter().all(|size| *size <= PIECE + ROW), "{stored:?}");
    let session = alice.session().await;
    let gate = Gate::new();
    let text = "All the tea of the world. ".repeat(20_000);
    app.sim.push(Reply::text(text.trim()).chunk_chars(500).hold_after(1_000, &gate));
    let mut events = alice.say(&session, "Tell me all").await;
    let mut frames = vec![events.next().await.expect("an event")];
    gate.reached().await;
    let run = run_of(&frames);
    let (live, rest) = tokio::join!(pieces(&app.replica.engine, &run), async {
        gate.release();
        events.rest().await
    });
    frames.extend(rest);
    let longest = frames.iter().map(|frame| frame.data.to_string().len()).max().expect("frames");
    assert!(live.len() > 500_000 / PIECE);
    assert!(live.iter().all(|size| *size <= PIECE.max(longest + 200)), "{live:?}");
}

/// A client that wants to hear the run and takes almost nothing of what comes.
async fn slow_client(address: SocketAddr, person: &Person, run: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 * 1024).expect("a small buffer");
    let mut stream = socket.connect(address).await.expect("a connection");
    let request = format!(
        "GET /v1/runs/{run}/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
        person.token
    );
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    stream
}

/// Takes a byte now and then, four times as long as the service has patience.
async fn dawdle(stream: &mut TcpStream, patience: Duration) -> Vec<u8> {
    let mut clock = interval(patience / 2);
    let mut taken = Vec::new();
    for _ in 0..9 {
        clock.tick().await;
        taken.push(stream.read_u8().await.expect("there is more to take"));
    }
    taken
}

/// The frames in what came of an answer that was cut off: the whole ones.
fn whole_frames(answer: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answer);
    let (head, mut rest) = text.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut body = String::new();
    while let Some((size, data)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
        let Some(chunk) = data.get(..size) else { break };
        body.push_str(chunk);
        rest = data[size..].strip_prefix("\r\n").unwrap_or_default();
    }
    let whole = body.rfind("\n\n").map_or("", |end| &body[..end + 2]);
    whole.split_inclusive("\n\n").filter(|frame| !frame.starts_with(':')).map(str::to_owned).collect()
}

/// Dawdles until the service has given up, then takes what was on its way, and comes back.
async fn cut_off(stream: TcpStream, patience: Duration, run: &str, back: &Person, whole: &[Frame]) -> usize {
    let mut stream = stream;
    let mut answer = dawdle(&mut stream, patience).await;
    let mut buffer = vec![0; 64 * 1024];
    // The end of the stream, or a reset: the service has closed it.
    while let Ok(count @ 1..) =
        timeout(PATIENCE, stream.read(&mut buffer)).await.expect("the service closes the connection")
    {
        answer.extend_from_slice(&buffer[..count]);
    }
    let frames = whole_frames(&answer);
    let last =
        frames.last().and_then(|frame| frame.lines().next()).and_then(|line| line.strip_prefix("id: "));
    let last = last.expect("at least one event came");
    assert!(frames.len() < whole.len(), "it was cut off");
    assert_eq!(whole[frames.len() - 1].id, last);
    assert_eq!(back.follow(run, Some(last)).await.rest().await, whole[frames.len()..]);
    answer.len()
}

#[tokio::test]
async fn a_reader_that_takes_a_byte_now_and_then_is_cut_off_and_can_come_back() {
    // Longer than the readers of this test, which take all that comes, can be kept from it.
    let patience = Duration::from_secs(4);
    let app = TestApp::with(Setup { patience, ..Setup::default() }).await;
    let other = app.another_replica(Setup { works: false, patience, ..Setup::default() }).await;
    let alice = app.alice();
    let elsewhere = alice.at(other.address);
    let session = alice.session().await;
    let gate = Gate::new();
    let text = "All the tea of the world. ".repeat(200_000);
    app.sim.push(Reply::text(text.trim()).chunk_chars(5_000).hold_after(1, &gate));
    let mut live = alice.say(&session, "Tell me all").await;
    let mut frames = live.until("token").await;
    let run = run_of(&frames);
    let near = slow_client(app.replica.address, &alice, &run).await;
    let far = slow_client(other.address, &alice, &run).await;
    let far_reader = elsewhere.follow(&run, None).await;
    gate.release();
    let (rest, heard_far) = tokio::join!(live.rest(), far_reader.rest());
    frames.extend(rest);
    assert_eq!(answers(&frames), [text.trim()]);
    assert!(heard_far == frames, "the other readers have everything");
    app.sim.push(Reply::text("Hello."));
    assert_eq!(answers(&alice.hear(&alice.session().await, "Hi").await), ["Hello."]);
    let (near, far) = tokio::join!(
        cut_off(near, patience, &run, &elsewhere, &frames),
        cut_off(far, patience, &run, &alice, &frames),
    );
    let all: usize = frames.iter().map(|frame| frame.data.to_string().len()).sum();
    println!("of {all} bytes, {near} and {far} were on their way when the readers were cut off");
    assert!(
        near < all / 2 && far < all / 2,
        "what waits for a slow reader is bounded: {near} {far} of {all}"
    );
}

#[tokio::test]
async fn five_hundred_slow_streams_need_no_connection_of_the_database() {
    let setup = || Setup { connections: 5, ..Setup::default() };
    let app = TestApp::with(setup()).await;
    let other = app.another_replica(Setup { works: false, ..setup() }).await;
    let alice = app.alice();
    let elsewhere = alice.at(other.address);
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Worth waiting for.").hold_after(1, &gate));
    let mut live = alice.say(&session, "Hi").await;
    let mut frames = live.until("token").await;
    let run = run_of(&frames);
    let mut readers = Vec::new();
    for place in [&alice, &elsewhere] {
        for _ in 0..10 {
            readers.extend(join_all((0..25).map(|_| place.follow(&run, None))).await);
        }
    }
    assert_eq!(readers.len(), 500);
    let answered = timeout(PATIENCE, async {
        for place in [&alice, &elsewhere] {
            for _ in 0..20 {
                place.get("/v1/me").await.expect(200);
                place.post("/v1/sessions", json!({})).await.expect(201);
            }
        }
    });
    answered.await.expect("other requests are answered meanwhile");
    gate.release();
    frames.extend(live.rest().await);
    for heard in join_all(readers.into_iter().map(crate::harness::Events::rest)).await {
        assert_eq!(heard, frames);
    }
    assert_eq!(end(&frames).data["status"], "done");
}
