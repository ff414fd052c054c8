//! A private Postgres with the settings that a production server would have: every commit reaches the disk.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{Result, process::output};

/// Bytes of SQL that a command line takes; Linux ends at 128 KiB for one argument.
const LONGEST_ARGUMENT: usize = 100_000;
const APP: &str = "bench_app:bench";

pub struct Postgres {
    bin: PathBuf,
    root: PathBuf,
    pub address: SocketAddr,
}

/// Postgres does not run as root.
fn unprivileged(program: &Path) -> Result<Command> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    Ok(command)
}

impl Postgres {
    pub fn start() -> Result<Self> {
        let bin = PathBuf::from(output(Command::new("deploy/dev/pg-bindir.sh").current_dir(crate::ROOT))?);
        let root = PathBuf::from(output(Command::new("mktemp").args(["-d", "/tmp/sixty-bench.XXXXXX"]))?);
        if fs::metadata("/proc/self")?.uid() == 0 {
            let id = |flag| output(Command::new("id").args([flag, "postgres"]));
            chown(&root, Some(id("-u")?.parse()?), Some(id("-g")?.parse()?))?;
        }
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let postgres = Self { bin, root, address };
        let data = postgres.root.join("data");
        let mut initdb = unprivileged(&postgres.bin.join("initdb"))?;
        output(initdb.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]))?;
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories='' -c max_connections=150 \
             -c shared_buffers=2GB",
            address.port()
        );
        let mut start = unprivileged(&postgres.bin.join("pg_ctl"))?;
        start.arg("-D").arg(&data).arg("-l").arg(postgres.root.join("log")).args(["-s", "-w", "start", "-o"]);
        // The server would hold a pipe open for its whole life.
        start.arg(options).stdout(Stdio::null()).status()?;
        Ok(postgres)
    }

    pub fn version(&self) -> Result<String> {
        self.sql("postgres", "show server_version")
    }

    /// Runs SQL as the superuser and returns what it printed.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        if sql.len() < LONGEST_ARGUMENT {
            output(self.psql(database).args(["--command", sql]))
        } else {
            self.script(database, sql)
        }
    }

    /// The same, statement after statement, each a way to the server and back.
    pub fn script(&self, database: &str, sql: &str) -> Result<String> {
        let file = self.root.join("script.sql");
        fs::write(&file, sql)?;
        output(self.psql(database).arg("--file").arg(file))
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.arg(self.owner_url(database)).args(["--no-psqlrc", "--quiet", "-At", "--set=ON_ERROR_STOP=1"]);
        psql
    }

    /// Keeps a snapshot as it is now, until it is dropped.
    pub fn old_snapshot(&self, database: &str) -> Result<Snapshot> {
        let mut psql = self.psql(database);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().ok_or("psql has no input")?;
        stdin.write_all(b"begin isolation level repeatable read; select 'held' from pg_class limit 1;\n")?;
        let mut held = [0; 5];
        child.stdout.as_mut().ok_or("psql has no output")?.read_exact(&mut held)?;
        Ok(Snapshot { child, _stdin: stdin })
    }

    /// A file of this name that goes with the server.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn owner_url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}?sslmode=disable", self.address)
    }

    /// The runtime login, by way of `through` if that is not the server itself.
    pub fn app_url(&self, database: &str, through: Option<SocketAddr>) -> String {
        format!("postgres://{APP}@{}/{database}?sslmode=disable", through.unwrap_or(self.address))
    }
}

/// A transaction that has begun, and does nothing.
pub struct Snapshot {
    child: Child,
    /// Its end would be the transaction's.
    _stdin: ChildStdin,
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(mut stop) = unprivileged(&self.bin.join("pg_ctl")) {
            let stopped =
                stop.arg("-D").arg(self.root.join("data")).args(["-s", "-m", "fast", "stop"]).status();
            drop(stopped);
        }
        drop(fs::remove_dir_all(&self.root));
    }
}
