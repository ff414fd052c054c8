//! What ends a disposable cluster together with the process that started it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::home::Home;
use super::{ClusterError, PATIENCE, io};

/// A small shell beside us. Its standard input is a pipe that we hold open and never write to: however we
/// end, the kernel closes it, and the shell stops the server and removes the directories.
///
/// It ignores signals and has a process group of its own, or Ctrl-C would end it first.
/// `kill -QUIT` is what `pg_ctl stop -m immediate` sends; `pg_ctl` itself refuses root.
const SCRIPT: &str = r#"
trap '' INT HUP TERM QUIT
cat >/dev/null
pid_file=$1/postgres/postmaster.pid
pid=$(head -n 1 "$pid_file" 2>/dev/null)
if [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null; then
    tries=0
    while [ -e "$pid_file" ] && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    if [ -e "$pid_file" ]; then kill -KILL "$pid"; fi
fi
rm -rf "$@" || { sleep 1; rm -rf "$@"; }
"#;

/// Room that the tests' databases need in memory.
const ENOUGH_KIB: u64 = 2 * 1024 * 1024;

#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// `asked` is the directory that was asked for, which is not always the home itself.
    pub fn over(asked: &Path, home: &Home) -> Result<Self, ClusterError> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "sh"]).args([&home.root, &home.sockets()]).arg(asked).current_dir("/");
        // Nobody who reads our output to its end shall wait for the shell.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let shell = shell.spawn().map_err(io("starting a watchdog for", &home.root))?;
        Ok(Self { shell })
    }

    /// Lets the shell do its work now, and waits for it.
    pub fn finish(mut self) -> Result<(), ClusterError> {
        drop(self.shell.stdin.take());
        let end = Instant::now() + PATIENCE;
        while self.shell.try_wait().map_err(io("waiting for", Path::new("/bin/sh")))?.is_none() {
            if Instant::now() > end {
                let what = "removing a disposable cluster";
                return Err(ClusterError::TooSlow { what, limit: PATIENCE, log: String::new() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// In memory if there is room, else where temporary files go.
pub fn parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = || -> Option<u64> {
        let output = Command::new("df").arg("-Pk").arg(memory).output().ok()?;
        // Filesystem, 1024-blocks, Used, Available, …
        String::from_utf8(output.stdout).ok()?.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
    };
    if room().is_some_and(|kib| kib > ENOUGH_KIB) { memory.to_owned() } else { std::env::temp_dir() }
}
