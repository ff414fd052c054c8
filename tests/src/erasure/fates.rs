//! What becomes of every column when a person is erased. A new table fails here until it
//! is decided; docs/data.md says the same for people.

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};

use crate::harness::Database;

/// Tables whose rows are one person's, the column that names the person, and the `type`
/// of their lines in an export. The rows go.
pub const GONE: &[(&str, &str, &str)] = &[
    ("sessions", "owner_id", "session"),
    ("messages", "owner_id", "message"),
    ("message_feedback", "owner_id", "message_feedback"),
    ("runs", "owner_id", "run"),
    ("steps", "owner_id", "step"),
    ("tool_calls", "owner_id", "tool_call"),
    ("sequence_steps", "owner_id", "sequence_step"),
    ("run_events", "owner_id", "run_event"),
    ("approvals", "owner_id", "approval"),
    ("questions", "owner_id", "question"),
    ("schedules", "owner_id", "schedule"),
    ("schedule_runs", "owner_id", "schedule_run"),
    ("notifications", "owner_id", "notification"),
    ("slack_turns", "owner_id", "slack_turn"),
    ("slack_posts", "owner_id", "slack_post"),
    ("slack_links", "user_id", "slack_link"),
    ("session_members", "user_id", "session_member"),
    ("copilot_session_summaries", "owner_id", "session_summary"),
    ("copilot_summary_passages", "owner_id", "passage"),
    ("idempotency", "owner_id", "request"),
    ("permission_user_rows", "user_id", "permission_user_row"),
    // Their other rows are the organization's; see below.
    ("copilot_memories", "owner_id", "memory"),
    ("copilot_memory_revisions", "owner_id", "memory_revision"),
];

/// What becomes of a column of any other row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Of the person's own row of members: emptied or replaced.
    Blanked,
    /// Names the person who wrote it: forgotten, and the text stays.
    Unauthored,
    /// Stays, for the reason given.
    Kept,
}

use Fate::{Blanked, Kept, Unauthored};

const RECORD: &str = "the organization's record";
const TRAIL: &str = "accountability: the trail names people by their internal id and holds no content";

/// Table, fate, columns, reason.
pub const COLUMNS: &[(&str, Fate, &str, &str)] = &[
    ("orgs", Kept, "org_id external_id name status created_at", "not a person's"),
    ("members", Blanked, "external_id name role token_role email ceiling", "the person"),
    (
        "members",
        Kept,
        "org_id user_id status service shared created_at updated_at",
        "the tombstone, so that no token makes it anew",
    ),
    (
        "entities",
        Kept,
        "org_id kind id name owner links fields attributes version created_at updated_at integration visibility owner_user at ends_at stage open amount currency close_date due_date probability health ghost_risk assignee_user touched_at product_touched_at words",
        RECORD,
    ),
    ("entity_links", Kept, "org_id to_kind to_id kind at id role private_to", RECORD),
    ("entity_words", Kept, "org_id word kind at id weight private_to", RECORD),
    ("org_profiles", Unauthored, "updated_by", "the author"),
    ("org_profiles", Kept, "org_id profile version updated_at", "the organization's"),
    ("org_profile_revisions", Unauthored, "written_by", "the author"),
    ("org_profile_revisions", Kept, "org_id version profile created_at", "the organization's"),
    ("api_keys", Unauthored, "created_by", "the author"),
    (
        "api_keys",
        Kept,
        "org_id id user_id name secret_hash created_at expires_at revoked_at last_used_at",
        "a program's, with a member of its own",
    ),
    ("slack_workspaces", Unauthored, "installed_by", "the author"),
    (
        "slack_workspaces",
        Kept,
        "enterprise_id team_id org_id team_name bot_user bot_token channels email_linking version created_at updated_at",
        "the organization's",
    ),
    ("slack_tickets", Unauthored, "created_by", "the author"),
    (
        "slack_tickets",
        Kept,
        "org_id id purpose enterprise_id team_id slack_user expires_at",
        "of somebody whom nobody knows yet, for half an hour",
    ),
    ("slack_events", Kept, "org_id key received_at", "ids of Slack, for a day"),
    (
        "slack_threads",
        Kept,
        "org_id enterprise_id team_id channel thread member_id session_id created_at",
        "a thread in which the person took part goes with its conversation; others name nobody",
    ),
    ("card_types", Unauthored, "updated_by", "the author"),
    ("card_types", Kept, "org_id type schema version updated_at", "the organization's"),
    ("secrets", Unauthored, "updated_by", "the author"),
    ("secrets", Kept, "org_id name version created_at updated_at", "the organization's"),
    ("secret_values", Kept, "org_id name sealed key_id", "the organization's"),
    ("secret_states", Kept, "org_id version changed_at", "a number"),
    ("skills", Unauthored, "updated_by", "the author"),
    ("skills", Kept, "org_id key version enabled pinned_version updated_at deleted_at", "the organization's"),
    ("skill_versions", Unauthored, "created_by", "the author"),
    (
        "skill_versions",
        Kept,
        "org_id key version document sha256 kind name description category priority tags active deprecated_by deprecation_reason restored created_at",
        "the organization's",
    ),
    ("skill_files", Kept, "org_id key version path content", "the organization's"),
    ("skill_settings", Unauthored, "updated_by", "the author"),
    ("skill_settings", Kept, "org_id key enabled pinned_version updated_at", "the organization's"),
    ("skill_states", Kept, "org_id version since first tokens list_version", "the organization's"),
    ("retention", Unauthored, "updated_by", "the author"),
    (
        "retention",
        Kept,
        "org_id transcripts_days messages_days revisions_days events_days legal_hold hold_reason version updated_at",
        "the organization's",
    ),
    ("retention_holds", Kept, "org_id user_id session_id", "who is held is not erased"),
    (
        "retention_rounds",
        Kept,
        "org_id next_at fence lease_owner lease_until phase after sessions messages archives runs events revisions",
        "numbers",
    ),
    ("entity_notes", Unauthored, "author_id", "the author"),
    ("entity_notes", Kept, "org_id kind entity_id id run_id text created_at integration", RECORD),
    ("copilot_memories", Unauthored, "updated_by", "the author"),
    ("copilot_memories", Kept, "org_id scope subject owner_id content version updated_at", RECORD),
    ("copilot_memory_revisions", Unauthored, "written_by accepted_by", "the author, and who accepted it"),
    (
        "copilot_memory_revisions",
        Kept,
        "org_id scope subject version owner_id content change appended run_id step_seq proposal_id created_at",
        RECORD,
    ),
    ("permissions", Unauthored, "updated_by", "the author"),
    ("permissions", Kept, "org_id preset version updated_at", "not a person's"),
    ("permission_rows", Kept, "org_id action role policy decider", "not a person's"),
    ("model_settings", Unauthored, "updated_by", "the author"),
    ("model_settings", Kept, "org_id allowed version since updated_at", "not a person's"),
    (
        "models",
        Kept,
        "org_id model input_price output_price cache_read_price cache_write_price context_window max_output_tokens \
         capabilities",
        "not a person's",
    ),
    ("model_keys", Kept, "org_id provider secret", "not a person's"),
    ("model_routes", Kept, "org_id feature tier candidates", "not a person's"),
    ("usage_events", Unauthored, "user_id", "who asked"),
    (
        "usage_events",
        Kept,
        "org_id id run_id feature model input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens cost estimated own_key at",
        "the organization's account: numbers",
    ),
    ("usage_days", Unauthored, "user_id", "who asked: the sums become nobody's"),
    (
        "usage_days",
        Kept,
        "org_id day feature model calls input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens cost",
        "the organization's account: numbers",
    ),
    ("usage_totals", Kept, "org_id day shard tokens cost", "the organization's account: numbers"),
    ("budgets", Unauthored, "updated_by", "the author"),
    ("budgets", Kept, "org_id limits version updated_at", "the organization's"),
    ("budget_reservations", Kept, "org_id run_id user_id tokens cost made_at", "goes with its run"),
    (
        "audit",
        Kept,
        "org_id id at actor_kind actor_id on_behalf_of channel action tool decision rule approval_id run_id call_id args_hash target detail",
        TRAIL,
    ),
    ("audit_pending", Kept, "org_id id", TRAIL),
    ("audit_seals", Kept, "org_id seq sealed_at entries digests hash key_id mac", TRAIL),
    ("audit_heads", Kept, "org_id seq hash seal_mac key_id mac", TRAIL),
    (
        "erasures",
        Kept,
        "org_id id user_id requested_by status lease_owner lease_until row_count created_at finished_at",
        "the proof that it was done: ids and numbers",
    ),
];

#[tokio::test]
async fn it_is_decided_of_every_column_what_an_erasure_does() {
    let database = Database::create().await;
    let mut connection = PgConnection::connect(&database.superuser_url()).await.expect("a connection");
    let stored: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'sixty'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and a.attnum > 0 and not a.attisdropped and c.relname <> '_sqlx_migrations'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the columns");
    let mixed: BTreeSet<&str> = COLUMNS.iter().map(|(table, ..)| *table).collect();
    let gone: BTreeSet<&str> = GONE.iter().map(|(table, ..)| *table).collect();
    let decided: BTreeSet<(String, String)> = COLUMNS
        .iter()
        .flat_map(|(table, _, columns, reason)| {
            assert!(!reason.is_empty());
            columns.split(' ').map(|column| ((*table).to_owned(), column.to_owned()))
        })
        .collect();
    // Of a table that goes, nothing else is to be decided.
    let open: BTreeSet<(String, String)> = stored
        .iter()
        .filter(|(table, _)| !gone.contains(table.as_str()) || mixed.contains(table.as_str()))
        .cloned()
        .collect();
    assert_eq!(decided, open);
    for (table, column, _) in GONE {
        let there = stored.iter().any(|(known, name)| known == table && name == column);
        assert!(there, "{table}.{column} names no person");
    }
    let personal: Vec<&(String, String)> = stored.iter().filter(|(_, column)| column == "owner_id").collect();
    for (table, _) in personal {
        assert!(gone.contains(table.as_str()), "{table} has an owner and stays");
    }
}
