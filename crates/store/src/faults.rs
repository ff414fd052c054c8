//! Faults on purpose, for tests of what still holds then. They are not compiled
//! into the program.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Tenant;

use crate::Store;

#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Option<Tenant>>>);

impl Faults {
    /// Whom the queries of this tenant's transaction name.
    pub(crate) fn named(&self, tenant: Tenant) -> Tenant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(tenant)
    }
}

impl Store {
    /// From here on, what queries say of organization and person is the victim's,
    /// while the settings that the policies read stay the caller's: row-level
    /// security stands alone. None ends it.
    pub fn name_in_queries(&self, victim: Option<Tenant>) {
        *self.faults.0.lock().unwrap_or_else(PoisonError::into_inner) = victim;
    }
}
