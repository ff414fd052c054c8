//! Names of attributes and metrics. Those of `gen_ai` are OpenTelemetry's (semantic conventions for generative AI, 2026,
//! status "development"): they change by a decision here, and not with a dependency.

pub const OPERATION: &str = "gen_ai.operation.name";
pub const PROVIDER: &str = "gen_ai.provider.name";
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
pub const MAX_TOKENS: &str = "gen_ai.request.max_tokens";
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// The whole prompt, what the cache gave and took included.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
pub const CACHE_CREATION: &str = "gen_ai.usage.cache_creation.input_tokens";
pub const CONVERSATION: &str = "gen_ai.conversation.id";
pub const TOOL_NAME: &str = "gen_ai.tool.name";
pub const TOOL_CALL: &str = "gen_ai.tool.call.id";
pub const ERROR: &str = "error.type";
pub const RUN: &str = "sixty.run.id";
pub const RUN_STATUS: &str = "sixty.run.status";
pub const ORG: &str = "sixty.org.id";

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric, and what it says in a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, help }
}

pub const TOKEN_USAGE: Metric = histogram(
    "gen_ai_client_token_usage",
    "Tokens of a model call: the whole prompt (input), and what was answered (output).",
);
pub const CALL_DURATION: Metric = histogram(
    "gen_ai_client_operation_duration_seconds",
    "Time of a model call, its silent repetitions included; error_type is empty where it was answered.",
);
pub const FIRST_CHUNK: Metric = histogram(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "Time from a model call's beginning to the first piece of its answer.",
);
pub const TOKENS: Metric = counter(
    "sixty_model_tokens_total",
    "Tokens by kind: input (neither read from nor written to the provider's cache), cache_read, cache_write, output.",
);
pub const CACHE_SHARE: Metric = gauge(
    "sixty_prompt_cache_read_share",
    "Share of all input tokens of the model that its provider's cache gave, since this process began (0 to 1).",
);
pub const FAILOVERS: Metric =
    counter("sixty_model_failovers_total", "Calls that another model was asked, because one had failed.");
pub const CIRCUIT: Metric =
    gauge("sixty_model_circuit_state", "Circuit of a model in this process: 0 closed, 1 half open, 2 open.");
pub const BUDGET_REFUSALS: Metric = counter(
    "sixty_budget_refusals_total",
    "Turns and model calls for which nothing was left of a budget, by whose it was.",
);
pub const REFUSALS: Metric = counter(
    "sixty_rate_limit_refusals_total",
    "Requests that were refused because there were too many of them, or too many runs under way.",
);
pub const RUNS_ENDED: Metric = counter(
    "sixty_runs_ended_total",
    "Runs that this process has executed to their end, or until they waited for a person.",
);
pub const RUNS: Metric = gauge("sixty_runs_in_progress", "Runs that this process executes.");
pub const STREAMS: Metric = gauge("sixty_event_streams_open", "Event streams that clients hold open.");
pub const REQUESTS: Metric = histogram(
    "http_server_request_duration_seconds",
    "Time from a request's head to its answer's head, by method, route and class of status.",
);
pub const POOL: Metric =
    gauge("sixty_database_connections", "Connections to Postgres by pool and state: in_use, idle.");
pub const BUILD: Metric = gauge("sixty_build_info", "Always 1; its labels say what is running.");

/// All of them.
pub const ALL: [Metric; 15] = [
    TOKEN_USAGE,
    CALL_DURATION,
    FIRST_CHUNK,
    TOKENS,
    CACHE_SHARE,
    FAILOVERS,
    CIRCUIT,
    BUDGET_REFUSALS,
    REFUSALS,
    RUNS_ENDED,
    RUNS,
    STREAMS,
    REQUESTS,
    POOL,
    BUILD,
];
