//! Messages with approvals say what was decided, and have no buttons any more.

use domain::{
    ApprovalId, Error, Result,
    approval::{Approval, ApprovalStatus},
};
use store::{
    approvals as calls,
    slack::{
        links,
        posts::{self, Kind, PostState},
    },
};

use super::{
    outbox::{self, Errand, Posted},
    render,
};

/// Messages with approvals say what was decided, once it is.
pub(super) async fn look_after(errand: &Errand<'_>) -> Result<()> {
    let mut open = Vec::new();
    for post in errand.posts().await? {
        let Some(id) = post.approval.filter(|_| post.kind == Kind::Approval && post.state == PostState::Sent)
        else {
            continue;
        };
        let mut tx = errand.tx().await?;
        let found = decided(&mut tx, errand, id).await;
        tx.rollback().await?;
        let (approval, who) = match found {
            Ok(found) => found,
            Err(Error::NotFound) => continue,
            Err(error) => return Err(error),
        };
        if approval.status == ApprovalStatus::Pending {
            open.push(approval.expires_at);
            continue;
        }
        let Some(place) = post.channel.as_deref().zip(post.ts.as_deref()) else { continue };
        match errand.update(place, None, &render::decided(&approval, who.as_deref())).await? {
            // It will not be better later.
            Posted::Yes | Posted::No(_) => errand.settle(post.at, PostState::Closed, None).await?,
            Posted::Later(wait) => {
                open.push(errand.turn.now + outbox::delta(wait));
            }
        }
    }
    let mut tx = errand.tx().await?;
    posts::look_at(&mut tx, &errand.leased, open.into_iter().min()).await?;
    tx.commit().await
}

/// The approval, and who decided about it, as Slack names them.
async fn decided(
    tx: &mut store::TenantTx,
    errand: &Errand<'_>,
    id: ApprovalId,
) -> Result<(Approval, Option<String>)> {
    let approval = calls::find(tx, id, false).await?;
    let Some(by) = &approval.decided_by else { return Ok((approval, None)) };
    let known = links::slack_user_of(tx, &errand.turn.team, by).await?;
    let who = known.map_or_else(|| by.clone(), |user| format!("<@{user}>"));
    Ok((approval, Some(who)))
}
