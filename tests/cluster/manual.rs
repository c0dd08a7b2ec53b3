//! The commands in the manual of the roll, and the lines that it shows.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::test_cluster::TestCluster;
use crate::{answer, run_all};

const CARDS: &str = "\
HOST               GPU     PCI_BUS         
vm-container-0-15: gpupci1 pci_0000_02_00_0
vm-container-0-15: gpupci2 pci_0000_03_00_0
";

const DEVICES: &str = "\
  <devices>
    <emulator>/usr/libexec/qemu-kvm</emulator>
    <graphics type='vnc' port='-1'/>
    <console type='pty'/>
  </devices>
";

const WITH_CARD: &str = "\
  <devices>
    <emulator>/usr/libexec/qemu-kvm</emulator>
    <graphics type='vnc' port='-1'/>
    <console type='pty'/>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
      </source>
    </hostdev>
  </devices>
";

/// Runs the commands from the first card to the guest's XML, on a database without cards.
fn walk(host: &TestHost) {
    run_all(
        host,
        &[
            "add vm-container-0-15 gpupci1 pci_0000_02_00_0",
            "add vm-container-0-15 gpupci2 pci_0000_03_00_0",
        ],
    );
    assert_eq!(answer(host, "list"), CARDS);
    run_all(host, &["add rocks-33 gpupci pci_0000_02_00_0"]);
    assert_eq!(answer(host, "list vm-container-0-15"), CARDS);
    let guest = "HOST      GPU    PCI_BUS         \nrocks-33: gpupci pci_0000_02_00_0\n";
    assert_eq!(answer(host, "list rocks-33"), guest);
    assert_eq!(answer(host, "report rocks-33"), "gpupci:pci_0000_02_00_0\n");
    assert_eq!(
        answer(host, "report rocks-33 gpu=gpupci"),
        "pci_0000_02_00_0\n"
    );
    assert_eq!(
        answer(host, "report"),
        "rocks-33: gpupci:pci_0000_02_00_0\n\
         vm-container-0-15: gpupci1:pci_0000_02_00_0\n\
         vm-container-0-15: gpupci2:pci_0000_03_00_0\n"
    );
    assert_eq!(answer(host, "conflicts"), "");
    let spliced = host.gpupci_reading(&["splice", "rocks-33"], DEVICES.as_bytes());
    assert_eq!(spliced.answer(), WITH_CARD);
    let again = host.gpupci_reading(&["splice", "rocks-33"], WITH_CARD.as_bytes());
    assert_eq!(again.answer(), WITH_CARD);
    run_all(host, &["remove rocks-33 gpupci"]);
    let without = host.gpupci_reading(&["splice", "rocks-33"], DEVICES.as_bytes());
    assert_eq!(without.answer(), DEVICES);
}

#[test]
fn commands_of_the_manual_print_its_lines_on_rocks() {
    walk(&TestCluster::rocks().frontend());
}

/// Without Rocks: there are only the program and the host with the cards.
#[test]
fn commands_of_the_manual_print_its_lines_without_rocks() {
    let host = TestHost::named("vm-container-0-15.local");
    walk(&host);
    assert!(host.path("var/lib/gpupt/cluster.db").exists());
}

/// On the embedded database, where the commands create the hosts too.
#[test]
fn dump_recreates_the_same_cards() {
    let first = TestHost::named("fe");
    run_all(
        &first,
        &[
            "add vm-container-0-15 gpupci1 02:00.0",
            "set vm-container-0-15 gpupci1 03:00.0",
            "add rocks-33 gpupci gpupci1,05:00.0",
            "add host-b gpupci10 04:00.0",
        ],
    );
    let dump = answer(&first, "dump");
    assert_eq!(
        dump,
        "/opt/rocks/bin/rocks add host gpu vm-container-0-15 gpupci1 pci_0000_03_00_0\n\
         /opt/rocks/bin/rocks add host gpu vm-container-0-15 gpupci1_old pci_0000_02_00_0\n\
         /opt/rocks/bin/rocks add host gpu rocks-33 gpupci gpupci1,pci_0000_05_00_0\n\
         /opt/rocks/bin/rocks add host gpu host-b gpupci10 pci_0000_04_00_0\n"
    );
    let second = TestHost::named("fe");
    for line in dump.lines() {
        let words = line.replace("/opt/rocks/bin/rocks add host gpu", "-q host add");
        assert_eq!(second.line(&words).answer(), "", "{line}");
    }
    assert_eq!(answer(&second, "dump"), dump);
    assert_eq!(answer(&second, "list"), answer(&first, "list"));
}

#[test]
fn dump_names_its_own_host_localhost() {
    let host = TestCluster::rocks().machine("vm-container-0-15.local");
    run_all(
        &host,
        &[
            "add vm-container-0-15 gpupci1 02:00.0",
            "add fe gpupci1 03:00.0",
        ],
    );
    assert_eq!(
        answer(&host, "dump"),
        "/opt/rocks/bin/rocks add host gpu fe gpupci1 pci_0000_03_00_0\n\
         /opt/rocks/bin/rocks add host gpu localhost gpupci1 pci_0000_02_00_0\n"
    );
}
