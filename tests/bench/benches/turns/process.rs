//! Child processes, and what the kernel says of them.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{time::ClockId, unistd::Pid};

use crate::{Result, fail};

/// A child that listens; it ends with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the command and waits for the line of its output that says where it listens.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        Self::wait(child, output)
    }

    /// The same for one that says so in its log.
    pub fn start_logging(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let log = child.stderr.take().ok_or("no log")?;
        Self::wait(child, log)
    }

    fn wait(child: Child, output: impl Read + Send + 'static) -> Result<Self> {
        let mut lines = BufReader::new(output).lines().map_while(std::result::Result::ok);
        let mut seen = String::new();
        let address = loop {
            let Some(line) = lines.next() else { return fail(format!("a server did not listen: {seen}")) };
            if let Some(at) = line.find("127.0.0.1:").filter(|_| line.contains("listen")) {
                let end = line[at..].find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                break line[at..end.map_or(line.len(), |end| at + end)].parse()?;
            }
            seen.push_str(&line);
        };
        // A full pipe would stop the server.
        thread::spawn(move || {
            lines
                .filter(|line| line.contains("ERROR") || line.contains("WARN"))
                .for_each(|line| eprintln!("{line}"));
        });
        Ok(Self { child, address })
    }

    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() && start.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// CPU time and memory of a process so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub resident_bytes: f64,
}

impl Usage {
    fn of(pid: u32) -> Result<Self> {
        // To the nanosecond, and of all threads that there have been; `/proc/<pid>/stat` counts in steps of 10 ms.
        let process = Pid::from_raw(i32::try_from(pid)?);
        let cpu: Duration = ClockId::pid_cpu_clock_id(process)?.now()?.into();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: f64 =
            resident.and_then(|text| text.trim().strip_suffix(" kB")).ok_or("no VmRSS")?.parse()?;
        Ok(Self { cpu_seconds: cpu.as_secs_f64(), resident_bytes: kilobytes * 1024.0 })
    }
}

/// Runs a program to its end and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?.trim().to_owned());
    }
    fail(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
