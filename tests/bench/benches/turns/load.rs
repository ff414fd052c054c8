//! Turns as a client makes them: one connection each, every token checked.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};

use crate::{Result, fail};

/// Where a turn is sent: to the provider itself or a passthrough, or to the service.
#[derive(Clone)]
pub enum Target {
    Provider(SocketAddr),
    Sixty { address: SocketAddr, token: String },
}

impl Target {
    pub fn address(&self) -> SocketAddr {
        match self {
            Target::Provider(address) | Target::Sixty { address, .. } => *address,
        }
    }
}

/// What one turn took.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Seconds from the request to the first token.
    pub first: f64,
    /// Seconds from the request to the end of the stream.
    pub whole: f64,
    /// Seconds between reads that brought tokens.
    pub gaps: Vec<f64>,
    pub tokens: usize,
    pub usage: Value,
}

/// A connection that is kept from turn to turn.
pub struct Client {
    target: Target,
    sender: http1::SendRequest<Full<Bytes>>,
    _connection: JoinSet<()>,
}

impl Client {
    pub async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address()).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut connections = JoinSet::new();
        connections.spawn(async move { connection.await.unwrap_or_default() });
        Ok(Self { target: target.clone(), sender, _connection: connections })
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Result<Request<Full<Bytes>>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.target.address().to_string())
            .header(header::CONTENT_TYPE, "application/json");
        let request = match &self.target {
            Target::Provider(_) => {
                request.header("x-api-key", "bench").header("anthropic-version", "2023-06-01")
            }
            Target::Sixty { token, .. } => request
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::ACCEPT, "text/event-stream"),
        };
        Ok(request.body(Full::from(body.to_string()))?)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<hyper::Response<Incoming>> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        fail(format!("{status}: {}", String::from_utf8_lossy(&body)))
    }

    /// A request whose answer is JSON.
    pub async fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut request = self.request(method, path, body)?;
        request.headers_mut().remove(header::ACCEPT);
        let body = self.send(request).await?.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    }

    /// A request of NDJSON, whose answer is NDJSON too.
    pub async fn lines(&mut self, path: &str, lines: String) -> Result<String> {
        let mut request = self.request("POST", path, &Value::Null)?;
        request.headers_mut().remove(header::ACCEPT);
        request.headers_mut().insert(header::CONTENT_TYPE, "application/x-ndjson".parse()?);
        *request.body_mut() = Full::from(lines);
        let body = self.send(request).await?.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// A new conversation; the provider knows none.
    pub async fn session(&mut self) -> Result<String> {
        match &self.target {
            Target::Provider(_) => Ok(String::new()),
            Target::Sixty { .. } => {
                let session = self.json("POST", "/v1/sessions", &json!({})).await?;
                Ok(session["id"].as_str().ok_or("no id")?.to_owned())
            }
        }
    }

    /// Opens a stream of events and leaves it open.
    pub async fn open(&mut self, path: &str) -> Result<Incoming> {
        let request = self.request("GET", path, &Value::Null)?;
        Ok(self.send(request).await?.into_body())
    }

    /// One turn, read to its end. With `wanted`, the text must be that many numbered tokens.
    pub async fn turn(&mut self, session: &str, text: &str, wanted: Option<usize>) -> Result<Turn> {
        let request = match &self.target {
            Target::Provider(_) => {
                let messages = json!([{"role": "user", "content": text}]);
                let body =
                    json!({"model": "bench", "max_tokens": 8192, "stream": true, "messages": messages});
                self.request("POST", "/v1/messages", &body)?
            }
            Target::Sixty { .. } => {
                self.request("POST", &format!("/v1/sessions/{session}/messages"), &json!({ "text": text }))?
            }
        };
        let start = Instant::now();
        let mut body = self.send(request).await?.into_body();
        let mut frames = Frames::default();
        let mut turn = Turn::default();
        let mut last = start;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            let now = Instant::now();
            let before = frames.tokens;
            frames.read(&data)?;
            if frames.tokens > before {
                if before == 0 {
                    turn.first = (now - start).as_secs_f64();
                } else {
                    turn.gaps.push((now - last).as_secs_f64());
                }
                last = now;
            }
        }
        turn.whole = start.elapsed().as_secs_f64();
        turn.tokens = frames.text.matches("tok").count();
        frames.check(wanted)?;
        turn.usage = frames.usage;
        Ok(turn)
    }
}

/// The frames of a stream, checked one by one.
#[derive(Default)]
struct Frames {
    pending: Vec<u8>,
    text: String,
    tokens: usize,
    ended: bool,
    last_id: String,
    usage: Value,
}

impl Frames {
    fn read(&mut self, data: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(data);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            self.frame(std::str::from_utf8(&rest[..end])?)?;
            rest = &rest[end + 2..];
        }
        self.pending = rest.to_vec();
        Ok(())
    }

    fn frame(&mut self, frame: &str) -> Result<()> {
        let (mut event, mut data) = ("", "");
        for line in frame.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => self.follows(id)?,
                Some(("event", name)) => event = name,
                Some(("data", text)) => data = text,
                _ => {}
            }
        }
        if self.ended && !event.is_empty() {
            return fail(format!("{event} after the end"));
        }
        match event {
            "content_block_delta" => self.token(&serde_json::from_str::<Value>(data)?["delta"]["text"]),
            "token" => self.token(&serde_json::from_str::<Value>(data)?["text"]),
            "message_stop" => self.ended = true,
            "done" => {
                self.ended = true;
                self.usage = serde_json::from_str::<Value>(data)?["usage"].take();
            }
            "error" | "reset" => return fail(frame),
            _ => {}
        }
        Ok(())
    }

    /// Ids of a run that nobody took over: 1.1, 1.2, …
    fn follows(&mut self, id: &str) -> Result<()> {
        let number = |id: &str| id.strip_prefix("1.").and_then(|n| n.parse::<u64>().ok());
        if number(id) != Some(number(&self.last_id).unwrap_or(0) + 1) {
            return fail(format!("event {id} after {:?}", self.last_id));
        }
        id.clone_into(&mut self.last_id);
        Ok(())
    }

    fn token(&mut self, text: &Value) {
        let text = text.as_str().unwrap_or_default();
        self.tokens += text.matches("tok").count();
        self.text.push_str(text);
    }

    fn check(&self, wanted: Option<usize>) -> Result<()> {
        if !self.ended {
            return fail("a stream was cut");
        }
        let Some(wanted) = wanted else { return Ok(()) };
        let numbers = self.text.split(' ').map(|word| word.strip_prefix("tok").and_then(|n| n.parse().ok()));
        if numbers.eq((0..wanted).map(Some)) {
            return Ok(());
        }
        fail(format!("not {wanted} tokens, or in another order: {} bytes", self.text.len()))
    }
}

/// Conversations with one client each.
pub async fn crowd(target: &Target, size: usize) -> Result<Vec<(Client, String)>> {
    let mut crowd = Vec::new();
    for _ in 0..size {
        let mut client = Client::connect(target).await?;
        let session = client.session().await?;
        crowd.push((client, session));
    }
    Ok(crowd)
}

/// How a crowd sends its turns.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Each one after the other, so many times.
    Closed { turns: usize },
    /// Each one every so often, whatever came of the one before; starts are spread over the interval. What a turn
    /// waits for its predecessor counts as its own.
    Open { turns: usize, every: Duration },
}

/// Timers tick in milliseconds, the provider's too: requests that begin at the tick would hide what delays them.
/// The golden ratio spreads them evenly over it.
fn phase(n: u32) -> Duration {
    Duration::from_secs_f64((f64::from(n) * 0.618_033_988_749_895).fract() / 1000.0)
}

/// All turns of a crowd, which comes back for the next leg.
pub async fn run(
    crowd: Vec<(Client, String)>,
    pace: Pace,
    tokens: usize,
) -> Result<(Vec<Turn>, Vec<(Client, String)>)> {
    let size = u32::try_from(crowd.len())?;
    let start = Instant::now() + Duration::from_millis(5);
    let mut tasks = JoinSet::new();
    for (at, (mut client, session)) in (0u32..).zip(crowd) {
        tasks.spawn(async move {
            let mut turns = Vec::new();
            let (count, every) = match pace {
                Pace::Closed { turns } => (turns, None),
                Pace::Open { turns, every } => (turns, Some(every)),
            };
            for n in 0..u32::try_from(count)? {
                let due = match every {
                    None => Instant::now(),
                    Some(every) => start + every * at / size + every * n,
                };
                tokio::time::sleep_until(due).await;
                let due = due.max(start) + phase(at + n);
                while Instant::now() < due {
                    std::hint::spin_loop();
                }
                let late = due.elapsed().as_secs_f64();
                let mut turn = client.turn(&session, "How do we stand with Acme?", Some(tokens)).await?;
                turn.first += late;
                turns.push(turn);
            }
            Ok::<_, crate::Error>((turns, (client, session)))
        });
    }
    let (mut turns, mut crowd) = (Vec::new(), Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (made, one) = done??;
        turns.extend(made);
        crowd.push(one);
    }
    Ok((turns, crowd))
}
