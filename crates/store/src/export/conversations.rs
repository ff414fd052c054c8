//! What a person said, and what was done about it.

use domain::Result;
use uuid::Uuid;

use super::{ARCHIVES, Line, ROWS};
use crate::{TenantTx, error::from_sqlx};

/// Conversations, without what was said in them.
pub(super) async fn sessions(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'session' as type, id, owner_id, client_key, title, title_source, entity_kind, entity_id, model, mode, preview,
                message_count, last_message_at, last_seq, live_from_seq, pinned, told, untrusted, expired, schedule_id, version,
                created_at, updated_at
            from sixty.sessions where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// What was said in a conversation, in its order.
pub(super) async fn messages(tx: &mut TenantTx, session: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.seq::text as "place!" from (
            select 'message' as type, id, owner_id, session_id, seq, role, content, context, run_id, author_id, superseded_at, created_at
            from sixty.messages where org_id = $1 and owner_id = $2 and session_id = $3 and seq > $4::text::bigint
            order by seq limit $5) r order by seq"#,
        tenant.org.0,
        tenant.user.0,
        session,
        place,
        ROWS,
    )
}

/// What the person thought of answers.
pub(super) async fn feedback(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.message_id::text as "place!" from (
            select 'message_feedback' as type, owner_id, message_id, session_id, rating, text, created_at, updated_at
            from sixty.message_feedback where org_id = $1 and owner_id = $2 and message_id > $3::text::uuid
            order by message_id limit $4) r order by message_id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Runs, without what they did.
pub(super) async fn runs(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'run' as type, id, owner_id, session_id, message_id, trigger, status, mode, model, role, lease_owner, lease_until,
                wake_at, fence, attempts, cancel_requested, iterations, input_tokens, output_tokens, cost,
                cache_read_input_tokens, cache_creation_input_tokens, error_code, error_message, created_at,
                started_at, finished_at, timezone, mode_reason, routing, skill, author_id, candidates, model_reason
            from sixty.runs where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// The log of a run.
pub(super) async fn steps(tx: &mut TenantTx, run: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.seq::text as "place!" from (
            select 'step' as type, run_id, owner_id, seq, kind, fence, payload, created_at
            from sixty.steps where org_id = $1 and owner_id = $2 and run_id = $3 and seq > $4::text::int
            order by seq limit $5) r order by seq"#,
        tenant.org.0,
        tenant.user.0,
        run,
        place,
        ROWS,
    )
}

/// The calls of a run.
pub(super) async fn tool_calls(tx: &mut TenantTx, run: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.call_id as "place!" from (
            select 'tool_call' as type, run_id, owner_id, call_id, name, class, state, args, encode(args_hash, 'hex') as args_hash, fence,
                result, duration_ms, card, created_at
            from sixty.tool_calls where org_id = $1 and owner_id = $2 and run_id = $3 and call_id > $4
            order by call_id limit $5) r order by call_id"#,
        tenant.org.0,
        tenant.user.0,
        run,
        place,
        ROWS,
    )
}

/// The steps of a sequence that a run executes.
pub(super) async fn sequence_steps(tx: &mut TenantTx, run: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.ord::text as "place!" from (
            select 'sequence_step' as type, run_id, owner_id, ord, name, skill_key, action, status, attempt, approved,
                fallback, acted, call_id, calls_before, skill, missing, output, error, started_at, finished_at
            from sixty.sequence_steps where org_id = $1 and owner_id = $2 and run_id = $3 and ord > $4::text::int
            order by ord limit $5) r order by ord"#,
        tenant.org.0,
        tenant.user.0,
        run,
        place,
        ROWS,
    )
}

/// The stream of a run.
pub(super) async fn events(tx: &mut TenantTx, run: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.fence || '.' || r.n_from as "place!" from (
            select 'run_event' as type, run_id, owner_id, fence, n_from, n_to, frames, created_at
            from sixty.run_events where org_id = $1 and owner_id = $2 and run_id = $3
                and (fence, n_from) > (split_part($4, '.', 1)::bigint, split_part($4, '.', 2)::bigint)
            order by fence, n_from limit $5) r order by fence, n_from"#,
        tenant.org.0,
        tenant.user.0,
        run,
        place,
        ROWS,
    )
}

/// Calls that waited, or wait, for a decision.
pub(super) async fn approvals(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'approval' as type, id, owner_id, session_id, run_id, call_id, tool, action,
                encode(schema_hash, 'hex') as schema_hash, args, encode(args_hash, 'hex') as args_hash, preview,
                blocking, decider, status, decided_by, decided_as, decided_at, reason, edited_args,
                encode(edited_hash, 'hex') as edited_hash, decision_run_id, untrusted, expires_at, created_at
            from sixty.approvals where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// What copilots asked the person.
pub(super) async fn questions(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'question' as type, id, owner_id, session_id, run_id, call_id, question, options, multiple, status,
                answer, answered_at, expires_at, created_at
            from sixty.questions where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Scheduled tasks.
pub(super) async fn schedules(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'schedule' as type, id, owner_id, name, prompt, schedule, anchor, next_run_at, status, paused_for,
                catch_up, session_id, deliver, role, untrusted, failures, version, created_at, updated_at
            from sixty.schedules where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// The slots of a task that fired.
pub(super) async fn schedule_runs(tx: &mut TenantTx, task: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'schedule_run' as type, id, owner_id, schedule_id, slot, manual, state, begin_at, attempt, run_id,
                session_id, told_fence, result, error_code, error_message, input_tokens, output_tokens, cost, started_at,
                finished_at, delivery, delivery_error, delivery_tries, lease_until, created_at
            from sixty.schedule_runs
            where org_id = $1 and owner_id = $2 and schedule_id = $3 and id > $4::text::uuid
            order by id limit $5) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        task,
        place,
        ROWS,
    )
}

/// What the person was told.
pub(super) async fn notifications(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'notification' as type, id, owner_id, kind, title, text, about, read_at, created_at
            from sixty.notifications where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Archives with their whole transcripts.
pub(super) async fn archives(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'session_summary' as type, id, owner_id, session_id, first_seq, last_seq, message_count, transcript,
                encode(sha256, 'hex') as sha256, summary_text, key_points, summarized_by, tokens_before,
                tokens_after, live_dropped, created_at
            from sixty.copilot_session_summaries where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ARCHIVES,
    )
}

/// The pieces in which an archive can be searched.
pub(super) async fn passages(tx: &mut TenantTx, archive: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.seq || '.' || r.part as "place!" from (
            select 'passage' as type, summary_id, owner_id, session_id, seq, part, role, text, question, about, said_at
            from sixty.copilot_summary_passages where org_id = $1 and owner_id = $2 and summary_id = $3
                and (seq, part) > (split_part($4, '.', 1)::bigint, split_part($4, '.', 2)::int)
            order by seq, part limit $5) r order by seq, part"#,
        tenant.org.0,
        tenant.user.0,
        archive,
        place,
        ROWS,
    )
}

/// What was said in Slack and how far it is answered; without the address that answers are sent to.
pub(super) async fn slack_turns(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'slack_turn' as type, owner_id, id, session_id, author_id, enterprise_id, team_id, slack_user, channel, thread,
                command, text, state, run_id, told_fence, told_message, error, fence, attempts, next_at, lease_until, look_at, created_at,
                finished_at
            from sixty.slack_turns where org_id = $1 and owner_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Where its answer was posted.
pub(super) async fn slack_posts(tx: &mut TenantTx, turn: Uuid, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.round || '.' || r.ord as "place!" from (
            select 'slack_post' as type, owner_id, turn_id, round, ord, kind, approval_id, via, state, channel, ts, created_at
            from sixty.slack_posts where org_id = $1 and owner_id = $2 and turn_id = $3
                and (round, ord) > (split_part($4, '.', 1)::bigint, split_part($4, '.', 2)::int)
            order by round, ord limit $5) r order by r.round, r.ord"#,
        tenant.org.0,
        tenant.user.0,
        turn,
        place,
        ROWS,
    )
}
