//! Spans, as a collector gets them from a process of the service.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use model_sim::{Reply, Usage};
use opentelemetry_proto::tonic::trace::v1::{Status, span::SpanKind, status::StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

use super::collector::{Collector, Got, attribute};
use crate::{
    harness::{
        Events, Person, Process, Setup, Spawn, TestApp, eventually,
        look::{answers, end, run_of},
    },
    models::Two,
};

/// A service whose runs a process executes, which sends its spans there.
async fn process(app: &TestApp, endpoint: &str, more: &[(&'static str, String)]) -> Process {
    let mut extra = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned())];
    extra.extend(more.iter().cloned());
    let spawn = Spawn {
        database_url: app.database.url(),
        model_url: app.model_url(),
        lease_seconds: 30,
        extra,
        ..Spawn::default()
    };
    Process::start(&spawn).await.expect("it starts")
}

fn soon(milliseconds: u32) -> (&'static str, String) {
    ("OTEL_BSP_SCHEDULE_DELAY", milliseconds.to_string())
}

fn idle() -> Setup {
    Setup { works: false, ..Setup::default() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names the second provider to a process.
fn providers(two: &Two) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sixty-providers-{}.json", uuid::Uuid::now_v7()));
    let named = json!({"second": {"kind": "messages", "base_url": two.second_url()}});
    fs::write(&path, named.to_string()).expect("a file");
    path
}

async fn hear_under(person: &Person, session: &str, traceparent: &str) -> Vec<crate::harness::Frame> {
    let request = person.message(session, &json!({"text": "canary-question: who is canary-dana?"}));
    let request = request.header("accept", "text/event-stream").header("traceparent", traceparent);
    Events::open(request).await.rest().await
}

/// The provider of the first model is overloaded; that of the second calls a tool, and answers.
fn script(two: &Two) {
    two.app.sim.push(Reply::status(529));
    let usage = Usage {
        input_tokens: 100,
        cache_read_input_tokens: 40,
        cache_creation_input_tokens: 8,
        output_tokens: 20,
    };
    let input = json!({"query": "canary-argument"});
    two.second.push(Reply::message().tool_with_id("call-1", "find_entities", input).usage(usage));
    two.second.push(Reply::text("canary-answer"));
}

/// The request's span is below the caller's, and the run's below that.
async fn request_and_run(collector: &Collector, session: &str, run: &str) -> Got {
    let agent = collector.wait("invoke_agent", 1).await.remove(0);
    let request = collector.wait("POST /v1/sessions/{id}/messages", 1).await.remove(0);
    assert_eq!(hex(&request.span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&request.span.parent_span_id), "b7ad6b7169203331");
    assert_eq!(request.span.kind(), SpanKind::Server);
    request.says(&[
        ("http.request.method", "POST"),
        ("http.route", "/v1/sessions/{id}/messages"),
        ("http.response.status_code", "200"),
    ]);
    assert!(agent.below(&request), "{agent:#?}");
    agent.says(&[
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.conversation.id", session),
        ("sixty.run.id", run),
        ("sixty.run.status", "done"),
        ("sixty.org.id", &domain::OrgId::derive("canary-org").to_string()),
    ]);
    let service = |name| attribute(&agent.resource, name);
    assert_eq!((&*service("service.name"), &*service("deployment.environment.name")), ("sixty", "tests"));
    agent
}

/// The spans of the models and of the tool are below the run's.
async fn models_and_tool(collector: &Collector, session: &str, agent: &Got) {
    let failed = collector.wait("chat first", 1).await.remove(0);
    let asked = collector.wait("chat next", 2).await;
    let tool = collector.wait("execute_tool find_entities", 1).await.remove(0);
    for child in asked.iter().chain([&failed, &tool]) {
        assert!(child.below(agent), "{child:#?}");
    }
    failed.says(&[("error.type", "overloaded"), ("gen_ai.provider.name", "anthropic")]);
    assert_eq!(failed.span.status.as_ref().map(Status::code), Some(StatusCode::Error));
    let first = asked.iter().find(|got| got.get("gen_ai.response.finish_reasons") == "tool_use");
    let first = first.unwrap_or_else(|| panic!("no call of a tool: {asked:#?}"));
    assert_eq!(first.span.kind(), SpanKind::Client);
    first.says(&[
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "second"),
        ("gen_ai.request.model", "next"),
        ("gen_ai.response.model", "next"),
        ("gen_ai.request.max_tokens", "8192"),
        ("gen_ai.conversation.id", session),
        ("gen_ai.usage.input_tokens", "148"),
        ("gen_ai.usage.output_tokens", "20"),
        ("gen_ai.usage.cache_read.input_tokens", "40"),
        ("gen_ai.usage.cache_creation.input_tokens", "8"),
        ("error.type", ""),
    ]);
    tool.says(&[
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "find_entities"),
        ("gen_ai.tool.call.id", "call-1"),
    ]);
}

/// What came is well formed, is of no other trace, and tells nobody's words or key.
fn nothing_else_came(collector: &Collector, process: &Process) {
    for got in collector.spans() {
        let span = &got.span;
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.start_time_unix_nano > 0);
        assert_ne!(hex(&span.trace_id), "11111111111111111111111111111111");
    }
    let headers = collector.headers();
    assert!(headers.iter().all(|headers| headers["authorization"] == "Bearer collectors-key-of-sixty"));
    let text = collector.text();
    assert!(!text.contains("canary"), "{text}");
    assert!(!process.log().join("\n").contains("collectors-key-of-sixty"));
}

#[tokio::test]
async fn a_turn_is_a_trace_below_its_callers_with_each_model_and_tool_that_it_called() {
    let two = Two::with(idle()).await;
    let (collector, endpoint) = Collector::start().await;
    let file = providers(&two);
    let more = [
        soon(50),
        ("SIXTY_PROVIDERS", file.display().to_string()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20collectors-key-of-sixty".into()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests".into()),
    ];
    let process = process(&two.app, &endpoint, &more).await;
    let alice = two.app.replica.person("canary-org", "canary-user", "owner").at(process.address);
    let routes = json!({"routes": [{ "candidates": ["anthropic/first", "second/next"] }]});
    alice.put("/v1/admin/models", routes).await.expect(200);
    let session = alice.session().await;

    // What the caller does not keep, nobody does.
    two.app.sim.push(Reply::text("canary-answer"));
    hear_under(&alice, &session, "00-11111111111111111111111111111111-2222222222222222-00").await;

    script(&two);
    let frames =
        hear_under(&alice, &session, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    assert_eq!(end(&frames).data["status"], "done");

    let agent = request_and_run(&collector, &session, &run_of(&frames)).await;
    models_and_tool(&collector, &session, &agent).await;
    nothing_else_came(&collector, &process);
    fs::remove_file(file).expect("the file");
}

#[tokio::test]
async fn what_was_buffered_arrives_when_the_process_is_told_to_end() {
    let app = TestApp::with(idle()).await;
    let (collector, endpoint) = Collector::start().await;
    let named = ("OTEL_SERVICE_NAME", "copilot".to_owned());
    let mut process = process(&app, &endpoint, &[soon(3_600_000), named]).await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    // Another replica takes the message in: the run is taken up by the process, and begins a trace of its own.
    alice.hear(&session, "Hi").await;
    let lists = alice.at(process.address).get("/v1/sessions").await;
    assert_eq!((lists.status.as_u16(), collector.spans().len()), (200, 0));
    process.signal("TERM");
    assert!(process.ended().await.success());
    let spans = collector.spans();
    let named = |name: &str| -> Vec<&Got> { spans.iter().filter(|got| got.span.name == name).collect() };
    let (agents, chats) = (named("invoke_agent"), named("chat claude-test"));
    assert_eq!((agents.len(), chats.len(), named("GET /v1/sessions").len()), (1, 1, 1), "{spans:#?}");
    assert!(agents[0].span.parent_span_id.is_empty() && chats[0].below(agents[0]));
    assert_eq!(attribute(&agents[0].resource, "service.name"), "copilot");
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_is_felt_by_nobody_and_noted_once() {
    let app = TestApp::with(idle()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tries, silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Semaphore::new(0)));
    let (count, hangs) = (tries.clone(), silent.clone());
    let standing = tokio_util::task::TaskTracker::new().spawn(async move {
        let mut held = Vec::new();
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            count.fetch_add(1, Ordering::SeqCst);
            // It hangs up at once; later it says nothing at all.
            if hangs.available_permits() > 0 {
                held.push(stream);
            }
        }
    });
    let mut process = process(&app, &format!("http://{address}"), &[soon(20)]).await;
    let alice = app.alice().at(process.address);
    let turn = async || {
        app.sim.push(Reply::text("Hello."));
        let frames = alice.hear(&alice.session().await, "Hi").await;
        assert_eq!(answers(&frames), ["Hello."]);
    };
    eventually("several batches fail", async || {
        turn().await;
        (tries.load(Ordering::SeqCst) > 4).then_some(())
    })
    .await;
    silent.add_permits(1);
    let before = tries.load(Ordering::SeqCst);
    eventually("one hangs", async || {
        turn().await;
        (tries.load(Ordering::SeqCst) > before).then_some(())
    })
    .await;
    for _ in 0..5 {
        turn().await;
    }
    process.signal("TERM");
    assert!(process.ended().await.success(), "it ends although nobody takes what is left");
    let log = process.log();
    let noted = log.iter().filter(|line| line.contains("takes no spans")).count();
    assert_eq!(noted, 1, "{log:#?}");
    standing.abort();
}
