//! The memory that the next run would be given, by the functions that give it.

use domain::{
    EntityRef, MemoryScope, Result, SessionId,
    budget::Limits,
    preview::{MemoryPreview, QuotedMemory, QuotedVersions},
};
use model::tokens::estimate;
use store::{
    TenantTx, entities,
    memories::{self, News, Subject},
    turns::{self, Context},
};

use crate::{
    prompt::{memory_blocks, memory_update},
    turn::catch_up,
};

/// What the next run of the session would be given.
pub async fn of_session(tx: &mut TenantTx, session: SessionId) -> Result<MemoryPreview> {
    let mut context = turns::context(tx, session).await?;
    let news = catch_up(tx, &mut context).await?;
    Ok(shown(&context, &news))
}

/// What the first run of a session that begins now would be given, bound to the
/// entity if there is one. `user_name` is the caller's own.
pub async fn of_new_session(
    tx: &mut TenantTx,
    user_name: Option<String>,
    entity: Option<EntityRef>,
) -> Result<MemoryPreview> {
    let (entity_name, entity_integration) = match &entity {
        Some(entity) => {
            let found = entities::find(tx, entity.kind, &entity.id).await?;
            (Some(found.name), found.integration)
        }
        None => (None, false),
    };
    let (mut memory, mut current) = ([None, None, None], [0; 3]);
    let subjects = [Some(Subject::Org), Some(Subject::Me), entity.clone().map(Subject::Entity)];
    for (i, subject) in subjects.into_iter().enumerate() {
        let Some(subject) = subject else { continue };
        let document = memories::find(tx, &subject).await?;
        current[i] = document.version;
        memory[i] = Some(document.content);
    }
    let context = Context {
        title: None,
        user_name,
        entity,
        entity_name,
        entity_integration,
        untrusted: false,
        memory,
        pinned: current,
        told: current,
        current,
        summary: None,
        live_from: 1,
        skills: store::skills::States::default(),
        models: store::skills::States::default(),
        secrets_state: 0,
        model: None,
        warm: None,
        limits: Limits::default(),
        history: Vec::new(),
    };
    Ok(shown(&context, &[]))
}

fn shown(context: &Context, news: &[News]) -> MemoryPreview {
    let scopes = [MemoryScope::Org, MemoryScope::User, MemoryScope::Entity];
    let blocks: Vec<QuotedMemory> = scopes
        .into_iter()
        .zip(memory_blocks(context))
        .filter_map(|(scope, text)| text.map(|text| quoted(scope, text)))
        .collect();
    let updates: Vec<QuotedMemory> =
        news.iter().filter_map(|change| Some(quoted(change.scope, memory_update(change)?))).collect();
    let [org, user, entity] = context.pinned;
    let chars = blocks.iter().chain(&updates).map(|quoted| quoted.chars).sum();
    let entity = context.entity.as_ref().map(|_| entity);
    let versions = QuotedVersions { org, user, entity };
    MemoryPreview { blocks, updates, versions, chars, tokens: estimate(chars) }
}

fn quoted(scope: MemoryScope, text: String) -> QuotedMemory {
    let chars = text.chars().count();
    QuotedMemory { scope, text, chars, tokens: estimate(chars) }
}
