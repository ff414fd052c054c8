//! The server process of one home: making its files, starting it, finding it again, stopping it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::home::Home;
use super::programs::Programs;
use super::{ClusterError, Durability, PATIENCE, SUPERUSER, io};

/// Only a part of the socket's name: nothing listens on TCP.
pub const PORT: u16 = 5432;
/// `SSLRequest`: every live server answers it with one byte before it asks who is there.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[derive(Debug)]
pub struct Server {
    pub home: Home,
    pub programs: Programs,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Ready,
    /// It starts or stops.
    Busy,
    /// It runs, but nobody can reach it: its socket was swept from `/tmp`.
    Deaf,
}

impl Server {
    /// Makes the cluster's files if there are none. They appear under their name only when complete, so that
    /// a process killed half-way leaves nothing that looks like a cluster.
    pub fn initialize(&self, durability: Durability, password: &str) -> Result<(), ClusterError> {
        let data = self.home.data();
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let draft = self.home.root.join("postgres.new");
        let password_file = self.home.root.join("initdb.password");
        tracing::info!(dir = %data.display(), version = self.programs.major, "making a Postgres cluster");
        self.home.write_private(&password_file, password)?;
        let mut made = self.initdb(&draft, &password_file, "C.UTF-8", durability)?;
        if !made.status.success() && text(&made).contains("locale") {
            made = self.initdb(&draft, &password_file, "C", durability)?;
        }
        fs::remove_file(&password_file).map_err(io("removing", &password_file))?;
        if !made.status.success() {
            return Err(self.failed("initdb", &made));
        }
        fs::rename(&draft, &data).map_err(io("making", &data))
    }

    fn initdb(&self, draft: &Path, pw: &Path, locale: &str, how: Durability) -> Result<Output, ClusterError> {
        if draft.exists() {
            fs::remove_dir_all(draft).map_err(io("removing", draft))?;
        }
        self.home.private_dir(draft)?;
        let (draft, pw) = (draft.to_string_lossy(), pw.to_string_lossy());
        let (pgdata, pwfile, locale) =
            (format!("--pgdata={draft}"), format!("--pwfile={pw}"), format!("--locale={locale}"));
        let username = format!("--username={SUPERUSER}");
        let mut arguments = vec![pgdata.as_str(), &pwfile, &locale, &username, "--encoding=UTF8"];
        arguments.extend(["--auth=scram-sha-256", "--data-checksums"]);
        if how == Durability::Disposable {
            arguments.push("--no-sync");
        }
        self.run("initdb", "initdb", &arguments)
    }

    /// Uses the server that runs here already, or starts one.
    pub fn ensure_running(&self, durability: Durability) -> Result<(), ClusterError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.look() {
                Found::Ready => {
                    let dir = self.home.root.display();
                    tracing::info!(%dir, "using the Postgres server that runs already");
                    return Ok(());
                }
                Found::Nothing => return self.start(durability),
                Found::Deaf => self.stop()?,
                Found::Busy if Instant::now() > end => return Err(self.too_slow("waiting for Postgres")),
                Found::Busy => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn start(&self, durability: Durability) -> Result<(), ClusterError> {
        // After a crash, another program may have the old server's number, and `postgres` would refuse.
        let _ = fs::remove_file(self.home.data().join("postmaster.pid"));
        let config = self.home.data().join("postgresql.conf");
        self.home.write_private(&config, &self.settings(durability))?;
        let log = self.home.log_dir().join("start.log");
        let _ = fs::remove_file(&log);
        self.pg_ctl("starting Postgres", "start", &["--log", &log.to_string_lossy()])?;
        tracing::info!(dir = %self.home.root.display(), version = self.programs.major, "Postgres is up");
        Ok(())
    }

    /// Fast shutdown: open connections are ended, commits are kept.
    pub fn stop(&self) -> Result<(), ClusterError> {
        if self.look() == Found::Nothing {
            return Ok(());
        }
        self.pg_ctl("stopping Postgres", "stop", &["--mode=fast"])
    }

    fn pg_ctl(&self, what: &'static str, verb: &str, options: &[&str]) -> Result<(), ClusterError> {
        let (pgdata, timeout) =
            (format!("--pgdata={}", self.home.data().display()), format!("--timeout={}", PATIENCE.as_secs()));
        let mut arguments = vec![verb, "--silent", "--wait", &pgdata, &timeout];
        arguments.extend(options);
        let output = self.run(what, "pg_ctl", &arguments)?;
        if output.status.success() {
            return Ok(());
        }
        // pg_ctl's own word for its timeout.
        let slow =
            text(&output).contains("did not start in time") || text(&output).contains("does not shut down");
        Err(if slow { self.too_slow(what) } else { self.failed(what, &output) })
    }

    fn run(&self, what: &'static str, program: &str, arguments: &[&str]) -> Result<Output, ClusterError> {
        // pg_ctl keeps the limit itself; this one is for a program that hangs.
        let output = self.programs.run(program, arguments, PATIENCE + Duration::from_secs(5));
        output.map_err(io("running", &self.programs.bin.join(program)))?.ok_or_else(|| self.too_slow(what))
    }

    /// What runs here, judged by the process and the socket and not by the pid file alone, which outlives a
    /// crash.
    pub fn look(&self) -> Found {
        let pid_file = fs::read_to_string(self.home.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = pid_file.lines().map(str::trim);
        let (pid, status) = (lines.next().unwrap_or_default(), lines.nth(6).unwrap_or_default());
        if !self.is_our_server(pid) {
            return Found::Nothing;
        }
        match (status, self.answers()) {
            ("ready", true) => Found::Ready,
            ("ready", false) => Found::Deaf,
            _ => Found::Busy,
        }
    }

    /// Whether the process runs on our data directory, which the server's command line names.
    fn is_our_server(&self, pid: &str) -> bool {
        if pid.is_empty() || !pid.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
        let proc = Path::new("/proc");
        let command_line = if proc.join("self/cmdline").exists() {
            fs::read(proc.join(pid).join("cmdline")).unwrap_or_default()
        } else {
            Command::new("ps")
                .args(["-ww", "-o", "args=", "-p", pid])
                .output()
                .map(|o| o.stdout)
                .unwrap_or_default()
        };
        String::from_utf8_lossy(&command_line).contains(&*self.home.data().to_string_lossy())
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<()> {
            let mut socket = UnixStream::connect(self.home.sockets().join(format!(".s.PGSQL.{PORT}")))?;
            socket.set_read_timeout(Some(Duration::from_secs(5)))?;
            socket.write_all(&SSL_REQUEST)?;
            socket.read_exact(&mut [0])
        };
        ask().is_ok()
    }

    /// The whole configuration: initdb's file is replaced, so that one look tells what the server runs with.
    fn settings(&self, durability: Durability) -> String {
        let quoted = |path: &Path| path.to_string_lossy().replace('\'', "''").replace('"', "\"\"");
        let (sockets, log) = (quoted(&self.home.sockets()), quoted(&self.home.log_dir()));
        let common = format!(
            "# Written at every start.\n\
             listen_addresses = ''\n\
             port = {PORT}\n\
             unix_socket_directories = '\"{sockets}\"'\n\
             unix_socket_permissions = 0700\n\
             password_encryption = 'scram-sha-256'\n\
             max_connections = 200\n\
             shared_buffers = '128MB'\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             lc_messages = 'C'\n\
             default_text_search_config = 'pg_catalog.english'\n\
             log_line_prefix = '%m [%p] %q%u@%d '\n"
        );
        common
            + &match durability {
                // A file per weekday, overwritten after a week.
                Durability::Durable => format!(
                    "logging_collector = on\n\
                     log_directory = '{log}'\n\
                     log_filename = 'postgres-%a.log'\n\
                     log_truncate_on_rotation = on\n\
                     log_rotation_age = '1d'\n\
                     log_rotation_size = 0\n"
                ),
                Durability::Disposable => "fsync = off\n\
                     synchronous_commit = off\n\
                     full_page_writes = off\n\
                     wal_level = minimal\n\
                     max_wal_senders = 0\n\
                     max_wal_size = '256MB'\n"
                    .to_owned(),
            }
    }

    fn failed(&self, what: &'static str, output: &Output) -> ClusterError {
        ClusterError::Failed { what, output: text(output), log: self.log_tail() }
    }

    fn too_slow(&self, what: &'static str) -> ClusterError {
        ClusterError::TooSlow { what, limit: PATIENCE, log: self.log_tail() }
    }

    /// The end of the file that the server wrote last.
    fn log_tail(&self) -> String {
        let entries = fs::read_dir(self.home.log_dir()).into_iter().flatten().flatten();
        let newest = entries.max_by_key(|e| e.metadata().and_then(|m| m.modified()).ok());
        let Some(path) = newest.map(|e| e.path()) else { return "The server has written no log.".to_owned() };
        let log = fs::read(&path).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        format!("The end of {}:\n{tail}", path.display())
    }
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).trim().to_owned()
}
