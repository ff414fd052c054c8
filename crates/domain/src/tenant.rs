//! Who acts, for which organization, and how far they may look.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{OrgId, UserId};

/// What a member may do. Ordered: a higher role may do all that a lower one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Readonly,
    Member,
    Admin,
    Owner,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Readonly, Role::Member, Role::Admin, Role::Owner];

    /// Reads a role as an identity provider spells it. Whatever is unknown is
    /// `readonly`: a typo must never promote anybody.
    pub fn parse_lenient(text: &str) -> Self {
        Self::parse(text.strip_prefix("org:").unwrap_or(text)).unwrap_or(Role::Readonly)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Readonly => "readonly",
            Role::Member => "member",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// The lower of the two: an administrator's ceiling, where there is one, is not passed.
    #[must_use]
    pub fn capped(self, ceiling: Option<Role>) -> Self {
        ceiling.map_or(self, |ceiling| ceiling.min(self))
    }

    /// Owner or admin: what the contract's table marks with `A`.
    pub fn administers(self) -> bool {
        self >= Role::Admin
    }

    /// May change anything beyond their own conversations.
    pub fn writes(self) -> bool {
        self >= Role::Member
    }
}

/// How far a transaction may look inside the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The caller's own rows, and what the organization shares.
    Own,
    /// Every member's rows: for the audited operations that name it, never for a run.
    Org,
}

/// The identity under which a tenant transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub org: OrgId,
    pub user: UserId,
    pub scope: Scope,
}

impl Tenant {
    pub fn own(org: OrgId, user: UserId) -> Self {
        Self { org, user, scope: Scope::Own }
    }

    /// The service's own look at all of an organization, as nobody.
    pub fn overseer(org: OrgId) -> Self {
        Self { org, user: UserId(Uuid::nil()), scope: Scope::Org }
    }

    /// Whose personal rows a query names. None: every member's.
    pub fn owner(self) -> Option<UserId> {
        match self.scope {
            Scope::Own => Some(self.user),
            Scope::Org => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_role_is_readonly() {
        for text in ["", "OWNER", "superuser", "org:", "org:root"] {
            assert_eq!(Role::parse_lenient(text), Role::Readonly, "{text}");
        }
        assert_eq!(Role::parse_lenient("org:admin"), Role::Admin);
    }

    #[test]
    fn the_effective_role_is_the_lower_one() {
        assert_eq!(Role::Owner.min(Role::Member), Role::Member);
        assert_eq!(Role::Readonly.min(Role::Admin), Role::Readonly);
        assert_eq!(Role::Owner.capped(Some(Role::Member)), Role::Member);
        assert_eq!(Role::Readonly.capped(Some(Role::Admin)), Role::Readonly);
        assert_eq!(Role::Admin.capped(None), Role::Admin);
    }
}
