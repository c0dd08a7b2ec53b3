//! What `add`, `set` and `remove` say on standard error about other hosts and guests. The change is made.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::test_cluster::{TestCluster, on_both};
use crate::{answer, run_all};

/// Runs `gpupci host LINE`; it must succeed. Its notes.
#[track_caller]
fn notes(host: &TestHost, line: &str) -> Vec<String> {
    let said = host.line(&format!("host {line}"));
    assert_eq!(
        (said.text(), said.code),
        (String::new(), Some(0)),
        "{}",
        said.stderr
    );
    let note = |line: &str| line.strip_prefix("gpupci: ").map(str::to_owned);
    let notes = said.stderr.lines().map(note);
    notes.collect::<Option<_>>().expect("notes of gpupci")
}

/// Two guests on one host, whose cards have names.
fn two_guests(stage: &TestCluster) -> TestHost {
    let host = stage.frontend();
    stage.execute("update vm_nodes set PhysNode = 2 where Node = 6");
    run_all(
        &host,
        &[
            "add vm-container-0-15 gpupci1 02:00.0",
            "add vm-container-0-15 gpupci2 03:00.0",
            "add rocks-33 gpupci gpupci1",
        ],
    );
    host
}

#[test]
fn change_says_that_two_guests_of_a_host_now_have_one_card() {
    on_both(|stage| {
        let host = two_guests(stage);
        let shared =
            ["conflict: vm-container-0-15: card 0000:02:00 belongs to rocks-33 and rocks-34"];
        for value in ["gpupci1", "02:00.0", "02:00.1,gpupci2"] {
            let said = notes(&host, &format!("add rocks-34 gpupci {value}"));
            assert!(said.contains(&shared[0].to_owned()), "{value}: {said:?}");
            assert_eq!(
                answer(&host, "report rocks-34").lines().count(),
                1,
                "it was made"
            );
            assert_eq!(notes(&host, "remove rocks-34 gpupci"), [""; 0]);
        }
        run_all(&host, &["add rocks-34 gpupci gpupci2"]);
        assert_eq!(notes(&host, "set rocks-34 gpupci gpupci1"), shared);
        // The same again changes nothing, and a conflict that was there is not new.
        assert_eq!(notes(&host, "set rocks-34 gpupci gpupci1"), [""; 0]);
        assert_eq!(
            notes(&host, "set vm-container-0-15 gpupci2 04:00.0"),
            [""; 0]
        );
    });
}

#[test]
fn change_of_a_host_says_that_its_guests_now_have_one_card() {
    on_both(|stage| {
        let host = two_guests(stage);
        run_all(&host, &["add rocks-34 gpupci gpupci2"]);
        assert_eq!(
            notes(&host, "set vm-container-0-15 gpupci2 02:00.0"),
            [
                "conflict: vm-container-0-15: card 0000:02:00 has the names gpupci1 and gpupci2",
                "conflict: vm-container-0-15: card 0000:02:00 belongs to rocks-33 and rocks-34",
            ]
        );
    });
}

#[test]
fn remove_of_one_of_three_guests_is_no_new_conflict() {
    let host = TestHost::named("alpha");
    run_all(
        &host,
        &[
            "add alpha gpupci1 02:00.0",
            "add one gpupci gpupci1",
            "add two gpupci gpupci1",
        ],
    );
    let third = notes(&host, "add three gpupci 02:00.0");
    assert_eq!(
        third,
        ["conflict: alpha: card 0000:02:00 belongs to one and two and three"]
    );
    assert_eq!(notes(&host, "remove three gpupci"), [""; 0]);
}

#[test]
fn change_says_that_cards_of_one_iommu_group_of_this_host_have_two_guests() {
    let host = TestHost::named("alpha");
    for function in ["02:00.0", "03:00.0"] {
        let member = format!("sys/kernel/iommu_groups/31/devices/0000:{function}");
        host.write(&member, "");
    }
    run_all(
        &host,
        &[
            "add alpha gpupci1 02:00.0",
            "add alpha gpupci2 03:00.0",
            "add one gpupci gpupci1",
        ],
    );
    assert_eq!(
        notes(&host, "add two gpupci gpupci2"),
        [
            "conflict: alpha: IOMMU group 31 has cards of one and two; only one of them can run at a time"
        ]
    );
}

#[test]
fn change_says_that_the_host_of_a_guest_has_no_such_card() {
    on_both(|stage| {
        let host = two_guests(stage);
        assert_eq!(
            notes(&host, "add rocks-34 gpupci gpupci9"),
            [
                "conflict: rocks-34: cannot look up card gpupci9 of rocks-34: its host vm-container-0-15 \
                 has no attribute gpupci9"
            ]
        );
        assert_eq!(
            notes(&host, "set rocks-34 gpupci 09:00.0"),
            [
                "conflict: rocks-34: its host vm-container-0-15 has no attribute for card pci_0000_09_00_0"
            ]
        );
        // The guest that loses its card is named too.
        assert_eq!(
            notes(&host, "remove vm-container-0-15 gpupci1"),
            [
                "conflict: rocks-33: cannot look up card gpupci1 of rocks-33: its host vm-container-0-15 \
                 has no attribute gpupci1"
            ]
        );
    });
}

/// The appliance of both guests has a card.
#[test]
fn change_says_which_inherited_attribute_it_covers_or_uncovers() {
    on_both(|stage| {
        let host = two_guests(stage);
        run_all(&host, &["add rocks-34 gpupci gpupci2"]);
        let member = "select ID from catindex where Name = 'hosted-vm'";
        stage.execute(&format!(
            "insert into attributes (Attr, Value, Category, Catindex) select 'gpupci', 'pci_0000_03_00_0', \
             Category, ID from catindex where ID = ({member})"
        ));
        let said = notes(&host, "remove rocks-33 gpupci");
        assert_eq!(
            said[0],
            "rocks-33 now inherits gpupci = pci_0000_03_00_0 from the appliance hosted-vm"
        );
        assert_eq!(
            said[1..],
            ["conflict: vm-container-0-15: card 0000:03:00 belongs to rocks-33 and rocks-34"]
        );
        let own = "rocks-33 now has its own gpupci instead of pci_0000_03_00_0, which it inherited from \
                   the appliance hosted-vm";
        assert_eq!(notes(&host, "add rocks-33 gpupci gpupci1"), [own]);
        assert_eq!(notes(&host, "set rocks-33 gpupci 02:00.0"), [""; 0]);
        stage.execute(
            "update resolvechain set Precedence = 60 where Category = (select ID from categories where \
             Name = 'appliance')",
        );
        assert_eq!(
            notes(&host, "set rocks-33 gpupci 04:00.0"),
            [
                "rocks-33 still gets gpupci = pci_0000_03_00_0 from the appliance hosted-vm, which has \
                 precedence over its own"
            ]
        );
    });
}

/// A slip: `gpupci1` for the attribute `gpupci` of a guest.
#[test]
fn add_says_that_it_added_a_physical_host() {
    let host = TestHost::named("alpha");
    assert_eq!(
        notes(&host, "add alpha gpupci1 02:00.0"),
        [""; 0],
        "this host"
    );
    assert_eq!(notes(&host, "add one gpupci gpupci1"), [""; 0], "a guest");
    assert_eq!(
        notes(&host, "add myguest gpupci1 02:00.0"),
        [
            "myguest was not in the cluster and was added as a physical host. If it is a guest, remove \
             this and use the attribute gpupci"
        ]
    );
}
