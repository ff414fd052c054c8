//! The check of rows that an administrator writes: each must mean something.

use std::collections::HashSet;

use super::{Action, Decider, OrgRow, Policy, UserRow, table};
use crate::{FieldError, Role};

/// Rows of one kind that an organization may have.
const MOST_ROWS: usize = 1000;

/// What is wrong with the rows, by the path of the field. `own` holds each
/// person's external id beside the row.
pub fn check(rows: &[OrgRow], own: &[(&str, &UserRow)]) -> Vec<FieldError> {
    let mut problems = Vec::new();
    for (field, count) in [("rows", rows.len()), ("users", own.len())] {
        if count > MOST_ROWS {
            problems.push(FieldError { field: field.into(), error: format!("must be at most {MOST_ROWS}") });
            return problems;
        }
    }
    let mut seen = HashSet::new();
    for (i, row) in rows.iter().enumerate() {
        let mut refuse = |field: &str, error: &str| {
            problems.push(FieldError { field: format!("rows[{i}].{field}"), error: error.into() });
        };
        if !seen.insert((row.role, row.action)) {
            refuse("action", "has another row for the same role");
        }
        let reads = row.action == Action::UseConnector;
        if row.role == Some(Role::Readonly) && row.policy != Policy::Disabled && !reads {
            refuse("policy", "must be disabled: runs of readonly members only read");
        }
        if row.policy < table::floor(row.action) {
            refuse(
                "policy",
                "must be suggest, approve or disabled: administrators decide what is written there",
            );
        }
        if row.decider.is_some_and(|decider| decider < table::decider(row.action)) {
            refuse("decider", "must be admin: administrators decide about the organization's memory");
        }
        right(row.action, row.policy, row.decider, &mut refuse);
    }
    let mut seen = HashSet::new();
    for (i, (user, row)) in own.iter().enumerate() {
        let mut refuse = |field: &str, error: &str| {
            problems.push(FieldError { field: format!("users[{i}].{field}"), error: error.into() });
        };
        if !seen.insert((*user, row.action)) {
            refuse("action", "has another row for the same person");
        }
        right(row.action, row.policy, row.decider, &mut refuse);
    }
    problems
}

/// `access_all_org` is a right: there is no single call that could be decided about.
fn right(action: Action, policy: Policy, decider: Option<Decider>, refuse: &mut impl FnMut(&str, &str)) {
    if action != Action::AccessAllOrg {
        return;
    }
    if matches!(policy, Policy::Suggest | Policy::Approve) {
        refuse("policy", "must be auto or disabled: access_all_org is a right, not a call");
    }
    if decider.is_some() {
        refuse("decider", "must be left out: access_all_org is a right, not a call");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: Option<Role>, action: Action, policy: Policy) -> OrgRow {
        OrgRow { role, action, policy, decider: None }
    }

    fn problems(rows: &[OrgRow]) -> Vec<String> {
        check(rows, &[]).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn rows_that_mean_nothing_are_refused_by_their_field() {
        let good = row(Some(Role::Member), Action::ModifyDeals, Policy::Auto);
        assert!(problems(&[good.clone(), row(None, Action::ModifyDeals, Policy::Auto)]).is_empty());
        assert_eq!(problems(&[good.clone(), good]), ["rows[1].action"]);
        let readonly = |action, policy| row(Some(Role::Readonly), action, policy);
        assert_eq!(problems(&[readonly(Action::ModifyDeals, Policy::Approve)]), ["rows[0].policy"]);
        assert!(problems(&[readonly(Action::UseConnector, Policy::Auto)]).is_empty());
        assert!(problems(&[readonly(Action::ModifyDeals, Policy::Disabled)]).is_empty());
        assert_eq!(problems(&[row(None, Action::WriteOrgMemory, Policy::Auto)]), ["rows[0].policy"]);
        let by = |action, decider| OrgRow { decider: Some(decider), ..row(None, action, Policy::Disabled) };
        assert_eq!(problems(&[by(Action::WriteOrgMemory, Decider::Requester)]), ["rows[0].decider"]);
        assert_eq!(problems(&[row(None, Action::AccessAllOrg, Policy::Approve)]), ["rows[0].policy"]);
        assert_eq!(problems(&[by(Action::AccessAllOrg, Decider::Admin)]), ["rows[0].decider"]);
    }

    #[test]
    fn a_persons_rows_are_checked_as_well() {
        let mine = UserRow { action: Action::AccessAllOrg, policy: Policy::Suggest, decider: None };
        let fields: Vec<String> = check(&[], &[("bob", &mine), ("eve", &mine), ("bob", &mine)])
            .into_iter()
            .map(|p| p.field)
            .collect();
        assert_eq!(fields, ["users[0].policy", "users[1].policy", "users[2].action", "users[2].policy"]);
    }
}
