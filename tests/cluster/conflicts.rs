//! `gpupci host conflicts`.

use pretty_assertions::assert_eq;

use crate::test_cluster::{TestCluster, on_both};
use crate::{answer, list_in, run_all};

/// Creates each kind of conflict once.
fn confuse(stage: &TestCluster) {
    run_all(
        &stage.frontend(),
        &[
            "add vm-container-0-15 gpupci1 02:00.0",
            "add vm-container-0-15 gpupci2 03:00.0",
            "add vm-container-0-15 gpupci3 03:00.0",
            "add vm-container-0-15 gpupci4 04:00.1",
            "add rocks-33 gpupci gpupci1",
            "add rocks-34 gpupci 02:00.0,09:00.0",
        ],
    );
    stage.insert(15, "gpupci1", "nonsense");
    stage.execute("update vm_nodes set PhysNode = 2 where Node = 6");
    stage.execute("insert into nodes (ID, Name, Membership) values (7, 'FE', 1)");
}

const FOUND: [(&str, &str, &str); 6] = [
    ("two-nodes", "fe", "fe: 2 nodes have this name"),
    (
        "not-function-0",
        "vm-container-0-15",
        "vm-container-0-15: gpupci4 is pci_0000_04_00_1, not function 0 of its card",
    ),
    (
        "two-names",
        "vm-container-0-15",
        "vm-container-0-15: card 0000:03:00 has the names gpupci2 and gpupci3",
    ),
    (
        "unusable-value",
        "compute-0-0",
        "compute-0-0: gpupci1 has an invalid value: \"nonsense\" is not a PCI address such as 0000:02:00.0",
    ),
    (
        "missing-card",
        "rocks-34",
        "rocks-34: its host vm-container-0-15 has no attribute for card pci_0000_09_00_0",
    ),
    (
        "shared-card",
        "vm-container-0-15",
        "vm-container-0-15: card 0000:02:00 belongs to rocks-33 and rocks-34",
    ),
];

#[test]
fn conflicts_lists_each_conflict_once_and_exits_with_1() {
    on_both(|stage| {
        confuse(stage);
        let said = stage.frontend().line("host conflicts");
        let expected: String = FOUND.map(|(_, _, line)| format!("{line}\n")).concat();
        assert_eq!(said.text(), expected);
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""));
    });
}

#[test]
fn conflicts_prints_json() {
    on_both(|stage| {
        confuse(stage);
        let said = stage.frontend().line("host conflicts --json");
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""));
        let expected = FOUND.map(|(kind, node, message)| {
            serde_json::json!({ "kind": kind, "node": node, "message": message })
        });
        assert_eq!(list_in(&said.text(), "conflicts"), expected);
    });
}

#[test]
fn conflicts_prints_nothing_for_a_cluster_without_conflicts() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(
            &host,
            &[
                "add vm-container-0-15 gpupci1 02:00.0",
                "add vm-container-0-2 gpupci1 02:00.0",
                "add rocks-33 gpupci gpupci1",
                "add rocks-34 gpupci 02:00.0",
            ],
        );
        assert_eq!(answer(&host, "conflicts"), "");
        let none = list_in(&answer(&host, "conflicts --json"), "conflicts");
        assert_eq!(none, Vec::<serde_json::Value>::new());
    });
}

/// A guest without a host counts as a guest of this host.
#[test]
fn guests_without_a_host_conflict_on_this_host() {
    let host = crate::support::TestHost::named("alpha");
    run_all(
        &host,
        &[
            "add alpha gpupci1 02:00.0",
            "add one gpupci gpupci1",
            "add two gpupci 02:00.0",
        ],
    );
    let said = host.line("host conflicts");
    assert_eq!(
        (said.code, said.text().as_str()),
        (Some(1), "alpha: card 0000:02:00 belongs to one and two\n")
    );
    run_all(&host, &["add beta gpupci1 02:00.0", "place two beta"]);
    assert_eq!(answer(&host, "conflicts"), "");
}

/// Only the host itself knows its groups.
#[test]
fn guests_with_cards_of_one_iommu_group_of_this_host_conflict() {
    let host = crate::support::TestHost::named("alpha");
    for function in ["02:00.0", "02:00.1", "03:00.0"] {
        host.write(
            &format!("sys/kernel/iommu_groups/31/devices/0000:{function}"),
            "",
        );
    }
    host.write("sys/kernel/iommu_groups/32/devices/0000:04:00.0", "");
    run_all(
        &host,
        &[
            "add alpha gpupci1 02:00.0",
            "add alpha gpupci2 03:00.0",
            "add alpha gpupci3 04:00.0",
            "add one gpupci gpupci1,gpupci3",
            "add two gpupci gpupci2",
        ],
    );
    let said = host.line("host conflicts");
    assert_eq!(
        (said.code, said.text().as_str()),
        (
            Some(1),
            "alpha: IOMMU group 31 has cards of one and two; only one of them can run at a time\n"
        )
    );
    let kinds = list_in(&host.line("host conflicts --json").text(), "conflicts");
    assert_eq!(kinds[0]["kind"], "shared-group");
    // One guest may have both; and another host has other groups.
    run_all(
        &host,
        &["set one gpupci gpupci1,gpupci2", "set two gpupci gpupci3"],
    );
    assert_eq!(answer(&host, "conflicts"), "");
    run_all(
        &host,
        &[
            "set one gpupci gpupci1",
            "set two gpupci gpupci2",
            "add beta gpupci2 03:00.0",
        ],
    );
    run_all(&host, &["place two beta"]);
    assert_eq!(answer(&host, "conflicts"), "");
}
