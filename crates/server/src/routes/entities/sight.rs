//! Who sees what: an entity whose visibility is `owner` is there for its owner alone, and for
//! those who may look at all of the organization, who leave an entry in the trail when they do.

use domain::{
    EntityRef, Result, UserId,
    entity::{Entity, Visibility},
};
use store::{audit, entities};

use crate::caller::{Caller, OrgWide, Tx};

/// The entity, as far as the caller may look.
pub async fn look(caller: &Caller, tx: &mut Tx, entity: &EntityRef) -> Result<Entity> {
    let look = tx.as_far_as_allowed(OrgWide::SeeEntities, async |tx| {
        entities::find(tx, entity.kind, &entity.id).await
    });
    let found = look.await?;
    if is_of_another(caller, &found) {
        let target = format!("{}:{}", found.kind, found.id);
        audit::record(tx, &[caller.did("entity.see").on(&target)]).await?;
    }
    Ok(found)
}

/// Notes what of a list is somebody else's alone.
pub async fn note_list(caller: &Caller, tx: &mut Tx, found: &[Entity]) -> Result<()> {
    let others = found.iter().filter(|entity| is_of_another(caller, entity)).count();
    if others == 0 {
        return Ok(());
    }
    let detail = format!("{others} entities that are their owners' alone");
    audit::record(tx, &[caller.did("entity.list").saying(&detail)]).await
}

fn is_of_another(caller: &Caller, entity: &Entity) -> bool {
    let owner = entity.owner.as_deref().map(UserId::derive);
    entity.visibility == Visibility::Owner && owner != Some(caller.identity.user)
}
