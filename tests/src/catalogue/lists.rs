//! The exceptions, each with its reason. An entry that stands for nothing fails too.

type List = (&'static str, &'static [(&'static str, &'static str)]);

pub const KNOWN: [List; 7] = [
    (
        "global_tables",
        &[
            ("_sqlx_migrations", "versions of the schema; no organization's data"),
            ("slack_workspaces", "a workspace of Slack belongs to one organization of the whole service"),
        ],
    ),
    ("open_policies", OPEN_POLICIES),
    ("platform_policies", PLATFORM_POLICIES),
    ("system_grants", SYSTEM_GRANTS),
    ("search_grants", SEARCH_GRANTS),
    ("callable", CALLABLE),
    ("content_columns", CONTENT_COLUMNS),
];

/// Policies with `using (true)` or `with check (true)`.
const OPEN_POLICIES: &[(&str, &str)] = &[
    (
        "members.memberships",
        "a login without an organization asks for its memberships before there is a tenant",
    ),
    ("orgs.memberships", "the same, for the external ids of those organizations"),
    ("orgs.erasing", "the platform closes an organization; column grants limit it to the status"),
    ("erasures.work", "erasures are worked at across organizations: ids, states and leases"),
    ("runs.work", "claims cross organizations; column grants limit them to ids, states and leases"),
    (
        "api_keys.look_up",
        "a key is looked up before there is a tenant; column grants limit it to ids, hash and times",
    ),
    ("api_keys.used", "the same look-up notes the time"),
    ("run_events.flush", "the group writer stores the tokens of many runs at once; it cannot read them"),
    ("run_events.expiry", "streams are dropped a day after the end of their runs"),
    ("run_events.expired", "the same, by ids and times; column grants keep it from the frames"),
    ("idempotency.expiry", "keys are dropped after a day"),
    ("idempotency.expired", "the same, by organization and time"),
    ("retention.streams", "how long streams are kept, for their expiry; column grants keep it from the rest"),
    ("retention_holds.streams", "the same, for what must not expire; ids alone"),
    ("retention_rounds.work", "which organization's round of deleting is due, and who has it"),
    (
        "copilot_summary_passages.search",
        "a condition would come before the full-text index; the one function of this role has its own",
    ),
    (
        "schedules.work",
        "what is due is claimed across organizations; column grants limit it to times and states",
    ),
    (
        "schedule_runs.work",
        "slots are looked after by any replica; column grants limit it to ids, times and states",
    ),
    ("notifications.news", "who listens is told that there is news; column grants limit it to ids and times"),
    (
        "slack_workspaces.look_up",
        "whose workspace it is, is asked before there is a tenant; column grants limit it to ids",
    ),
    ("slack_tickets.expiry", "links are dropped when their time is over"),
    ("slack_tickets.expired", "the same, by organization and time"),
    ("slack_events.expiry", "what arrived is forgotten after a day"),
    ("slack_events.expired", "the same, by organization and time"),
    ("slack_turns.work", "what is to be answered is claimed by any replica; ids, states and leases"),
    (
        "usage_events.accounts",
        "the platform settles accounts with all organizations; ids, names of models and numbers",
    ),
    ("usage_events.expiry", "single calls are dropped after 400 days; the sums stay"),
    ("secret_values.work", "what an earlier master key has sealed is sealed anew; ids alone"),
    ("secret_states.changes", "each replica learns whose secrets have changed; ids, numbers and times"),
    (
        "audit_pending.work",
        "the organizations whose trail is to be sealed; column grants keep it from the rest",
    ),
];

/// Policies that show every organization what is the platform's, the nil organization's.
const PLATFORM_POLICIES: &[(&str, &str)] = &[
    ("skill_states.platform", "what is made of skills is kept by this number"),
    ("skills.platform", "every organization has the platform's skills"),
    ("skill_versions.platform", "their documents, which a run may have pinned"),
    ("skill_files.platform", "and the companions of these"),
    ("model_settings.platform", "what the platform says of models stands for those who say nothing"),
    ("models.platform", "what they cost and can"),
    ("model_routes.platform", "and who answers what"),
    ("budgets.platform", "the budget of whoever has set none"),
];

/// Everything that `sixty_system` may do. Nothing of it is content.
const SYSTEM_GRANTS: &[(&str, &str)] = &[
    ("_sqlx_migrations: select", "`serve` compares the schema's version with its own"),
    ("members: select (ceiling, org_id, role, status, user_id)", "memberships of a login"),
    (
        "api_keys: select (expires_at, id, last_used_at, org_id, revoked_at, secret_hash, user_id)",
        "whom a key stands for",
    ),
    ("api_keys: update (last_used_at)", "when it was used"),
    ("orgs: select (external_id, org_id, status)", "memberships of a login; whether it lives"),
    ("orgs: update (status)", "an organization is closed, and buried"),
    (
        "erasures: select (created_at, id, lease_owner, lease_until, org_id, status, user_id)",
        "erasures are claimed",
    ),
    ("erasures: update (lease_owner, lease_until)", "the same"),
    ("run_events: insert", "the group writer"),
    ("run_events: delete", "expiry"),
    ("run_events: select (created_at, org_id, run_id)", "expiry"),
    ("audit_pending: select (org_id)", "what is to be sealed"),
    ("retention: select (events_days, legal_hold, org_id)", "expiry of streams"),
    ("retention_holds: select (org_id, session_id, user_id)", "expiry of streams"),
    ("retention_rounds: select (fence, lease_until, next_at, org_id)", "claims of rounds"),
    ("retention_rounds: update (fence, lease_owner, lease_until)", "claims of rounds"),
    (
        "schedules: select (anchor, catch_up, id, next_run_at, org_id, owner_id, schedule, status)",
        "claims of what is due; when it fires is no content",
    ),
    ("schedules: update (next_run_at, status)", "claims of what is due"),
    (
        "schedule_runs: insert (begin_at, id, lease_until, org_id, owner_id, schedule_id, slot)",
        "claims of what is due",
    ),
    (
        "schedule_runs: select (begin_at, delivery, id, lease_until, org_id, owner_id, run_id, schedule_id, state, told_fence)",
        "slots that nobody looks after",
    ),
    ("schedule_runs: update (lease_until)", "the same"),
    ("notifications: select (created_at, id, org_id, owner_id)", "news for those who listen"),
    ("slack_workspaces: select (enterprise_id, org_id, team_id)", "whose workspace it is"),
    ("slack_tickets: delete", "expiry"),
    ("slack_tickets: select (expires_at, org_id)", "expiry"),
    ("slack_events: delete", "expiry"),
    ("slack_events: select (org_id, received_at)", "expiry"),
    ("slack_turns: delete", "expiry"),
    (
        "slack_turns: select (fence, finished_at, id, lease_until, look_at, next_at, org_id, owner_id, run_id, session_id, state, told_fence)",
        "claims of what is to be answered",
    ),
    ("slack_turns: update (fence, lease_until)", "the same"),
    (
        "usage_events: select (at, cache_creation_input_tokens, cache_read_input_tokens, cost, estimated, feature, id, input_tokens, model, org_id, output_tokens, own_key, run_id, user_id)",
        "the platform's accounts",
    ),
    ("usage_events: delete", "expiry"),
    (
        "secret_values: select (key_id, org_id)",
        "which organizations' secrets an earlier master key has sealed",
    ),
    ("secret_states: select (changed_at, org_id, version)", "whose secrets have changed"),
    ("idempotency: delete", "expiry"),
    ("idempotency: select (created_at, org_id)", "expiry"),
    (
        "runs: select (attempts, author_id, cancel_requested, created_at, fence, finished_at, id, lease_owner, lease_until, org_id, owner_id, session_id, status, wake_at)",
        "claims and leases",
    ),
    (
        "runs: update (attempts, cancel_requested, fence, lease_owner, lease_until, status)",
        "claims and leases; runs of whoever is erased are stopped",
    ),
];

/// Everything that `sixty_search` may do beside owning its function.
const SEARCH_GRANTS: &[(&str, &str)] = &[(
    "copilot_summary_passages: select (org_id, owner_id, part, said_at, search, seq, session_id, summary_id)",
    "keys of passages, and the words that they are found by; not the text",
)];

/// Functions of the schema that somebody beside the owner may execute, and who.
const CALLABLE: &[(&str, &str)] = &[
    ("schedule_clock: sixty_tenant", "the one clock of scheduled tasks"),
    ("schedule_clock: sixty_system", "the same"),
    ("search_passages: sixty_tenant", "the search in the archive: it answers keys and scores"),
    ("fold: sixty_tenant", "how texts are compared: of what is archived, and of what is looked for"),
    ("fold: sixty_search", "the same, inside of the search"),
];

/// What people said, wrote or were told. The system role reads none of it.
const CONTENT_COLUMNS: &[(&str, &str)] = &[
    ("orgs.name", "a name"),
    ("members.name", "a name"),
    ("members.external_id", "often an e-mail address"),
    ("api_keys.name", "an administrator's words"),
    ("secrets.name", "an administrator's words"),
    ("secret_values.sealed", "a secret, sealed"),
    ("model_keys.secret", "an administrator's words"),
    ("card_types.schema", "an administrator's words"),
    ("skill_states.first", "an administrator's words"),
    ("skill_versions.document", "an administrator's words"),
    ("skill_versions.name", "an administrator's words"),
    ("skill_versions.description", "an administrator's words"),
    ("skill_versions.category", "an administrator's words"),
    ("skill_versions.priority", "an administrator's words"),
    ("skill_versions.tags", "an administrator's words"),
    ("skill_files.path", "an administrator's words"),
    ("skill_files.content", "an administrator's words"),
    ("entities.name", "the record"),
    ("entities.fields", "the record"),
    ("entities.attributes", "the record"),
    ("entities.words", "the record"),
    ("entity_words.word", "the record"),
    ("entity_links.role", "the record"),
    ("entity_notes.text", "the record"),
    ("copilot_memories.content", "memory"),
    ("copilot_memory_revisions.content", "memory"),
    ("copilot_memory_revisions.appended", "memory"),
    ("org_profiles.profile", "what the organization says of itself"),
    ("org_profile_revisions.profile", "what the organization says of itself"),
    ("sessions.title", "a conversation"),
    ("sessions.preview", "a conversation"),
    ("messages.content", "a conversation"),
    ("messages.context", "a conversation"),
    ("message_feedback.text", "a person's words"),
    ("runs.error_message", "may quote a model"),
    ("schedules.name", "a person's words"),
    ("schedules.prompt", "a person's words"),
    ("schedules.deliver", "where a person wants it"),
    ("schedule_runs.result", "a conversation"),
    ("schedule_runs.error_message", "may quote a model"),
    ("schedule_runs.delivery_error", "may quote a mail server"),
    ("notifications.title", "a person's words"),
    ("notifications.text", "a conversation"),
    ("notifications.about", "what a person does"),
    ("steps.payload", "a conversation"),
    ("tool_calls.args", "a conversation"),
    ("tool_calls.result", "a conversation"),
    ("tool_calls.card", "a conversation"),
    ("sequence_steps.name", "an administrator's words"),
    ("sequence_steps.skill", "a conversation"),
    ("sequence_steps.missing", "an administrator's words"),
    ("sequence_steps.output", "a conversation"),
    ("sequence_steps.error", "a conversation"),
    ("run_events.frames", "a conversation"),
    ("approvals.args", "a conversation"),
    ("approvals.edited_args", "a person's words"),
    ("approvals.preview", "the record"),
    ("approvals.reason", "a person's words"),
    ("idempotency.body", "an answer"),
    ("retention.hold_reason", "a person's words"),
    ("copilot_session_summaries.transcript", "a conversation"),
    ("copilot_session_summaries.full_transcript", "a conversation"),
    ("copilot_session_summaries.summary_text", "a conversation"),
    ("copilot_session_summaries.key_points", "a conversation"),
    ("copilot_summary_passages.text", "a conversation"),
    ("copilot_summary_passages.search", "a conversation"),
    ("copilot_summary_passages.question", "a conversation"),
    ("copilot_summary_passages.about", "titles and names"),
    ("slack_workspaces.team_name", "a name"),
    ("slack_workspaces.bot_token", "a secret, sealed"),
    ("slack_tickets.slack_user", "a person"),
    ("slack_links.slack_user", "a person"),
    ("slack_turns.slack_user", "a person"),
    ("slack_turns.channel", "where people talk"),
    ("slack_turns.text", "a conversation"),
    ("slack_turns.response_url", "a capability"),
    ("slack_turns.error", "may quote a model"),
    ("audit.action", "what people do"),
    ("audit.target", "what people do"),
    ("audit.detail", "what people do"),
];

/// What the rules are written in.
pub const VIEWS: &str = "
create temp view tenant_tables as
select c.oid, c.relname::text as name, c.relrowsecurity, c.relforcerowsecurity
from pg_class c
where c.relnamespace = 'sixty'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and c.relname not in (select name from global_tables);

create temp view columns_of as
select a.attrelid as oid, a.attname::text as name, a.attnum, a.attnotnull, a.atttypid
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'sixty'::regnamespace and a.attnum > 0 and not a.attisdropped;

create temp view personal_tables as
select t.* from tenant_tables t join columns_of o using (oid) where o.name = 'owner_id' and o.attnotnull;

create temp view policies as
select tablename || '.' || policyname as name, tablename::text as table_name, policyname::text as policy,
    permissive = 'PERMISSIVE' as permissive, roles::text[] as roles, cmd, qual, with_check
from pg_policies where schemaname = 'sixty';

create temp view pairs as
select f.conname::text as name, f.conrelid, f.confrelid, a.name as child, b.name as parent
from pg_constraint f
cross join lateral generate_subscripts(f.conkey, 1) k
join columns_of a on a.oid = f.conrelid and a.attnum = f.conkey[k]
join columns_of b on b.oid = f.confrelid and b.attnum = f.confkey[k]
where f.contype = 'f' and f.connamespace = 'sixty'::regnamespace;

create temp view grants as
select c.relname::text as name, c.relkind, c.relispartition, null::text as column_name,
    coalesce(g.rolname::text, 'public') as grantee, lower(acl.privilege_type) as privilege
from pg_class c cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) acl
left join pg_roles g on g.oid = acl.grantee
where c.relnamespace = 'sixty'::regnamespace and c.relkind <> 'i' and acl.grantee <> c.relowner
union all
select c.relname::text, c.relkind, c.relispartition, a.attname::text,
    coalesce(g.rolname::text, 'public'), lower(acl.privilege_type)
from pg_class c join pg_attribute a on a.attrelid = c.oid cross join lateral aclexplode(a.attacl) acl
left join pg_roles g on g.oid = acl.grantee
where c.relnamespace = 'sixty'::regnamespace;
";
