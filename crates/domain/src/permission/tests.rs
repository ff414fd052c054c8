use super::*;

fn matrix(rows: Vec<OrgRow>, own: Vec<UserRow>) -> Matrix {
    Matrix { rows, own, ..Matrix::default() }
}

fn row(role: Option<Role>, action: Action, policy: Policy) -> OrgRow {
    OrgRow { role, action, policy, decider: None }
}

fn own(action: Action, policy: Policy) -> UserRow {
    UserRow { action, policy, decider: None }
}

#[test]
fn what_is_not_listed_needs_an_approval() {
    for &action in Action::ALL {
        let policy = table::policy(&[], Preset::Autonomous, Ask::own(Role::Owner, action));
        assert_eq!(policy, Policy::Approve);
    }
}

#[test]
fn an_organizations_row_overrides_the_preset_and_a_roles_own_row_the_general_one() {
    let rows = vec![
        row(None, Action::ModifyDeals, Policy::Auto),
        row(Some(Role::Member), Action::ModifyDeals, Policy::Disabled),
    ];
    let matrix = matrix(rows, Vec::new());
    let policy = |role| matrix.rule(Ask::own(role, Action::ModifyDeals)).policy;
    assert_eq!((policy(Role::Owner), policy(Role::Member)), (Policy::Auto, Policy::Disabled));
    assert_eq!(matrix.rule(Ask::own(Role::Owner, Action::ModifyDeals)).source, Source::OrgRow);
    assert_eq!(matrix.rule(Ask::own(Role::Owner, Action::SendEmail)).policy, Policy::Approve);
}

#[test]
fn a_persons_row_only_makes_it_stricter() {
    for &org in Policy::ALL {
        for &mine in Policy::ALL {
            let matrix = matrix(
                vec![row(None, Action::ManageTasks, org)],
                vec![own(Action::ManageTasks, mine), own(Action::SendEmail, Policy::Disabled)],
            );
            let ruling = matrix.rule(Ask::own(Role::Member, Action::ManageTasks));
            assert_eq!(ruling.policy, org.max(mine), "{org} {mine}");
            let source = if mine > org { Source::UserRow } else { Source::OrgRow };
            assert_eq!(ruling.source, source);
        }
    }
    assert!(Policy::Auto < Policy::Suggest && Policy::Suggest < Policy::Approve);
    assert!(Policy::Approve < Policy::Disabled);
}

#[test]
fn who_decides_can_be_made_stricter_too() {
    let rows =
        vec![OrgRow { decider: Some(Decider::Admin), ..row(None, Action::ModifyDeals, Policy::Approve) }];
    let mine = vec![UserRow { decider: Some(Decider::Admin), ..own(Action::SendEmail, Policy::Auto) }];
    let matrix = matrix(rows, mine);
    let decider = |action| matrix.rule(Ask::own(Role::Member, action)).decider;
    assert_eq!(decider(Action::ModifyDeals), Decider::Admin);
    assert_eq!(decider(Action::SendEmail), Decider::Admin);
    assert_eq!(decider(Action::ManageTasks), Decider::Requester);
    assert_eq!(decider(Action::WriteOrgMemory), Decider::Admin, "a proposal that administrators decide");
}

#[test]
fn no_row_lifts_readonly_members_or_writes_the_organizations_memory_by_itself() {
    let rows = Action::ALL.iter().map(|action| row(None, *action, Policy::Auto)).collect();
    let matrix = matrix(rows, Vec::new());
    for &action in Action::ALL {
        let ask = Ask::own(Role::Readonly, action);
        assert_eq!(matrix.rule(ask).policy, Policy::Disabled, "{action}");
    }
    let reads = Ask { reads: true, ..Ask::own(Role::Readonly, Action::UseConnector) };
    assert_eq!(matrix.rule(reads).policy, Policy::Auto);
    let memory = matrix.rule(Ask::own(Role::Owner, Action::WriteOrgMemory));
    assert_eq!((memory.policy, memory.decider), (Policy::Suggest, Decider::Admin));
}

#[test]
fn a_conversation_that_read_what_came_from_outside_only_proposes_to_memory() {
    for &action in Action::ALL {
        for &policy in Policy::ALL {
            let ruling = Ruling { policy, decider: Decider::Requester, source: Source::OrgRow };
            let ruled = ruling.of_untrusted(action);
            assert_eq!(ruled.decider, ruling.decider);
            let proposed = action.as_str().ends_with("_memory") && policy == Policy::Auto;
            let (wanted, source) =
                if proposed { (Policy::Suggest, Source::Untrusted) } else { (policy, Source::OrgRow) };
            assert_eq!((ruled.policy, ruled.source), (wanted, source), "{action} {policy}");
        }
    }
}

#[test]
fn words_are_read_as_they_are_written() {
    for &action in Action::ALL {
        assert_eq!(Action::parse(action.as_str()), Some(action));
        assert_eq!(serde_json::json!(action), action.as_str());
    }
    assert_eq!(Action::parse("send_fax"), None);
}
