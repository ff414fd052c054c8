//! What the copilot puts on the sales record: new records, to-dos, activities. Everything
//! that they refer to has to be there, in the same organization and in the person's sight.

use chrono::Utc;
use domain::{
    EntityKind, EntityRef, Error, OptionalExt, Result,
    approval::{FieldChange, Named, Preview},
    entity::{Link, Visibility},
    member::MemberStatus,
};
use serde_json::{Map, Value, json};
use store::{
    TenantTx,
    entities::{self, NewEntity, Origin},
    members,
};
use tools::{Change, NewActivity, NewTask};
use uuid::Uuid;

use super::{
    Doing, Outcome,
    record::{MARKED, missing, problems},
};

/// Longest name that is made of a longer text, in characters.
const NAME: usize = 80;
const DONE: &str = "done";
/// Members that are named where somebody is none, and among how many they are looked for.
const CLOSE: usize = 3;
const LOOKED_AT: i64 = 1_000;

/// A record that is to be made, or why it cannot be.
struct Draft {
    kind: EntityKind,
    /// None: an id is made when it is written.
    id: Option<String>,
    name: String,
    owner: Option<String>,
    links: Vec<Link>,
    fields: Map<String, Value>,
}

enum Plan<'a> {
    Make(Draft),
    /// The to-do of this id is done.
    Complete(&'a str),
}

/// What a person who decides is shown; or why the call cannot succeed.
pub async fn preview(
    tx: &mut TenantTx,
    change: &Change,
    bound: Option<&EntityRef>,
) -> Result<Result<Preview, Outcome>> {
    let draft = match plan(tx, change, bound) {
        Plan::Make(draft) => draft,
        Plan::Complete(id) => return completion(tx, id).await,
    };
    if let Some(refusal) = refusal(tx, &draft).await? {
        return Ok(Err(refusal));
    }
    Ok(Ok(Preview::Create { entity: draft.kind, name: draft.name, fields: draft.fields }))
}

pub async fn write(tx: &mut TenantTx, change: &Change, doing: &Doing<'_>) -> Result<Outcome> {
    let draft = match plan(tx, change, doing.bound) {
        Plan::Make(draft) => draft,
        Plan::Complete(id) => return complete(tx, id).await,
    };
    if let Some(refusal) = refusal(tx, &draft).await? {
        return Ok(refusal);
    }
    let id = draft.id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    let new = NewEntity {
        kind: draft.kind,
        id: &id,
        name: &draft.name,
        owner: draft.owner.as_deref(),
        visibility: Visibility::Org,
        links: &draft.links,
        fields: &draft.fields,
        attributes: &Map::new(),
    };
    // Who has read what came from outside may repeat it.
    let words = if doing.origin.is_outside() { Origin::Integration } else { Origin::Person };
    match entities::create(tx, new, words).await {
        Ok(_) => Ok(Outcome::ok(made(&draft, &id)).telling(json!({
            "kind": draft.kind, "id": id, "name": draft.name, "fields": draft.fields,
        }))),
        Err(Error::Conflict { .. } | Error::NotFound) => {
            Ok(Outcome::failed(format!("The id {id:?} is taken. Look at the record, or leave id out.")))
        }
        Err(Error::Invalid { detail, .. }) => Ok(Outcome::failed(format!("Nothing was created: {detail}."))),
        Err(error) => Err(error),
    }
}

/// In words for the model: with the id, and with what was filled in for it.
fn made(draft: &Draft, id: &str) -> String {
    let filled = |name: &str| draft.fields.get(name).and_then(Value::as_str);
    let mut said = format!("Created {} {id}: {}", draft.kind, draft.name);
    if let Some(due) = filled("due_date") {
        said.push_str(&format!(", due {due}"));
    }
    if let Some(assignee) = filled("assignee") {
        said.push_str(&format!(", for {assignee}"));
    }
    for link in &draft.links {
        said.push_str(&format!(", on {} {}", link.kind, link.id));
    }
    said.push('.');
    said
}

fn plan<'a>(tx: &TenantTx, change: &'a Change, bound: Option<&EntityRef>) -> Plan<'a> {
    let me = tx.membership().map(|member| member.external_id.clone());
    Plan::Make(match change {
        Change::CompleteTask { id } => return Plan::Complete(id),
        Change::CreateEntity { kind, id, name, fields } => Draft {
            kind: *kind,
            id: id.clone(),
            name: name.clone(),
            owner: me,
            links: Vec::new(),
            fields: fields.clone(),
        },
        Change::CreateTask(task) => task_draft(task, me, bound),
        Change::CreateActivity(activity) => activity_draft(activity, me, bound),
    })
}

fn task_draft(task: &NewTask, me: Option<String>, bound: Option<&EntityRef>) -> Draft {
    let mut fields = given([
        ("description", task.description.as_deref()),
        ("due_date", task.due_date.as_deref()),
        ("priority", task.priority.as_deref()),
        ("assignee", task.assignee.as_deref().or(me.as_deref())),
    ]);
    fields.insert("status".into(), json!("open"));
    Draft {
        kind: EntityKind::Task,
        id: None,
        name: task.title.clone(),
        owner: me,
        links: links(task.deal_id.as_deref(), task.contact_id.as_deref(), bound),
        fields,
    }
}

fn activity_draft(activity: &NewActivity, me: Option<String>, bound: Option<&EntityRef>) -> Draft {
    let now = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let date = activity.date.as_deref().unwrap_or(&now);
    Draft {
        kind: EntityKind::Activity,
        id: None,
        name: name_of(activity),
        owner: me,
        links: links(activity.deal_id.as_deref(), activity.contact_id.as_deref(), bound),
        fields: given([
            ("type", Some(activity.kind.as_str())),
            ("date", Some(date)),
            ("body", Some(activity.details.as_str())),
        ]),
    }
}

/// `call: ` and how the details begin.
fn name_of(activity: &NewActivity) -> String {
    let details = activity.details.split_whitespace().collect::<Vec<_>>().join(" ");
    let start: String = details.chars().take(NAME).collect();
    let more = if start.len() < details.len() { "…" } else { "" };
    format!("{}: {start}{more}", activity.kind)
}

fn given<const N: usize>(members: [(&str, Option<&str>); N]) -> Map<String, Value> {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    given.collect()
}

/// To the deal and the contact that the call names; else to the deal of the conversation.
fn links(deal: Option<&str>, contact: Option<&str>, bound: Option<&EntityRef>) -> Vec<Link> {
    let here = bound.filter(|entity| entity.kind == EntityKind::Deal).map(|entity| entity.id.as_str());
    let link = |kind, id: &str| Link { kind, id: id.to_owned(), role: None };
    let deal = deal.or(here).map(|id| link(EntityKind::Deal, id));
    deal.into_iter().chain(contact.map(|id| link(EntityKind::Contact, id))).collect()
}

/// Why the record cannot be made, if so. An id that is taken by what the person does not see is found
/// out when it is written.
async fn refusal(tx: &mut TenantTx, draft: &Draft) -> Result<Option<Outcome>> {
    if let Some(problems) = problems(draft.kind, &draft.fields) {
        return Ok(Some(Outcome::failed(format!("Nothing was created: {problems}."))));
    }
    let texts =
        draft.fields.values().map(Value::to_string).chain([draft.name.clone()]).chain(draft.id.clone());
    if texts.into_iter().any(|text| redact::contains_marker(&text)) {
        return Ok(Some(Outcome::failed(MARKED)));
    }
    if let Some(id) = &draft.id
        && entities::find(tx, draft.kind, id).await.optional()?.is_some()
    {
        return Ok(Some(Outcome::failed(format!(
            "Nothing was created: there is a {} {id:?} already. Use update_entity to change it.",
            draft.kind
        ))));
    }
    if let Some(refusal) = nobody(tx, &draft.fields).await? {
        return Ok(Some(refusal));
    }
    for link in &draft.links {
        if entities::find(tx, link.kind, &link.id).await.optional()?.is_none() {
            return Ok(Some(missing(link.kind, &link.id)));
        }
    }
    Ok(None)
}

/// Why a to-do cannot be given to whom it names, if so.
pub(super) async fn nobody(tx: &mut TenantTx, fields: &Map<String, Value>) -> Result<Option<Outcome>> {
    let Some(named) = fields.get("assignee").and_then(Value::as_str) else { return Ok(None) };
    if members::is_active(tx, named).await? {
        return Ok(None);
    }
    let known = members::list(tx, Some(MemberStatus::Active), None, LOOKED_AT).await?;
    let people = known.into_iter().filter(|member| !member.service);
    let mut members: Vec<String> = people.map(|member| member.id).collect();
    members.sort_by(|a, b| strsim::jaro_winkler(b, named).total_cmp(&strsim::jaro_winkler(a, named)));
    members.truncate(CLOSE);
    Ok(Some(Outcome::failed(format!(
        "Nothing was written: {named:?} is no member of the organization. The closest are: {}.",
        members.join(", ")
    ))))
}

/// The to-do as it stands, and as it would.
async fn completion(tx: &mut TenantTx, id: &str) -> Result<Result<Preview, Outcome>> {
    let Some(task) = entities::find(tx, EntityKind::Task, id).await.optional()? else {
        return Ok(Err(missing(EntityKind::Task, id)));
    };
    let old = task.fields.get("status").cloned().unwrap_or(Value::Null);
    Ok(Ok(Preview::FieldChanges {
        changes: vec![FieldChange { field: "status".into(), old, new: json!(DONE) }],
        entity: Named { kind: EntityKind::Task, id: task.id, name: task.name },
    }))
}

async fn complete(tx: &mut TenantTx, id: &str) -> Result<Outcome> {
    if entities::lock(tx, EntityKind::Task, id).await.optional()?.is_none() {
        return Ok(missing(EntityKind::Task, id));
    }
    let mut task = entities::find(tx, EntityKind::Task, id).await?;
    let quoted = super::Origin::outside_if(task.integration);
    if task.fields.get("status").and_then(Value::as_str) == Some(DONE) {
        let told = Outcome::ok(format!("The to-do {id} was done already: {}.", task.name));
        return Ok(told.telling(json!({"id": id, "name": task.name, "changed": false})).holding(quoted));
    }
    task.fields.insert("status".into(), json!(DONE));
    let new = NewEntity {
        kind: EntityKind::Task,
        id,
        name: &task.name,
        owner: task.owner.as_deref(),
        visibility: task.visibility,
        links: &task.links,
        fields: &task.fields,
        attributes: &task.attributes,
    };
    entities::put(tx, new, Some(task.version), Origin::Kept).await?;
    let done = json!({"id": id, "name": task.name, "changed": true});
    Ok(Outcome::ok(format!("Done: {} ({id}).", task.name)).telling(done).holding(quoted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_about_a_deal_lends_it_to_what_is_made() {
        let deal = EntityRef { kind: EntityKind::Deal, id: "D-42".into() };
        let contact = EntityRef { kind: EntityKind::Contact, id: "C-1".into() };
        let ids = |deal, contact, bound: Option<&EntityRef>| -> Vec<String> {
            links(deal, contact, bound).into_iter().map(|link| format!("{}:{}", link.kind, link.id)).collect()
        };
        assert_eq!(ids(None, None, Some(&deal)), ["deal:D-42"]);
        assert_eq!(ids(Some("D-7"), Some("C-1"), Some(&deal)), ["deal:D-7", "contact:C-1"]);
        assert_eq!(ids(None, None, Some(&contact)), Vec::<String>::new());
    }

    #[test]
    fn a_long_activity_is_named_by_its_beginning() {
        let named = |details: &str| {
            name_of(&NewActivity {
                kind: "call".into(),
                details: details.into(),
                date: None,
                deal_id: None,
                contact_id: None,
            })
        };
        assert_eq!(named("She\nagreed."), "call: She agreed.");
        assert_eq!(named(&"ü".repeat(200)).chars().count(), "call: ".len() + NAME + 1);
    }
}
