//! A provider made of sockets: it sends the bytes it was given and remembers
//! what it received.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use model::{
    Answer, AnswerStream, Auth, ChatClient, ChatEndpoint, Delta, Endpoint, MessagesClient, ModelError,
    Options, RetryPolicy,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What the provider does with one request.
pub struct Reply {
    head: String,
    chunks: Vec<Vec<u8>>,
    ending: Ending,
}

enum Ending {
    /// The body ends as it should.
    Whole,
    /// The connection closes within the body.
    Cut,
    /// Nothing more comes, and the connection stays open.
    Silence,
}

impl Reply {
    fn new(status: u16, headers: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}transfer-encoding: chunked\r\n\r\n");
        Self { head, chunks: vec![body.into()], ending: Ending::Whole }
    }

    /// A stream of events, given as the JSON of each.
    pub fn events(events: &[&str]) -> Self {
        let frame = |json: &&str| {
            let kind: serde_json::Value = serde_json::from_str(json).expect("JSON");
            format!("event: {}\ndata: {json}\n\n", kind["type"].as_str().expect("a type"))
        };
        Self::raw(&events.iter().map(frame).collect::<String>())
    }

    /// A stream of events without names, given as the data of each.
    pub fn data(events: &[&str]) -> Self {
        let frames: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
        Self::raw(&frames)
    }

    /// A stream of these bytes.
    pub fn raw(frames: &str) -> Self {
        Self::new(200, "content-type: text/event-stream\r\n", frames)
    }

    pub fn json(body: &str) -> Self {
        Self::new(200, "content-type: application/json\r\n", body)
    }

    pub fn html() -> Self {
        Self::new(200, "content-type: text/html\r\n", "<html>Please log in</html>")
    }

    pub fn error(status: u16, headers: &str, kind: &str, message: &str) -> Self {
        let body = format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_body"}}"#
        );
        Self::status(status, headers, &body)
    }

    pub fn status(status: u16, headers: &str, body: &str) -> Self {
        Self::new(status, headers, body)
    }

    pub fn hang_up() -> Self {
        Self { head: String::new(), chunks: vec![], ending: Ending::Cut }
    }

    pub fn nothing() -> Self {
        Self { head: String::new(), chunks: vec![], ending: Ending::Silence }
    }

    pub fn cut(mut self) -> Self {
        self.ending = Ending::Cut;
        self
    }

    pub fn then_silence(mut self) -> Self {
        self.ending = Ending::Silence;
        self
    }

    /// Sends the body in pieces of one byte.
    pub fn byte_by_byte(mut self) -> Self {
        self.chunks = self.chunks.concat().into_iter().map(|byte| vec![byte]).collect();
        self
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Which connection it came on, from 1.
    pub connection: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
}

/// Answers each request with the next reply, then with nothing.
pub struct Fake {
    pub url: String,
    script: Arc<Mutex<Script>>,
    _server: JoinSet<()>,
}

impl Fake {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script { replies: replies.into_iter().collect(), seen: vec![] }));
        let mut server = JoinSet::new();
        server.spawn(accept(listener, script.clone()));
        Self { url, script, _server: server }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.lock().expect("a script").seen.clone()
    }

    pub fn client(&self) -> MessagesClient {
        self.client_with(Auth::XApiKey("sk-test-secret".into()), options())
    }

    pub fn client_with(&self, auth: Auth, options: Options) -> MessagesClient {
        let endpoint = Endpoint { base_url: self.url.clone(), auth, version: "2023-06-01".into() };
        MessagesClient::new(endpoint, options).expect("a client")
    }
}

impl Fake {
    /// A client of the other protocol.
    pub fn chat(&self) -> ChatClient {
        self.chat_with(options())
    }

    pub fn chat_with(&self, options: Options) -> ChatClient {
        let endpoint = ChatEndpoint::new(format!("{}/v1", self.url), Some("sk-test-secret".into()));
        ChatClient::new(endpoint, options).expect("a client")
    }
}

/// Patient limits and waits that are hardly any.
pub fn options() -> Options {
    let retry = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    Options { retry, ..Options::default() }
}

/// The next attempt is waited for longer than any test lasts.
pub fn slow_to_retry() -> Options {
    let wait = Duration::from_hours(1);
    Options { retry: RetryPolicy { base: wait, cap: wait, ..RetryPolicy::default() }, ..Options::default() }
}

/// Limits so short that a silent provider runs into them. Where it also has to
/// answer in time, they must not be so short that a busy machine does.
pub fn impatient(millis: u64) -> Options {
    let limit = Duration::from_millis(millis);
    Options { first_byte_timeout: limit, idle_timeout: limit, ..options() }
}

async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    for number in 1.. {
        let (socket, _) = listener.accept().await.expect("a connection");
        socket.set_nodelay(true).expect("nodelay");
        connections.spawn(serve(socket, number, script.clone()));
    }
}

async fn serve(socket: TcpStream, connection: usize, script: Arc<Mutex<Script>>) {
    let mut socket = BufReader::new(socket);
    while let Some(seen) = read_request(&mut socket, connection).await {
        let reply = {
            let mut script = script.lock().expect("a script");
            script.seen.push(seen);
            script.replies.pop_front().unwrap_or_else(Reply::nothing)
        };
        let ending = send(&mut socket, reply).await;
        match ending {
            Some(Ending::Whole) => {}
            Some(Ending::Silence) => std::future::pending().await,
            Some(Ending::Cut) | None => return,
        }
    }
}

/// `None` when the client is gone.
async fn send(socket: &mut BufReader<TcpStream>, reply: Reply) -> Option<Ending> {
    socket.write_all(reply.head.as_bytes()).await.ok()?;
    for (at, chunk) in (1..).zip(&reply.chunks) {
        let whole = at == reply.chunks.len() && matches!(reply.ending, Ending::Whole);
        let end: &[u8] = if whole { b"\r\n0\r\n\r\n" } else { b"\r\n" };
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, end].concat();
        socket.write_all(&framed).await.ok()?;
        socket.flush().await.ok()?;
    }
    Some(reply.ending)
}

async fn read_request(socket: &mut BufReader<TcpStream>, connection: usize) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(':').expect("a header");
        (name.to_lowercase(), value.trim().to_owned())
    };
    let headers: Vec<_> = lines[1..].iter().map(header).collect();
    let mut seen = Seen { line: lines.swap_remove(0), headers, body: String::new(), connection };
    let length = seen.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    seen.body = String::from_utf8(body).expect("UTF-8");
    Some(seen)
}

/// Reads a stream to its end, whatever is shown before it.
pub async fn answer(stream: AnswerStream) -> Result<Answer, ModelError> {
    drain(stream).await.1
}

/// Reads a stream to its end: what was shown before it, and the answer or error.
pub async fn drain(mut stream: AnswerStream) -> (Vec<String>, Result<Answer, ModelError>) {
    let mut shown = Vec::new();
    loop {
        match stream.next().await {
            Ok(Some(Delta::Complete(answer))) => {
                assert!(stream.next().await.expect("an end").is_none());
                return (shown, Ok(answer));
            }
            Ok(Some(Delta::Text(text) | Delta::Thinking(text))) => shown.push(text),
            Ok(Some(Delta::Started { .. })) => shown.push("<started>".into()),
            Ok(Some(Delta::ToolUseStarted { name, .. })) => shown.push(format!("<{name}>")),
            Ok(Some(Delta::BrokeOff(_))) => shown.push("<broke off>".into()),
            Ok(None) => panic!("no answer"),
            Err(error) => {
                assert!(stream.next().await.expect("an end").is_none());
                return (shown, Err(error));
            }
        }
    }
}
