//! What may be provisioned, and where it goes.

use super::*;

fn alias(name: &str, version: &str) -> Alias {
    Alias {
        name: name.into(),
        function_version: version.into(),
        description: String::new(),
        additional_version: None,
        revision_id: String::new(),
    }
}

fn provisions(by_qualifier: &[(&str, u32)]) -> Provisions {
    Provisions {
        by_qualifier: by_qualifier.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        aliases: vec![alias("live", "1"), alias("next", "2"), alias("same", "1"), alias("edge", LATEST)],
    }
}

#[test]
fn environments_move_with_the_alias() {
    let mut there = provisions(&[("live", 3), ("2", 1)]);
    assert_eq!(there.by_version(), BTreeMap::from([("1".into(), 3), ("2".into(), 1)]));
    there.aliases[0].function_version = "7".into();
    assert_eq!(there.by_version(), BTreeMap::from([("7".into(), 3), ("2".into(), 1)]));
}

#[test]
fn a_version_is_provisioned_by_one_name() {
    let there = provisions(&[("live", 3)]);
    let refusal = |qualifier: &str| there.check_qualifier(qualifier).err().map(|error| error.to_string());
    assert_eq!(refusal("live"), None);
    assert_eq!(refusal("2"), None);
    assert_eq!(refusal("1").as_deref(), Some("Version is pointed by a Provisioned Concurrency alias"));
    assert_eq!(
        refusal("same").as_deref(),
        Some(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )
    );
    for qualifier in [LATEST, "edge"] {
        assert_eq!(
            refusal(qualifier).as_deref(),
            Some("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
        );
    }
}

#[test]
fn the_number_is_bounded_by_the_reservation_or_the_account() {
    let there = provisions(&[("live", 3), ("2", 1)]);
    let account = AccountConcurrency { total: 1_000, taken_by_others: 100 };
    let refusal = |requested, reserved| {
        there.check_number("2", requested, reserved, account).err().map(|error| error.to_string())
    };
    assert_eq!(refusal(2, Some(5)), None);
    assert_eq!(
        refusal(3, Some(5)).as_deref(),
        Some(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    );
    assert_eq!(refusal(797, None), None);
    assert_eq!(
        refusal(798, None).as_deref(),
        Some(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum \
             value of [100]."
        )
    );
    assert_eq!(
        refusal(898, None).as_deref(),
        Some(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [900]."
        )
    );
}

#[test]
fn the_status_follows_the_environments() {
    let status =
        |ready, has_failed| ProvisionedStatus::of(2, ProvisionedState { ready, has_failed }).as_str();
    assert_eq!(status(0, false), "IN_PROGRESS");
    assert_eq!(status(1, true), "FAILED");
    assert_eq!(status(2, false), "READY");
    assert_eq!(ProvisionedStatus::Failed.reason(), Some("FUNCTION_ERROR_INIT_FAILURE"));
}
