//! `gpupci list`, on test hosts and on the machine that runs the tests.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "list/capture.rs"]
mod capture;
#[path = "list/host_trees.rs"]
mod host_trees;
#[path = "list/json.rs"]
mod json;
#[path = "list/sleeping_cards.rs"]
mod sleeping_cards;
#[path = "list/sysfs.rs"]
mod sysfs;
#[path = "list/vendors.rs"]
mod vendors;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use json::essence;
use pretty_assertions::assert_eq;
use serde_json::Value;
use support::{TestHost, fixture, gpupci, run};
use sysfs::assert_unable;

/// Every tree, and the output of `gpupci list` on it.
const TREES: [(&str, &str); 12] = [
    (
        "manual.tree",
        "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_03_00_0\n",
    ),
    (
        "four-functions.tree",
        "gpupci1 pci_0000_17_00_0\ngpupci2 pci_0000_65_00_0\ngpupci3 pci_0000_b3_00_0\n\
         gpupci4 pci_10000_01_00_0\n",
    ),
    (
        "mixed.tree",
        "gpupci1 pci_0000_04_00_0\ngpupci2 pci_0000_05_00_0\n",
    ),
    ("no-cards.tree", ""),
    (
        "old-kernel.tree",
        "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_05_00_0\ngpupci3 pci_0000_06_00_0\n",
    ),
    ("z390-igpu.tree", "gpupci1 pci_0000_01_00_0\n"),
    (
        "b550-shared-group.tree",
        "gpupci1 pci_0000_04_00_0\ngpupci2 pci_0000_2b_00_0\n",
    ),
    ("b550-amd-switch.tree", ""),
    ("twins.tree", ""),
    ("laptop-asleep.tree", "gpupci1 pci_0000_01_00_0\n"),
    (
        "eight-cards.tree",
        "gpupci1 pci_0000_3d_00_0\ngpupci2 pci_0000_3e_00_0\ngpupci3 pci_0000_40_00_0\n\
         gpupci4 pci_0000_41_00_0\ngpupci5 pci_0000_b1_00_0\ngpupci6 pci_0000_b2_00_0\n\
         gpupci7 pci_0000_b4_00_0\ngpupci8 pci_0000_b5_00_0\n",
    ),
    ("centos7.tree", "gpupci1 pci_0000_04_00_0\n"),
];

const DEVICES: &str = "sys/bus/pci/devices";
const NVIDIA: &str = "0x10de\n";
const DISPLAY: &str = "0x030200\n";

impl TestHost {
    /// Adds a function with the attributes that `gpupci list` needs.
    fn add_function(&self, address: &str, vendor: &str, class: &str) {
        self.write(&format!("{DEVICES}/{address}/vendor"), vendor);
        self.write(&format!("{DEVICES}/{address}/class"), class);
        self.write(&format!("{DEVICES}/{address}/device"), "0x1e87\n");
    }

    /// The output of `gpupci list`, which must succeed.
    #[track_caller]
    fn cards(&self) -> String {
        self.gpupci(&["list", "-q"]).answer()
    }

    /// The output of `gpupci LINE` without a names file.
    #[track_caller]
    fn first_named(&self, line: &str) -> String {
        drop(fs::remove_file(self.path("var/lib/gpupt/cards.json")));
        self.line(&format!("-q {line}")).answer()
    }
}

#[test]
fn list_prints_the_cards_of_every_tree() {
    for (tree, cards) in TREES {
        let host = TestHost::unpacked(tree);
        for word in ["list", "-l", "--list"] {
            assert_eq!(host.gpupci(&["-q", word]).answer(), cards, "{tree} {word}");
        }
    }
}

#[test]
fn virtual_functions_do_not_change_card_numbers() {
    let host = TestHost::unpacked("mixed.tree");
    // Before, between and after the cards; in other slots and on other buses.
    let places = [
        "0000:00:10.0",
        "0000:04:10.0",
        "0000:05:01.0",
        "0000:ff:1f.7",
    ];
    for address in places {
        host.add_function(address, NVIDIA, DISPLAY);
    }
    assert_eq!(host.cards().lines().count(), 6);
    for (target, address) in [
        "../0000:05:00.0",
        "../../../devices/pci0000:00/0000:00:1b.0/0000:05:00.0",
        "/nowhere",
        "../0000:05:00.0",
    ]
    .iter()
    .zip(places)
    {
        let physfn = host.path(&format!("{DEVICES}/{address}/physfn"));
        symlink(target, physfn).expect("the link is made");
    }
    assert_eq!(host.first_named("list"), TREES[2].1);
}

#[test]
fn cards_are_ordered_by_number() {
    // The original's recorded answers have gpupci10 before gpupci2.
    let host = TestHost::named("twelve");
    for bus in (1..=12).rev() {
        host.add_function(&format!("0000:{bus:02x}:00.0"), NVIDIA, DISPLAY);
    }
    let line = |bus: i32| format!("gpupci{bus} pci_0000_{bus:02x}_00_0\n");
    assert_eq!(host.cards(), (1..=12).map(line).collect::<String>());

    // Domains are ordered by number too.
    let host = TestHost::named("domains");
    for domain in ["10000", "0002", "ffffffff", "fffe"] {
        host.add_function(&format!("{domain}:01:00.0"), NVIDIA, DISPLAY);
    }
    assert_eq!(
        host.cards(),
        "gpupci1 pci_0002_01_00_0\ngpupci2 pci_fffe_01_00_0\ngpupci3 pci_10000_01_00_0\n\
         gpupci4 pci_ffffffff_01_00_0\n"
    );
}

#[test]
fn card_has_the_address_of_its_display_function() {
    let host = TestHost::named("odd");
    host.add_function("0000:01:00.0", NVIDIA, "0x040300\n");
    host.add_function("0000:01:00.2", NVIDIA, "0x030000\n");
    // Some functions of NVIDIA's are no cards, and some other functions of a slot are no part of a card.
    host.add_function("0000:02:00.0", NVIDIA, "0x068000\n");
    host.add_function("0000:03:00.0", "0x1b21\n", "0x0c0330\n");
    host.add_function("0000:03:00.1", NVIDIA, "0x038000\n");
    assert_eq!(
        host.cards(),
        "gpupci1 pci_0000_01_00_2\ngpupci2 pci_0000_03_00_1\n"
    );
    let json: Value = serde_json::from_str(&host.line("list --json").answer()).expect("JSON");
    assert_eq!(json["cards"][0]["address"], "0000:01:00.2");
    assert_eq!(
        essence(&json["cards"][1]["functions"]),
        [["0000:03:00.1", "10de", "video"]]
    );
}

#[test]
fn list_works_on_a_host_of_two_hundred_functions() {
    let host = large("200");
    assert_eq!(
        fs::read_dir(host.path(DEVICES)).map(Iterator::count).ok(),
        Some(200)
    );
    let buses = ["01", "11", "21", "31", "81", "91", "a1", "b1"];
    let line = |(index, bus)| format!("gpupci{} pci_0000_{bus}_00_0\n", index + 1);
    assert_eq!(
        host.cards(),
        buses.iter().enumerate().map(line).collect::<String>()
    );
}

/// An invented host with this number of functions.
fn large(functions: &str) -> TestHost {
    let mut command = Command::new("sh");
    command.arg(fixture("hosts/large.sh")).arg(functions);
    let tree = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(tree.path(), run(&mut command, b"").answer()).expect("the tree is written");
    TestHost::unpacked(tree.path().to_str().expect("a plain path"))
}

/// The number of cards of the machine that runs the tests, counted without `gpupci`; none if its
/// PCI bus cannot be listed.
fn cards_of_this_machine() -> Option<usize> {
    let mut slots = BTreeSet::new();
    for function in fs::read_dir("/sys/bus/pci/devices").ok()? {
        let function = function.ok()?;
        let text = |name| fs::read_to_string(function.path().join(name)).unwrap_or_default();
        let is_virtual = function.path().join("physfn").symlink_metadata().is_ok();
        if text("vendor") == NVIDIA && text("class").starts_with("0x03") && !is_virtual {
            let name = function.file_name().into_string().ok()?;
            slots.insert(name.split('.').next()?.to_owned());
        }
    }
    Some(slots.len())
}

#[test]
fn list_runs_on_the_machine_that_runs_the_tests() {
    // The real /sys, but not the real settings, which may list other vendors.
    let host = TestHost::named("here");
    symlink("/sys", host.path("sys")).expect("the link is made");
    let said = host.gpupci(&["-l"]);
    let Some(count) = cards_of_this_machine() else {
        return assert_unable(&said, "/sys/bus/pci/devices");
    };
    let text = said.answer();
    for (index, line) in text.lines().enumerate() {
        let place = line.strip_prefix(&format!("gpupci{} pci_", index + 1));
        let numbers: Vec<&str> = place.unwrap_or_default().split('_').collect();
        let lengths: Vec<usize> = numbers.iter().map(|number| number.len()).collect();
        assert!(
            matches!(lengths[..], [4..=8, 2, 2, 1])
                && numbers.concat().bytes().all(|b| b.is_ascii_hexdigit()),
            "{line}"
        );
    }
    assert_eq!(text.lines().count(), count, "{text}");
    // With the real root, the exit code is one of those in the manual.
    let said = run(gpupci().arg("-l"), b"");
    let is_known = matches!(said.code, Some(0)) || said.stderr.starts_with("gpupci: ");
    assert!(is_known, "{said:?}");
}
