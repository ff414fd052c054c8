//! Where a cluster's files are and as whom its programs run.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::server::PORT;
use super::{ClusterError, io, secrets};

/// Where root's clusters go when the unprivileged user cannot reach the directory that was asked for.
const SYSTEM_DIR: &str = "/var/lib/sixty";
/// The kernel takes about 104 bytes for a socket's path.
const SOCKET_PATH_LIMIT: usize = 100;

#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// The directory of one cluster: `postgres` (its data), `log`, `socket`, `keys` and two lock files.
#[derive(Debug)]
pub struct Home {
    pub root: PathBuf,
    /// As whom Postgres runs when we are root, which its programs refuse.
    pub account: Option<Account>,
    uid: u32,
}

pub enum Locked {
    Yes(File),
    No,
}

impl Home {
    pub fn open(dir: &Path) -> Result<Self, ClusterError> {
        fs::create_dir_all(dir).map_err(io("making", dir))?;
        let dir = dir.canonicalize().map_err(io("resolving", dir))?;
        let me = id(&["-u"]).map_err(io("asking `id` for the user of", &dir))?;
        let account =
            if me == 0 { Some(unprivileged().map_err(io("finding a user for", &dir))?) } else { None };
        let uid = account.map_or(me, |a| a.uid);
        let root = match account {
            Some(account) if !reachable(&dir, account) => relocated(&dir)?,
            _ => dir,
        };
        let home = Self { root, account, uid };
        home.private_dir(&home.log_dir())?;
        home.private_dir(&home.sockets())?;
        Ok(home)
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub fn log_dir(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Inside the home, or a short directory under `/tmp` named after it when the path would be too long.
    pub fn sockets(&self) -> PathBuf {
        let inside = self.root.join("socket");
        let socket = inside.join(format!(".s.PGSQL.{PORT}"));
        if socket.as_os_str().len() <= SOCKET_PATH_LIMIT {
            return inside;
        }
        Path::new("/tmp").join(format!("sixty-{}", short_hash(&self.root)))
    }

    /// Makes a directory of mode 0700 for the server, or makes sure that an existing one is exactly that:
    /// under `/tmp` anybody may have made it.
    pub fn private_dir(&self, path: &Path) -> Result<(), ClusterError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => self.hand_over(path, |uid, gid| lchown(path, uid, gid))?,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io("making", path)(e)),
        }
        // Another process that starts the same cluster may stand between its `mkdir` and its `chown`.
        let end = Instant::now() + Duration::from_secs(2);
        loop {
            let found = fs::symlink_metadata(path).map_err(io("looking at", path))?;
            if found.is_dir() && found.uid() == self.uid && found.mode() & 0o777 == 0o700 {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(ClusterError::NotOurs { path: path.display().to_string(), uid: self.uid });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Writes a file of mode 0600 that the server's user can read.
    pub fn write_private(&self, path: &Path, text: &str) -> Result<(), ClusterError> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io("replacing", path)(e)),
            _ => {}
        }
        let file = secrets::write_new(path, text).map_err(io("writing", path))?;
        // By the open file and not by its name: the directory may be the server's user's own.
        self.hand_over(path, |uid, gid| fchown(&file, uid, gid))
    }

    fn hand_over(
        &self,
        path: &Path,
        chown: impl FnOnce(Option<u32>, Option<u32>) -> std::io::Result<()>,
    ) -> Result<(), ClusterError> {
        let Some(account) = self.account else { return Ok(()) };
        chown(Some(account.uid), Some(account.gid)).map_err(io("giving to the server's user", path))
    }

    /// Takes the named lock for this process alone; it is let go when the file is dropped or the process
    /// dies.
    pub fn lock(&self, name: &str, patience: Duration) -> Result<File, ClusterError> {
        lock(&self.root.join(name), patience)
    }

    pub fn share(&self, name: &str) -> Result<File, ClusterError> {
        let path = self.root.join(name);
        let file = open_lock(&path)?;
        file.lock_shared().map_err(io("locking", &path))?;
        Ok(file)
    }

    pub fn secret(&self, name: &str) -> Result<[u8; 32], ClusterError> {
        secrets::get_or_make(&self.root.join("keys"), name)
    }
}

/// Waits for a lock, at most for `patience`.
pub fn lock(path: &Path, patience: Duration) -> Result<File, ClusterError> {
    let file = open_lock(path)?;
    let end = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(io("locking", path)(e)),
            Err(TryLockError::WouldBlock) if Instant::now() > end => {
                let what = "waiting for another process that starts or stops the same cluster";
                return Err(ClusterError::TooSlow { what, limit: patience, log: String::new() });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Turns a shared lock into an exclusive one if no other process shares it.
pub fn only_user(shared: File) -> Locked {
    match shared.unlock().map_err(TryLockError::Error).and_then(|()| shared.try_lock()) {
        Ok(()) => Locked::Yes(shared),
        Err(_) => Locked::No,
    }
}

fn open_lock(path: &Path) -> Result<File, ClusterError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).open(path).map_err(io("opening", path))
}

fn relocated(dir: &Path) -> Result<PathBuf, ClusterError> {
    let root = Path::new(SYSTEM_DIR).join(short_hash(dir));
    for made in [Path::new(SYSTEM_DIR), &root] {
        fs::create_dir_all(made).map_err(io("making", made))?;
        fs::set_permissions(made, Permissions::from_mode(0o711)).map_err(io("opening up", made))?;
    }
    let note = dir.join("moved-to");
    fs::write(&note, format!("{}\n", root.display())).map_err(io("writing", &note))?;
    tracing::info!(
        asked = %dir.display(), used = %root.display(),
        "Postgres does not run as root, and its user cannot reach the data directory: another one is used"
    );
    Ok(root)
}

fn reachable(dir: &Path, account: Account) -> bool {
    let mut test = Command::new("/bin/sh");
    test.args(["-c", "test -x \"$1\"", "sh"]).arg(dir).current_dir("/").uid(account.uid).gid(account.gid);
    test.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn unprivileged() -> std::io::Result<Account> {
    let account = |name| Ok(Account { uid: id(&["-u", name])?, gid: id(&["-g", name])? });
    account("postgres").or_else(|_: std::io::Error| account("nobody"))
}

fn id(arguments: &[&str]) -> std::io::Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| std::io::Error::other(format!("`id {}` names no user", arguments.join(" "))))
}

fn short_hash(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_encoded_bytes())[..8])
}
