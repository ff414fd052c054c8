//! The program `sixty`.

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use server::{
    audit,
    auth::{self, Grant},
    config::{Database, Identity, Log, LogFormat, Serve},
    demo, export,
    serve::{self, Fatal},
    skill_files,
};
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "sixty", version, about = "The copilot service of a multi-tenant sales product")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// HTTP server and background workers.
    Serve(Box<Serve>),
    /// Bring the database up to date and create the runtime login.
    Migrate(Database),
    /// Print a signed development token.
    Token(Box<Token>),
    /// Fill a demo organization.
    SeedDemo(Database),
    /// The audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// Print an organization, or one of its members, as a JSON object a line.
    Export(Box<export::Config>),
    /// A scripted stand-in for model providers, on their real wire.
    ModelSim(ModelSim),
    /// Skills as files.
    #[command(subcommand)]
    Skills(skill_files::Command),
    /// Print the OpenAPI document.
    Openapi,
    /// Whether the server at `SIXTY_LISTEN` is ready; for containers.
    Healthcheck {
        #[arg(long, env = "SIXTY_LISTEN", default_value = "127.0.0.1:8060")]
        listen: SocketAddr,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Prove that it was not touched; exit code 1 if it was.
    Verify(Box<audit::Verify>),
}

#[derive(Args)]
struct Token {
    /// The organization's external id.
    #[arg(long)]
    org: Option<String>,
    /// The person's external id.
    #[arg(long)]
    user: String,
    /// Where they are mailed.
    #[arg(long)]
    email: Option<String>,
    /// Makes the person a member; without it the platform has to (PUT /v1/platform/…).
    #[arg(long, value_parser = ["owner", "admin", "member", "readonly"])]
    role: Option<String>,
    /// Make it a platform administrator's token.
    #[arg(long)]
    platform_admin: bool,
    /// Life of the token, in hours.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=168))]
    hours: u64,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Args)]
struct ModelSim {
    #[arg(long, default_value = "127.0.0.1:8070")]
    listen: SocketAddr,
    /// Answer only what `POST /sim/script` queued, instead of the demo.
    #[arg(long)]
    scripted: bool,
    /// Answer this many numbered tokens, for benchmarks.
    #[arg(long)]
    bench_tokens: Option<usize>,
    /// Wait before the first token, in milliseconds.
    #[arg(long)]
    first_ms: Option<u64>,
    /// Wait between tokens, in milliseconds.
    #[arg(long)]
    gap_ms: Option<u64>,
    /// Size of the context window, in tokens.
    #[arg(long)]
    window: Option<u64>,
}

#[tokio::main]
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sixty: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<ExitCode, Fatal> {
    let done = match command {
        Command::Skills(command) => return skill_files::run(&command).await,
        Command::Serve(config) => {
            log(&config.log)?;
            serve::run(*config).await
        }
        Command::Migrate(config) => serve::migrate_command(&config).await,
        Command::Token(token) => print_token(*token).await,
        Command::SeedDemo(config) => demo::seed(&config).await,
        Command::Audit(Audit::Verify(config)) => audit::verify_command(&config).await,
        Command::Export(config) => export::command(&config).await,
        Command::ModelSim(options) => stand_in(options).await,
        Command::Openapi => {
            println!("{}", server::openapi().to_pretty_json()?);
            Ok(())
        }
        Command::Healthcheck { listen } => serve::healthcheck(listen).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

async fn print_token(token: Token) -> Result<(), Fatal> {
    let mut identity = token.identity;
    let dir = &token.database.data_dir;
    if identity.jwt_secret.is_none() && token.database.database_url.is_none() && !dir.exists() {
        let dir = dir.display();
        return Err(format!(
            "there is no data directory {dir}: set SIXTY_DATA_DIR to the server's, or SIXTY_JWT_SECRET to its secret"
        )
        .into());
    }
    identity.jwt_secret = serve::jwt_secret(&token.database, identity.jwt_secret.as_ref()).await?;
    let grant = Grant {
        user: &token.user,
        email: token.email.as_deref(),
        org: token.org.as_deref(),
        role: token.role.as_deref(),
        platform_admin: token.platform_admin,
        ttl: Duration::from_hours(token.hours),
    };
    println!("{}", auth::mint(&identity.settings(), &grant)?);
    Ok(())
}

async fn stand_in(options: ModelSim) -> Result<(), Fatal> {
    let model_sim = model_sim::Options {
        scripted: options.scripted,
        bench_tokens: options.bench_tokens,
        first: options.first_ms.map(Duration::from_millis),
        gap: options.gap_ms.map(Duration::from_millis),
        window: options.window,
    };
    let stop = async {
        // A failure to listen for the signal leaves SIGKILL.
        drop(tokio::signal::ctrl_c().await);
    };
    Ok(model_sim::run(options.listen, &model_sim, stop).await?)
}

fn log(config: &Log) -> Result<(), Fatal> {
    let filter =
        EnvFilter::try_new(&config.filter).map_err(|error| format!("SIXTY_LOG cannot be read: {error}"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}
