//! A mail server that keeps what it takes (RFC 5321), and fails as it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model_sim::Gate;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What goes wrong with one mail.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is refused with this line, before its text.
    Refuse(&'static str),
    /// It is taken, and that is never said.
    Silence,
    /// It is taken, and that is said when the gate opens.
    Late(Gate),
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub to: String,
    /// Headers and text, as sent.
    pub data: String,
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<Taken>>,
    faults: Mutex<VecDeque<Fault>>,
}

/// Ends with this value.
pub struct Mailbox {
    shared: Arc<Shared>,
    pub url: String,
    stop: CancellationToken,
}

impl Mailbox {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let (shared, stop) = (Arc::new(Shared::default()), CancellationToken::new());
        let (kept, stopped) = (shared.clone(), stop.clone());
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            loop {
                let (stream, _) = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted.expect("a connection"),
                };
                let (kept, stopped) = (kept.clone(), stopped.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        // A client that dies is what some tests are about.
                        _ = talk(stream, &kept) => {}
                    }
                });
            }
        });
        Self { shared, url, stop }
    }

    /// What goes wrong with the next mails, one after the other.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        guard(&self.shared.faults).extend(faults);
    }

    pub fn mails(&self) -> Vec<Taken> {
        guard(&self.shared.mails).clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn guard<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn talk(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.example\r\n").await?;
    let mut to = String::new();
    let mut fault = None;
    while let Some(line) = lines.next_line().await? {
        let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match command.as_str() {
            "RCPT" => {
                fault = guard(&shared.faults).pop_front();
                line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
                if let Some(Fault::Refuse(answer)) = &fault { answer } else { "250 ok" }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut data = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push('\n');
                }
                guard(&shared.mails).push(Taken { to: to.clone(), data });
                match &fault {
                    Some(Fault::Silence) => return std::future::pending().await,
                    Some(Fault::Late(gate)) => gate.pass().await,
                    _ => {}
                }
                "250 taken"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
