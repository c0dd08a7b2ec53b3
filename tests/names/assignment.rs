//! Which names cards get, and that they keep them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;
use crate::{CARDS, DEVICES};

#[test]
fn first_list_writes_the_names_file() {
    let host = TestHost::unpacked("manual.tree");
    for line in [
        "status",
        "groups",
        "detach all --dry-run",
        "attach all --dry-run",
    ] {
        host.line(line).answer();
        assert!(!host.path(CARDS).exists(), "{line}");
    }
    let cards = host.cards();
    assert_eq!(
        cards,
        "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_03_00_0\n"
    );
    let card = |name, address| {
        json!({
            "name": name,
            "address": address,
            "vendor": "10de",
            "device": "06de",
            "subsystem_vendor": "10de",
            "subsystem_device": "082f",
        })
    };
    let kept: Value = serde_json::from_str(&host.names_file()).expect("JSON");
    assert_eq!(
        kept,
        json!({
            "version": 1,
            "cards": [card("gpupci1", "0000:02:00.0"), card("gpupci2", "0000:03:00.0")],
        })
    );
    // Users may read the file, and a second list does not write it.
    let facts = || host.path(CARDS).metadata().expect("it is there");
    let file = facts().ino();
    assert_eq!(facts().permissions().mode() & 0o777, 0o644);
    for line in ["list", "-l", "list -v", "list --json", "status", "groups"] {
        host.line(line).answer();
        assert_eq!(facts().ino(), file, "{line}");
    }
    let mut left = fs::read_dir(host.path("var/lib/gpupt")).expect("a folder");
    assert!(left.next().is_some() && left.next().is_none());
}

#[test]
fn pulled_card_keeps_its_name() {
    let host = TestHost::unpacked("manual.tree");
    host.cards();
    let kept = host.names_file();
    let port = host.path("sys/devices/pci0000:00/0000:00:03.0");
    let functions = ["0000:02:00.0", "0000:02:00.1"];
    let links = functions.map(|function| host.path(&format!("{DEVICES}/{function}")));
    for (function, link) in functions.iter().zip(&links) {
        fs::rename(port.join(function), host.path(function)).expect("the function goes");
        fs::remove_file(link).expect("its link goes");
    }
    assert_eq!(host.cards(), "gpupci2 pci_0000_03_00_0\n");
    let said = host.line("status gpupci1");
    assert_eq!(said.code, Some(3));
    assert_eq!(said.stderr, "GPU card gpupci1 not found\n");
    assert_eq!(host.names_file(), kept);
    for (function, link) in functions.iter().zip(&links) {
        fs::rename(host.path(function), port.join(function)).expect("the function comes");
        symlink(
            format!("../../../devices/pci0000:00/0000:00:03.0/{function}"),
            link,
        )
        .expect("its link comes");
    }
    assert_eq!(
        host.cards(),
        "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_03_00_0\n"
    );
    assert_eq!(host.names_file(), kept);
}

#[test]
fn new_card_gets_the_next_free_name_in_any_slot() {
    let host = TestHost::named("growing");
    host.plug("0000:04:00", "1e87");
    host.plug("0000:08:00", "1e87");
    host.cards();
    host.plug("0000:02:00", "2236");
    host.plug("0000:06:00", "2236");
    assert_eq!(
        host.cards(),
        "gpupci1 pci_0000_04_00_0\ngpupci2 pci_0000_08_00_0\n\
         gpupci3 pci_0000_02_00_0\ngpupci4 pci_0000_06_00_0\n"
    );
    // The name of a pulled card is not free.
    host.pull("0000:08:00");
    host.pull("0000:02:00");
    host.plug("0000:01:00", "1e87");
    let three = "gpupci1 pci_0000_04_00_0\ngpupci4 pci_0000_06_00_0\ngpupci5 pci_0000_01_00_0\n";
    assert_eq!(host.cards(), three);
    assert_eq!(
        host.names_in_file(),
        [
            "gpupci1 0000:04:00.0",
            "gpupci2 0000:08:00.0",
            "gpupci3 0000:02:00.0",
            "gpupci4 0000:06:00.0",
            "gpupci5 0000:01:00.0",
        ]
    );
    host.pull("0000:04:00");
    host.pull("0000:06:00");
    host.pull("0000:01:00");
    assert_eq!(host.cards(), "");
    assert_eq!(host.names_in_file().len(), 5);
}

#[test]
fn renumber_names_the_present_cards_from_1() {
    let host = TestHost::named("afresh");
    host.plug("0000:04:00", "1e87");
    host.plug("0000:08:00", "1e87");
    host.cards();
    host.plug("0000:02:00", "2236");
    host.pull("0000:04:00");
    assert_eq!(
        host.cards(),
        "gpupci2 pci_0000_08_00_0\ngpupci3 pci_0000_02_00_0\n"
    );
    let two = "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_08_00_0\n";
    assert_eq!(host.line("renumber").answer(), two);
    assert_eq!(
        host.names_in_file(),
        ["gpupci1 0000:02:00.0", "gpupci2 0000:08:00.0"]
    );
    assert_eq!(host.cards(), two);
    // The pulled card has lost its name. It gets the next free one.
    host.plug("0000:04:00", "1e87");
    assert_eq!(host.cards(), format!("{two}gpupci3 pci_0000_04_00_0\n"));
    let told: Value = serde_json::from_str(&host.line("renumber --json").answer()).expect("JSON");
    assert_eq!(told["cards"][1]["address"], "0000:04:00.0");
    assert_eq!(told["cards"][1]["name"], "gpupci2");
    // The same on a host without a names file.
    fs::remove_file(host.path(CARDS)).expect("the names go");
    assert_eq!(host.line("renumber").answer().lines().count(), 3);
    assert_eq!(host.names_in_file().len(), 3);
}

#[test]
fn additional_vendor_renames_no_card() {
    let host = TestHost::unpacked("mixed.tree");
    let own = "gpupci1 pci_0000_04_00_0\ngpupci2 pci_0000_05_00_0\n";
    assert_eq!(host.cards(), own);
    let with_amd = format!("{own}gpupci3 pci_0000_03_00_0\n");
    assert_eq!(host.line("-q list --vendor 1002").answer(), with_amd);
    assert_eq!(host.cards(), own);
    host.write("etc/gpupt.toml", "vendors = [\"8086\", \"1002\"]\n");
    assert_eq!(
        host.cards(),
        "gpupci3 pci_0000_03_00_0\ngpupci4 pci_0000_00_02_0\n"
    );
    // `renumber` names the cards of the listed vendors only.
    assert_eq!(
        host.line("-q renumber --vendor 1a03").answer(),
        "gpupci1 pci_0000_00_02_0\ngpupci2 pci_0000_03_00_0\ngpupci3 pci_0000_07_00_0\n"
    );
    host.write("etc/gpupt.toml", "");
    assert_eq!(
        host.cards(),
        "gpupci4 pci_0000_04_00_0\ngpupci5 pci_0000_05_00_0\n"
    );
}

#[test]
fn names_are_in_numeric_order() {
    let host = TestHost::named("twelve");
    for bus in 1..=12 {
        host.plug(&format!("0000:{bus:02x}:00"), "1e87");
    }
    let line = |bus: i32| format!("gpupci{bus} pci_0000_{bus:02x}_00_0\n");
    assert_eq!(host.cards(), (1..=12).map(line).collect::<String>());
    host.pull("0000:01:00");
    let rest: String = (2..=12).map(line).collect();
    assert_eq!(host.cards(), rest);
    host.plug("0000:00:1f", "1e87");
    assert_eq!(host.cards(), format!("{rest}gpupci13 pci_0000_00_1f_0\n"));
    let names = host.names_in_file();
    assert_eq!(names[1], "gpupci2 0000:02:00.0");
    assert_eq!(names[12], "gpupci13 0000:00:1f.0");
    let text = host.line("status").answer();
    let told: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split('\'').nth(1))
        .collect();
    assert_eq!(told[..3], ["gpupci2", "gpupci3", "gpupci4"]);
    assert_eq!(told[10..], ["gpupci12", "gpupci13"]);
}

#[test]
fn names_file_stores_32_bit_domains() {
    let host = TestHost::named("domains");
    for domain in ["10000", "ffffffff", "0002"] {
        host.plug(&format!("{domain}:01:00"), "1e87");
    }
    let cards =
        "gpupci1 pci_0002_01_00_0\ngpupci2 pci_10000_01_00_0\ngpupci3 pci_ffffffff_01_00_0\n";
    assert_eq!(host.cards(), cards);
    assert_eq!(
        host.names_in_file(),
        [
            "gpupci1 0002:01:00.0",
            "gpupci2 10000:01:00.0",
            "gpupci3 ffffffff:01:00.0",
        ]
    );
    // 0001:0000 is not 10000.
    host.plug("0001:00:00", "1e87");
    assert_eq!(host.cards(), format!("{cards}gpupci4 pci_0001_00_00_0\n"));
}
