//! The service as processes of their own, built with crash points and probes
//! (feature `faults`): they can be killed for good, stopped, or told to abort.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use super::{PATIENCE, SECRET, eventually};

/// Lines of a server's log that a failing test shows.
const SHOWN: usize = 60;

const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// How a process is started.
#[derive(Clone, Debug)]
pub struct Spawn {
    pub database_url: String,
    pub model_url: String,
    pub lease_seconds: u32,
    /// Where the probe tools go; none: they are not offered.
    pub probe_url: Option<String>,
    /// `name` or `name:nth` of a crash point.
    pub crash_at: Option<String>,
    /// How long a request waits for a connection: on a busy machine the tests are patient.
    pub acquire_seconds: u64,
    pub extra: Vec<(&'static str, String)>,
}

impl Default for Spawn {
    fn default() -> Self {
        Self {
            database_url: String::new(),
            model_url: String::new(),
            lease_seconds: 3,
            probe_url: None,
            crash_at: None,
            acquire_seconds: PATIENCE.as_secs(),
            extra: Vec::new(),
        }
    }
}

/// A server process; it is killed with this value.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

/// The build of the program with the feature `faults`, which `make test` makes
/// beside this test program.
pub fn program() -> PathBuf {
    let mut path = std::env::current_exe().expect("a path");
    while path.pop() {
        let candidate = path.join("sixty-faults");
        if candidate.is_file() {
            return candidate;
        }
    }
    panic!("there is no sixty-faults; `make test` builds it, and so does deploy/dev/build-faults.sh");
}

impl Process {
    /// Starts a server and waits until it listens; the log of one that does not.
    pub async fn start(spawn: &Spawn) -> Result<Self, Vec<String>> {
        let spawn = spawn.clone();
        tokio::task::spawn_blocking(move || Self::launch(&spawn)).await.expect("the launch ends")
    }

    fn launch(spawn: &Spawn) -> Result<Self, Vec<String>> {
        let mut command = Command::new(program());
        command.arg("serve").env_clear().current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let rate = "100000000";
        for (name, value) in [
            ("DATABASE_URL", spawn.database_url.as_str()),
            ("ANTHROPIC_BASE_URL", &spawn.model_url),
            ("SIXTY_DEFAULT_MODEL", "anthropic/claude-test"),
            ("SIXTY_JWT_SECRET", SECRET),
            ("SIXTY_DATABASE_CONNECTIONS", "4"),
            ("SIXTY_MASTER_KEY", MASTER_KEY),
            ("SIXTY_LISTEN", "127.0.0.1:0"),
            ("SIXTY_ALLOW_OLD_POSTGRES", "1"),
            ("SIXTY_RATE_PER_MINUTE", rate),
            ("SIXTY_RATE_BURST", rate),
            ("SIXTY_ORG_RATE_PER_MINUTE", rate),
            ("SIXTY_ORG_RATE_BURST", rate),
            ("SIXTY_RUNS_PER_USER", rate),
            ("SIXTY_RUNS_PER_ORG", rate),
            ("NO_COLOR", "1"),
            ("SIXTY_LEASE_SECONDS", &spawn.lease_seconds.to_string()),
            ("SIXTY_ACQUIRE_SECONDS", &spawn.acquire_seconds.to_string()),
        ] {
            command.env(name, value);
        }
        command.envs(spawn.probe_url.iter().map(|url| ("SIXTY_PROBE_URL", url)));
        command.envs(spawn.crash_at.iter().map(|point| ("SIXTY_CRASH_AT", point)));
        command.envs(spawn.extra.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().expect("a log")).lines();
        let Some(address) = listening(&mut lines, &log) else {
            // It has ended, or is about to.
            child.wait().expect("it ends");
            return Err(std::mem::take(&mut log.lock().unwrap_or_else(PoisonError::into_inner)));
        };
        let kept = log.clone();
        // A full pipe would stop the server.
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| keep(&kept, line)));
        Ok(Self { child, address, log })
    }

    /// What it has logged lately.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "SIG{name}");
    }

    /// Dies by `kill -9`, now.
    pub fn kill(&mut self) {
        self.child.kill().expect("a signal");
        self.child.wait().expect("it ends");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the process ends", async || self.child.try_wait().expect("a child")).await
    }
}

type Lines = std::io::Lines<BufReader<ChildStderr>>;

/// Reads the log up to the line that says where the server listens; none: it does not.
fn listening(lines: &mut Lines, log: &Mutex<Vec<String>>) -> Option<SocketAddr> {
    for line in lines.map_while(Result::ok) {
        let address = line.find("listening address=").map(|at| line[at + 18..].trim().parse());
        keep(log, line);
        if let Some(address) = address {
            return Some(address.expect("an address"));
        }
    }
    None
}

fn keep(log: &Mutex<Vec<String>>, line: String) {
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if log.len() >= 10 * SHOWN {
        log.drain(..5 * SHOWN);
    }
    log.push(line);
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            let from = log.len().saturating_sub(SHOWN);
            eprintln!("log of the server at {}:\n{}", self.address, log[from..].join("\n"));
        }
    }
}
