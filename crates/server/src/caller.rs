//! The caller: who sends the request, for which organization. It is the only
//! way to a tenant transaction.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use chrono::{DateTime, Utc};
use domain::{Error, OrgId, Result, Role, Scope, SessionId, Tenant, UserId, audit::Actor};
use engine::Door;
use store::{
    LockedSession, TenantTx,
    audit::Entry,
    orgs::{self, NewMember, Standing},
    permissions,
    slack::{links::Linked, threads},
};

use crate::{
    App,
    auth::{
        Identity,
        api_key::{self, ApiKey},
    },
    problem::Failure,
    rates::Told,
};

/// A verified person (or service) in one organization.
#[derive(Clone)]
pub struct Caller {
    pub app: App,
    pub identity: Arc<Identity>,
    pub org: OrgId,
    /// The organization's external id.
    pub org_external: String,
    /// What every text that they send passes before its first write.
    pub door: Door,
    /// The role in the token, if it carries organization and role.
    token_role: Option<Role>,
}

/// What owners and administrators do beyond what is their own. Nothing else leaves
/// the caller's own scope.
#[derive(Clone, Copy, Debug)]
pub enum OrgWide {
    /// Approvals that an administrator decides, and no others.
    ListApprovals,
    SeeApproval,
    DecideApproval,
    ReadAudit,
    /// What members think of the copilot's answers.
    ReadFeedback,
    /// Conversations that a legal hold names may be anybody's.
    SetRetention,
    /// Counts of what would be deleted.
    PreviewRetention,
    ExportMember,
    EraseMember,
    /// Entities that are their owner's alone, and what hangs on them. Each look leaves an entry in the trail.
    SeeEntities,
    WriteEntities,
    /// Conversations of one person: for the right `access_all_org`.
    ReadArchive,
    /// A conversation that the caller shares with others, and what they have asked for in it.
    ReadShared,
    /// What the caller is asked in such a conversation.
    AnswerQuestion,
    /// Values of secrets, to write one. None is shown.
    KeepSecrets,
}

/// A tenant transaction with the caller's effective role.
pub struct Tx {
    inner: TenantTx,
    pub role: Role,
    pub user_name: Option<String>,
}

impl Deref for Tx {
    type Target = TenantTx;

    fn deref(&self) -> &TenantTx {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut TenantTx {
        &mut self.inner
    }
}

impl Tx {
    /// Refuses members who may only read and converse.
    pub fn writes(&self) -> Result<()> {
        if self.role.writes() { Ok(()) } else { Err(Error::forbidden("your role is readonly")) }
    }

    /// Refuses everybody but owners and administrators.
    pub fn administers(&self) -> Result<()> {
        if self.role.administers() {
            Ok(())
        } else {
            Err(Error::forbidden("this needs the role admin or owner"))
        }
    }

    /// Looks at the whole organization, for an operation of owners and administrators.
    pub async fn organization_wide<T>(
        &mut self,
        operation: OrgWide,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        self.administers()?;
        self.switched(operation, None, Scope::Org, work).await
    }

    /// Looks at the whole organization where the matrix lets the caller do so by themselves
    /// (`access_all_org`), and else at what every member sees.
    pub async fn as_far_as_allowed<T>(
        &mut self,
        operation: OrgWide,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        let sees_all = self.sees_all().await?;
        self.within(sees_all, operation, work).await
    }

    /// The same with an answer of [`sees_all`](Self::sees_all).
    pub async fn within<T>(
        &mut self,
        sees_all: bool,
        operation: OrgWide,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        if sees_all {
            self.switched(operation, None, Scope::Org, work).await
        } else {
            work(&mut self.inner).await
        }
    }

    /// Whether the caller may look at all of the organization without asking anybody.
    pub async fn sees_all(&mut self) -> Result<bool> {
        permissions::sees_all(&mut self.inner, self.role).await
    }

    /// Reads or writes what is another person's, for an operation of owners and administrators.
    pub async fn in_the_name_of<T>(
        &mut self,
        owner: UserId,
        operation: OrgWide,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        self.administers()?;
        self.switched(operation, Some(owner), Scope::Own, work).await
    }

    /// Finds what the caller has asked for, or is asked, in a conversation that they share with others: the work looks at
    /// nothing else.
    pub async fn what_i_asked_for<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        self.switched(OrgWide::ReadShared, None, Scope::Org, work).await
    }

    /// Says the author's word about that, as the member to whom the conversation belongs.
    pub async fn for_shared<T>(
        &mut self,
        (owner, author): (UserId, UserId),
        operation: OrgWide,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        if author != self.inner.tenant().user {
            return Err(Error::NotFound);
        }
        self.switched(operation, Some(owner), Scope::Own, work).await
    }

    /// Reads a conversation that the caller shares with others, as the member to whom it belongs: the one place in
    /// which that is checked. One that is the caller's own is read as their own.
    pub async fn in_conversation<T>(
        &mut self,
        session: SessionId,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        match threads::taking_part(&mut self.inner, session).await? {
            Some(member) => self.switched(OrgWide::ReadShared, Some(member), Scope::Own, work).await,
            None => work(&mut self.inner).await,
        }
    }

    async fn switched<T>(
        &mut self,
        operation: OrgWide,
        person: Option<UserId>,
        scope: Scope,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
    ) -> Result<T> {
        tracing::debug!(?operation, by = %self.inner.tenant().user, "beyond the caller's own");
        self.inner.switch(person, scope).await?;
        let done = work(&mut self.inner).await;
        // After a refusal as well: a batch goes on with its next item.
        let back = self.inner.switch(None, Scope::Own).await;
        done.and_then(|value| back.map(|()| value))
    }

    pub fn into_inner(self) -> TenantTx {
        self.inner
    }
}

impl Caller {
    /// A member who speaks in Slack, which has proven who they are there.
    pub async fn linked(app: &App, member: Linked) -> Result<Self> {
        let identity = Identity {
            subject: member.external_id,
            user: member.user,
            name: None,
            email: None,
            org: None,
            role: None,
            platform_admin: false,
            expires_at: DateTime::<Utc>::MAX_UTC,
            issuer: None,
            service: false,
        };
        Ok(Self {
            app: app.clone(),
            identity: Arc::new(identity),
            org: member.org,
            org_external: member.org_external,
            door: app.engine.door(member.org).await?,
            token_role: member.token_role,
        })
    }

    pub fn tenant(&self) -> Tenant {
        Tenant::own(self.org, self.identity.user)
    }

    /// Whether an API key calls, and not a person.
    pub fn is_program(&self) -> bool {
        self.identity.service
    }

    /// Refuses a program. Memory is what people have said or let stand: a program proposes to it through a
    /// conversation.
    pub fn remembers(&self) -> Result<()> {
        if self.is_program() {
            let detail = "memory is written by people; a program with an API key only proposes to it";
            return Err(Error::forbidden(detail));
        }
        Ok(())
    }

    /// The beginning of an entry in the audit trail.
    pub fn did<'a>(&self, action: &'a str) -> Entry<'a> {
        Entry::done(Actor::Person(self.identity.user), action)
    }

    /// Runs the closure in a transaction; an error rolls it back.
    pub async fn tx<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> Result<T> {
        let mut tx = self.admitted(self.app.store().tenant(self.tenant()).await?).await?;
        let done = work(&mut tx).await;
        end(tx.inner, done).await
    }

    /// Looks without leaving a trace: the transaction is rolled back.
    pub async fn peek<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> Result<T> {
        let mut tx = self.admitted(self.app.store().tenant(self.tenant()).await?).await?;
        let done = work(&mut tx).await;
        tx.inner.rollback().await?;
        done
    }

    /// The same as [`tx`](Self::tx) with the session's row locked, and left open for the caller: turns
    /// of one session begin one after the other.
    pub async fn with_session<T>(
        &self,
        id: SessionId,
        work: impl AsyncFnOnce(&mut Tx, LockedSession) -> Result<T>,
    ) -> Result<(T, Tx)> {
        let inner = self.app.store().tenant_with_session(self.tenant(), id).await?;
        let mut tx = self.admitted(inner).await?;
        let done = match tx.locked_session().cloned() {
            Some(session) => work(&mut tx, session).await,
            None => Err(Error::NotFound),
        };
        match done {
            Ok(value) => Ok((value, tx)),
            Err(error) => tx.inner.rollback().await.and(Err(error)),
        }
    }

    async fn admitted(&self, mut inner: TenantTx) -> Result<Tx> {
        match self.admit(&mut inner).await {
            Ok((role, user_name)) => Ok(Tx { inner, role, user_name }),
            Err(error) => inner.rollback().await.and(Err(error)),
        }
    }

    /// Checks the membership, or makes one at the first sight of a token that
    /// carries organization and role. Returns the effective role and the name.
    async fn admit(&self, tx: &mut TenantTx) -> Result<(Role, Option<String>)> {
        let Identity { user, subject, name, email, .. } = &*self.identity;
        let not_a_member = || Error::Forbidden {
            code: "not_a_member",
            detail: "you are not a member of this organization; a token makes one if it carries the \
                     organization and a role"
                .into(),
        };
        let Some(member) = tx.membership().cloned() else {
            let role = self.token_role.ok_or_else(not_a_member)?;
            orgs::create(tx, &self.org_external, None).await?;
            if orgs::standing(tx).await? != Some(Standing::Active) {
                return Err(Error::Forbidden {
                    code: "organization_erased",
                    detail: "this organization was erased; the platform can make it anew".into(),
                });
            }
            let name = name.as_deref().map(|name| self.door.redact(name).into_owned());
            let member = NewMember {
                user: *user,
                external_id: subject,
                name: name.as_deref(),
                role: None,
                service: false,
            };
            orgs::admit(tx, &member).await?;
            orgs::note_token(tx, *user, Some(role), email.as_deref()).await?;
            return Ok((role, name));
        };
        if !member.active {
            return Err(Error::Forbidden {
                code: "membership_ended",
                detail: "your membership of this organization was suspended or removed".into(),
            });
        }
        // A role that came with an earlier token is not kept for one without.
        let given = self.token_role.or(member.role).ok_or_else(not_a_member)?;
        let role = self.token_role.filter(|role| member.token_role != Some(*role));
        let email = email.as_deref().filter(|email| member.email.as_deref() != Some(*email));
        if role.is_some() || email.is_some() {
            if role.is_some() && role < member.token_role {
                threads::leave_all(tx, *user).await?;
            }
            orgs::note_token(tx, *user, role, email).await?;
        }
        Ok((given.capped(member.ceiling), member.name))
    }
}

/// Commits what was done, or rolls it back.
pub(crate) async fn end<T>(tx: TenantTx, done: Result<T>) -> Result<T> {
    match done {
        Ok(value) => tx.commit().await.map(|()| value),
        Err(error) => tx.rollback().await.and(Err(error)),
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> std::result::Result<Self, Failure> {
        let identity = authenticate(&parts.headers, app).await?;
        // Before it is known where the person may go: to ask for an organization costs as well.
        let from = identity.org.as_ref().map_or(NOWHERE, |(org, _)| *org);
        let told = told(parts);
        app.rates.of_user(&told, from, identity.user)?;
        let wanted = org_header(&parts.headers)?;
        let (org, org_external, token_role) = match &identity.org {
            Some((org, external)) => {
                if wanted.is_some_and(|wanted| wanted != external) {
                    return Err(Error::NotFound.into());
                }
                (*org, external.clone(), identity.role)
            }
            None => by_membership(app, &identity, wanted).await?,
        };
        app.rates.of_org(&told, org)?;
        let door = app.engine.door(org).await?;
        Ok(Self { app: app.clone(), identity, org, org_external, door, token_role })
    }
}

/// The token's verified claims, without an organization.
pub async fn authenticate(headers: &HeaderMap, app: &App) -> Result<Arc<Identity>> {
    let refuse = |detail: &str| Error::Unauthenticated { detail: detail.into() };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refuse("send Authorization: Bearer <token>"))?;
    if values.next().is_some() {
        return Err(refuse("send one Authorization header, not several"));
    }
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or_else(|| refuse("send Authorization: Bearer <token>"))?;
    if token.starts_with(api_key::PREFIX) {
        service(token, app).await
    } else {
        Ok(app.verifier.verify(token).await?)
    }
}

/// The program that an API key stands for. A key is looked up with each request, so that it
/// ends at once when it is revoked.
async fn service(token: &str, app: &App) -> Result<Arc<Identity>> {
    let key: ApiKey = token.parse()?;
    let unknown = || Error::Unauthenticated { detail: "This API key is unknown, revoked or expired.".into() };
    let owner = app.store().key_owner(key.id, &key.hash()).await?.ok_or_else(unknown)?;
    Ok(Arc::new(Identity {
        subject: key.id.subject(),
        user: owner.user,
        name: None,
        email: None,
        org: Some((owner.org, owner.org_external)),
        role: Some(owner.role),
        platform_admin: false,
        expires_at: owner.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
        issuer: None,
        service: true,
    }))
}

fn org_header(headers: &HeaderMap) -> Result<Option<&str>> {
    match headers.get("x-org-id").map(|value| value.to_str()) {
        None => Ok(None),
        Some(Ok(external)) => Ok(Some(external)),
        // No organization has such an id.
        Some(Err(_)) => Err(Error::NotFound),
    }
}

/// For a login that carries no organization: memberships that the platform made.
async fn by_membership(
    app: &App,
    identity: &Identity,
    wanted: Option<&str>,
) -> Result<(OrgId, String, Option<Role>)> {
    let mut memberships = app.store().memberships(identity.user).await?;
    memberships.retain(|membership| membership.active);
    if let Some(wanted) = wanted {
        memberships.retain(|membership| membership.external_id == wanted);
        let found = memberships.pop().ok_or(Error::NotFound)?;
        return Ok((found.org, found.external_id, None));
    }
    match memberships.len() {
        0 => Err(Error::Forbidden {
            code: "not_a_member",
            detail: "your token names no organization, and you are not a member of any".into(),
        }),
        1 => {
            Ok(memberships.pop().map(|found| (found.org, found.external_id, None)).ok_or(Error::NotFound)?)
        }
        _ => Err(Error::Invalid {
            code: "organization_required",
            detail: "you are a member of several organizations; name one in X-Org-Id (GET /v1/me lists them)"
                .into(),
            fields: Vec::new(),
        }),
    }
}

/// Whose bucket those share whose token names no organization: no token names the platform's.
const NOWHERE: OrgId = domain::skill::PLATFORM;

/// Where the answer's headers are collected.
fn told(parts: &Parts) -> Told {
    parts.extensions.get::<Told>().cloned().unwrap_or_default()
}

/// A platform administrator: a claim of the token, not a role in an organization.
pub struct Platform {
    pub app: App,
    pub identity: Arc<Identity>,
}

impl Platform {
    /// The beginning of an entry in the audit trail.
    pub fn did<'a>(&self, action: &'a str) -> Entry<'a> {
        Entry::done(Actor::Platform(self.identity.user), action)
    }

    /// Runs the closure in a transaction of an organization, which need not exist
    /// yet; an error rolls it back.
    pub async fn tx<T>(&self, org: OrgId, work: impl AsyncFnOnce(&mut TenantTx) -> Result<T>) -> Result<T> {
        let mut tx = self.app.store().tenant(Tenant::own(org, self.identity.user)).await?;
        let done = work(&mut tx).await;
        end(tx, done).await
    }
}

impl FromRequestParts<App> for Platform {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> std::result::Result<Self, Failure> {
        let identity = authenticate(&parts.headers, app).await?;
        if !identity.platform_admin {
            return Err(Error::forbidden("this needs a platform administrator's token").into());
        }
        app.rates.of_user(&told(parts), NOWHERE, identity.user)?;
        Ok(Self { app: app.clone(), identity })
    }
}
