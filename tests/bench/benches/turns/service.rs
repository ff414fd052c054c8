//! The three legs of a comparison: the provider's stand-in, a passthrough before it, and the service before it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    ROOT, Result,
    load::Target,
    postgres::Postgres,
    process::{Server, output},
};

const SECRET: &str = "a-secret-that-only-this-benchmark-uses";
/// 32 zero bytes in base64.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The release build of the service.
fn sixty() -> Result<Command> {
    let mut path = std::env::current_exe()?;
    // target/release/deps/turns-… stands beside target/release/sixty.
    let found = loop {
        if !path.pop() {
            return crate::fail("there is no release build of sixty; run `make bench`");
        }
        let candidate: PathBuf = path.join("sixty");
        if candidate.is_file() {
            break candidate;
        }
    };
    let mut command = Command::new(found);
    command.current_dir(ROOT).env_clear().env("SIXTY_JWT_SECRET", SECRET).env("SIXTY_LISTEN", "127.0.0.1:0");
    command.env("SIXTY_MASTER_KEY", MASTER_KEY);
    command.env("SIXTY_RATE_PER_MINUTE", "100000000").env("SIXTY_RATE_BURST", "100000000");
    command.env("SIXTY_ORG_RATE_PER_MINUTE", "100000000").env("SIXTY_ORG_RATE_BURST", "100000000");
    command.env("SIXTY_RUNS_PER_USER", "100000000").env("SIXTY_RUNS_PER_ORG", "100000000");
    command.env("NO_COLOR", "1");
    Ok(command)
}

/// A provider: `--bench-tokens 100 --gap-ms 20`, or `--scripted`.
pub fn provider(arguments: &[&str]) -> Result<Server> {
    Server::start(sixty()?.args(["model-sim", "--listen", "127.0.0.1:0", "--first-ms", "10"]).args(arguments))
}

pub fn passthrough(upstream: SocketAddr) -> Result<Server> {
    Server::start(Command::new(std::env::current_exe()?).args(["passthrough", &upstream.to_string()]))
}

/// Makes the database with the schema and the roles.
pub fn database(postgres: &Postgres, name: &str) -> Result<()> {
    postgres.sql("postgres", &format!("create database {name}"))?;
    let mut migrate = sixty()?;
    migrate.arg("migrate").env("DATABASE_URL", postgres.app_url(name, None));
    output(migrate.env("SIXTY_MIGRATION_DATABASE_URL", postgres.owner_url(name))).map(drop)
}

/// The service on the database, asking this provider.
pub fn service(database_url: &str, provider: SocketAddr) -> Result<Server> {
    serve(database_url, provider, None)
}

/// The same, with the providers of this file beside it.
pub fn service_of(database_url: &str, provider: SocketAddr, providers: &Path) -> Result<Server> {
    serve(database_url, provider, Some(providers))
}

fn serve(database_url: &str, provider: SocketAddr, providers: Option<&Path>) -> Result<Server> {
    let mut serve = sixty()?;
    serve.envs(providers.map(|file| ("SIXTY_PROVIDERS", file)));
    serve.arg("serve").env("DATABASE_URL", database_url).env("SIXTY_ALLOW_OLD_POSTGRES", "1");
    serve.env("ANTHROPIC_BASE_URL", format!("http://{provider}"));
    Server::start_logging(&mut serve)
}

/// The service as an owner of the organization `bench` asks it.
pub fn target(database_url: &str, server: &Server) -> Result<Target> {
    let mut token = sixty()?;
    token.args(["token", "--org", "bench", "--user", "alice", "--role", "owner"]);
    let token = output(token.env("DATABASE_URL", database_url))?;
    Ok(Target::Sixty { address: server.address, token })
}
