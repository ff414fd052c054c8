use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::programs::choose;
use super::{Cluster, ClusterError, Durability, secret};

/// A directory that is removed with the test, after the server in it has been stopped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self::under(&std::env::temp_dir())
    }

    fn under(parent: &Path) -> Self {
        let dir = parent.join(format!("cluster-test-{:08x}", rand::random::<u32>()));
        fs::create_dir_all(&dir).expect("a temporary directory");
        fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).expect("permissions");
        Self(dir)
    }

    async fn start(&self) -> Cluster {
        Cluster::start(&self.0, Durability::Disposable).await.expect("the cluster starts")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let pid = server_pid(&self.0);
        if !pid.is_empty() {
            let _ = Command::new("/bin/sh")
                .args(["-c", "kill -QUIT $1", "sh", &pid])
                .stderr(Stdio::null())
                .status();
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn server_pid(dir: &Path) -> String {
    let file = fs::read_to_string(dir.join("postgres/postmaster.pid")).unwrap_or_default();
    file.lines().next().unwrap_or_default().to_owned()
}

fn psql(cluster: &Cluster, url: &str, sql: &str) -> Result<String, String> {
    let mut psql = Command::new(cluster.bindir().join("psql"));
    let output = psql.args(["-X", "-A", "-t", "-c", sql, url]).output().expect("psql runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn query(cluster: &Cluster, sql: &str) -> String {
    psql(cluster, &cluster.superuser_url("postgres"), sql).expect("the query succeeds")
}

const ROLE: &str = "SIXTY_CLUSTER_TEST";

/// Runs [`the_other_process`] in a process of its own, and returns it with the directory that it printed.
fn another_process(role: &str, dir: &Path) -> (Child, PathBuf) {
    let mut child = Command::new(std::env::current_exe().expect("this test binary"));
    child.args(["cluster::tests::the_other_process", "--nocapture", "--test-threads=1"]);
    child.env(ROLE, role).env("SIXTY_CLUSTER_TEST_DIR", dir).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.spawn().expect("another process");
    let output = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
    let dir = lines.find_map(|line| Some(line.split_once("cluster at ")?.1.to_owned()));
    (child, dir.expect("the other process says where its cluster is").into())
}

/// Does nothing by itself: it is what [`another_process`] runs, until it is killed.
#[tokio::test]
async fn the_other_process() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let dir = PathBuf::from(std::env::var_os("SIXTY_CLUSTER_TEST_DIR").expect("a directory"));
    let cluster = match role.to_str() {
        Some("durable") => Cluster::start(&dir, Durability::Durable).await,
        _ => Cluster::disposable(Some(&dir)).await,
    };
    let cluster = cluster.expect("the cluster starts");
    println!("cluster at {}", cluster.dir().display());
    std::future::pending::<()>().await;
    drop(cluster);
}

async fn eventually(what: &str, is_true: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_true() {
        assert!(Instant::now() < end, "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn kill(mut process: Child) {
    process.kill().expect("SIGKILL");
    process.wait().expect("the end of the process");
}

#[tokio::test]
async fn a_stopped_cluster_starts_again_with_its_data() {
    let dir = Scratch::new();
    let cluster = Cluster::start(&dir.0, Durability::Durable).await.expect("the cluster starts");
    query(&cluster, "create table t as select 'kept' as word");
    cluster.stop().await.expect("the cluster stops");
    assert_eq!(server_pid(&dir.0), "", "no server is left");

    let cluster = dir.start().await;
    assert_eq!(query(&cluster, "select word from t"), "kept");
    cluster.stop().await.expect("the cluster stops");
}

#[tokio::test]
async fn a_cluster_is_utf8_with_checksums_and_without_a_network() {
    let dir = Scratch::new();
    let cluster = dir.start().await;
    assert_eq!(query(&cluster, "show server_encoding"), "UTF8");
    assert_eq!(query(&cluster, "show data_checksums"), "on");
    assert_eq!(query(&cluster, "show listen_addresses"), "");
    assert_eq!(
        query(&cluster, "select left(rolpassword, 13) from pg_authid where rolcanlogin"),
        "SCRAM-SHA-256"
    );
    cluster.stop().await.expect("the cluster stops");
}

#[tokio::test]
async fn a_server_that_a_killed_process_left_is_used_again() {
    let dir = Scratch::new();
    let (process, _) = another_process("durable", &dir.0);
    let left_running = server_pid(&dir.0);
    kill(process);

    let cluster = dir.start().await;
    assert_eq!(server_pid(&dir.0), left_running);
    assert_eq!(query(&cluster, "select 1"), "1");
    cluster.stop().await.expect("the cluster stops");
    assert_eq!(server_pid(&dir.0), "", "the one who found the server stops it");
}

#[tokio::test]
async fn a_pid_file_that_names_another_program_does_not_stop_the_start() {
    let dir = Scratch::new();
    dir.start().await.stop().await.expect("the cluster stops");
    let pid_file = dir.0.join("postgres/postmaster.pid");
    let me = std::process::id();
    fs::write(&pid_file, format!("{me}\n/elsewhere\n0\n5432\n/tmp\n\n0 0\nready\n")).expect("a stale file");

    let cluster = dir.start().await;
    assert_ne!(server_pid(&dir.0), me.to_string());
    assert_eq!(query(&cluster, "select 1"), "1");
    cluster.stop().await.expect("the cluster stops");
}

#[tokio::test]
async fn a_server_whose_socket_was_swept_away_is_started_again() {
    let dir = Scratch::new();
    let cluster = dir.start().await;
    fs::remove_dir_all(dir.0.join("socket")).expect("the socket's directory");

    let again = dir.start().await;
    assert_eq!(query(&again, "select 1"), "1");
    drop(cluster);
    again.stop().await.expect("the cluster stops");
}

#[tokio::test]
async fn two_starts_at_once_share_one_server_and_the_last_to_leave_stops_it() {
    let dir = Scratch::new();
    let (one, other) = tokio::join!(dir.start(), dir.start());
    assert_eq!(query(&one, "select 1"), "1");

    one.stop().await.expect("the first leaves");
    assert_eq!(query(&other, "select 2"), "2");
    other.stop().await.expect("the last leaves");
    assert_eq!(server_pid(&dir.0), "");
}

#[tokio::test]
async fn a_disposable_cluster_vanishes_when_its_process_is_killed() {
    let parent = Scratch::new();
    let (process, dir) = another_process("disposable", &parent.0);
    let server = PathBuf::from("/proc").join(server_pid(&dir));
    assert!(dir.join("postgres").exists());
    kill(process);

    eventually("the directory is removed", || !dir.exists()).await;
    // Without /proc this says nothing, and the directory alone has to convince.
    eventually("the server is gone", || {
        fs::read(server.join("cmdline")).is_ok_and(|c| c.is_empty()) || !server.exists()
    })
    .await;
}

#[tokio::test]
async fn a_disposable_cluster_is_gone_when_stop_returns() {
    let cluster = Cluster::disposable(None).await.expect("the cluster starts");
    let dir = cluster.dir().to_owned();
    assert_eq!(query(&cluster, "show fsync"), "off");
    cluster.stop().await.expect("the cluster stops");
    assert!(!dir.exists());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_short_directory_for_it() {
    let dir = Scratch::new();
    let deep = Scratch(dir.0.join("d".repeat(90)));
    let cluster = deep.start().await;
    assert!(cluster.superuser_url("postgres").contains("?host=%2Ftmp%2Fsixty-"));
    assert_eq!(query(&cluster, "select 1"), "1");
    let sockets = cluster.server.home.sockets();
    cluster.stop().await.expect("the cluster stops");
    fs::remove_dir(sockets).expect("the socket's directory is empty");
}

#[tokio::test]
async fn passwords_are_wanted_kept_and_for_their_owner_alone() {
    let dir = Scratch::new();
    let cluster = dir.start().await;
    let refused = psql(&cluster, &cluster.url("postgres", "wrong", "postgres"), "select 1");
    assert!(refused.is_err_and(|e| e.contains("password authentication failed")));

    let odd = "a/b?c@d:e f%";
    query(&cluster, &format!("create role \"{odd}\" login password '{odd}'"));
    assert_eq!(psql(&cluster, &cluster.url(odd, odd, "postgres"), "select 1").as_deref(), Ok("1"));

    let keys = cluster.dir().join("keys");
    for name in ["superuser", "app"] {
        let mode = fs::metadata(keys.join(name)).expect("the key file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let app_password = cluster.app_password().to_owned();
    cluster.stop().await.expect("the cluster stops");
    assert_eq!(dir.start().await.app_password(), app_password);
}

#[tokio::test]
async fn a_secret_is_made_once_and_the_same_for_all_who_ask_at_once() {
    let dir = Scratch::new();
    let (one, other) = tokio::join!(secret(&dir.0, "jwt"), secret(&dir.0, "jwt"));
    let one = one.expect("a secret");
    assert_eq!(one, other.expect("a secret"));
    assert_ne!(one, secret(&dir.0, "master").await.expect("another secret"));

    fs::write(dir.0.join("keys/jwt"), "").expect("a damaged file");
    let refused = secret(&dir.0, "jwt").await;
    assert!(matches!(refused, Err(ClusterError::DamagedKey(_))), "never replaced in silence: {refused:?}");
}

#[tokio::test]
async fn a_server_that_does_not_start_is_an_error_that_quotes_its_log() {
    let dir = Scratch::new();
    dir.start().await.stop().await.expect("the cluster stops");
    fs::write(dir.0.join("postgres/postgresql.auto.conf"), "no_such_setting = 1\n")
        .expect("a broken setting");

    let refused = Cluster::start(&dir.0, Durability::Disposable).await.expect_err("Postgres refuses");
    let text = refused.to_string();
    assert!(text.starts_with("starting Postgres failed: "), "{text}");
    assert!(text.contains("unrecognized configuration parameter \"no_such_setting\""), "{text}");
}

#[tokio::test]
async fn as_root_a_directory_that_the_server_cannot_reach_is_replaced() {
    let parent = Scratch::new();
    fs::set_permissions(&parent.0, PermissionsExt::from_mode(0o700)).expect("permissions");
    let cluster = Cluster::start(&parent.0.join("data"), Durability::Disposable).await.expect("it starts");
    let used = Scratch(cluster.dir().to_owned());
    assert_eq!(query(&cluster, "select 1"), "1");
    if cluster.server.home.account.is_some() {
        let note = fs::read_to_string(parent.0.join("data/moved-to")).expect("a note");
        assert_eq!(Path::new(note.trim()), used.0);
        assert!(used.0.starts_with("/var/lib/sixty"));
    }
    cluster.stop().await.expect("the cluster stops");
}

#[test]
fn without_an_installation_the_error_says_what_to_install() {
    let nowhere = Path::new("/nowhere");
    let missing = choose(vec![nowhere.into()], None, nowhere).expect_err("nothing is there").to_string();
    assert!(missing.contains("`apt-get install postgresql`"), "{missing}");
    assert!(missing.contains("`brew install postgresql@17`"), "{missing}");

    let other = choose(vec![nowhere.into()], Some(14), nowhere).expect_err("nothing is there").to_string();
    assert!(other.starts_with("/nowhere was made by PostgreSQL 14"), "{other}");
}
