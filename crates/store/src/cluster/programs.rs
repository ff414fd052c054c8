//! The machine's own Postgres programs: finding them, running them. Nothing is ever downloaded.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::ClusterError;
use super::home::{Account, Home};

/// The oldest version that the schema is written for.
pub const MIN_MAJOR: u32 = 15;

#[derive(Debug)]
pub struct Programs {
    pub bin: PathBuf,
    pub major: u32,
    account: Option<Account>,
}

impl Programs {
    /// Finds the programs that fit the cluster's files, if it has files already.
    pub fn find(home: &Home) -> Result<Self, ClusterError> {
        let made_by =
            fs::read_to_string(home.data().join("PG_VERSION")).ok().and_then(|v| v.trim().parse().ok());
        let (bin, major) = choose(places(), made_by, &home.root)?;
        Ok(Self { bin, major, account: home.account })
    }

    /// Runs a program to its end, as the server's user; `None` when it took longer than `limit` and was
    /// killed.
    pub fn run(&self, name: &str, arguments: &[&str], limit: Duration) -> std::io::Result<Option<Output>> {
        let mut command = Command::new(self.bin.join(name));
        // Not in our directory, which the server's user may not be able to enter; messages in English.
        command.args(arguments).current_dir("/").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(Account { uid, gid }) = self.account {
            command.uid(uid).gid(gid);
        }
        let mut child = command.spawn()?;
        let end = Instant::now() + limit;
        while child.try_wait()?.is_none() {
            if Instant::now() > end {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.wait_with_output().map(Some)
    }
}

/// The first place with all programs in a version that will do.
pub fn choose(
    places: Vec<PathBuf>,
    made_by: Option<u32>,
    dir: &Path,
) -> Result<(PathBuf, u32), ClusterError> {
    let fits = |major: &u32| made_by.map_or(*major >= MIN_MAJOR, |made_by| *major == made_by);
    let found = places.into_iter().find_map(|bin| Some((version(&bin).filter(fits)?, bin)));
    match (found, made_by) {
        (Some((major, bin)), _) => Ok((bin, major)),
        (None, Some(major)) => Err(ClusterError::OtherVersion { dir: dir.display().to_string(), major }),
        (None, None) => Err(ClusterError::NotInstalled),
    }
}

/// Where to look, best first. `pg_config` often comes with a client library alone, so a place may be empty.
fn places() -> Vec<PathBuf> {
    let configured = ask("pg_config", &["--bindir"]).map(PathBuf::from);
    let on_path = ask("/bin/sh", &["-c", "command -v postgres"]);
    let on_path = on_path.and_then(|p| Some(Path::new(&p).canonicalize().ok()?.parent()?.to_owned()));
    let debian = newest_first("/usr/lib/postgresql", "");
    let homebrew = ["/opt/homebrew/opt", "/usr/local/opt"].map(|opt| newest_first(opt, "postgresql@"));
    configured.into_iter().chain(debian).chain(homebrew.into_iter().flatten()).chain(on_path).collect()
}

/// `<parent>/<prefix><version>/bin` for every version there.
fn newest_first(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let version =
        |entry: &fs::DirEntry| entry.file_name().to_str()?.strip_prefix(prefix)?.parse::<u32>().ok();
    let mut found: Vec<_> = entries.filter_map(|e| Some((version(&e)?, e.path().join("bin")))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, bin)| bin).collect()
}

/// The major version, if all three programs are there: `postgres (PostgreSQL) 17.6 (…)`.
fn version(bin: &Path) -> Option<u32> {
    let complete = ["initdb", "pg_ctl"].iter().all(|name| bin.join(name).is_file());
    let text = complete.then(|| ask(bin.join("postgres").to_str()?, &["--version"]))??;
    let number = text.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
