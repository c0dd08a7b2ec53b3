//! `gpupci list`: on hosts made of files, and on the real one.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "list/sysfs.rs"]
mod sysfs;
#[path = "list/trees.rs"]
mod trees;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use support::{Host, gpupci, run};
use sysfs::assert_unable;

/// Every tree, and what `gpupci list` says of it.
const TREES: [(&str, &str); 5] = [
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
];

const DEVICES: &str = "sys/bus/pci/devices";
const NVIDIA: &str = "0x10de\n";
const DISPLAY: &str = "0x030200\n";

impl Host {
    /// Adds a function, as far as `gpupci list` looks at it.
    fn add_function(&self, address: &str, vendor: &str, class: &str) {
        self.write(&format!("{DEVICES}/{address}/vendor"), vendor);
        self.write(&format!("{DEVICES}/{address}/class"), class);
    }

    /// What `gpupci list` says here, if all is well.
    #[track_caller]
    fn cards(&self) -> String {
        self.gpupci(&["list"]).answer()
    }
}

#[test]
fn every_tree_lists_its_cards() {
    for (tree, cards) in TREES {
        let host = Host::unpacked(tree);
        for word in ["list", "-l", "--list"] {
            assert_eq!(host.gpupci(&[word]).answer(), cards, "{tree} {word}");
        }
    }
}

#[test]
fn a_vendor_on_the_command_line_comes_on_top() {
    let host = Host::unpacked("mixed.tree");
    let with_amd = "gpupci1 pci_0000_03_00_0\ngpupci2 pci_0000_04_00_0\ngpupci3 pci_0000_05_00_0\n";
    assert_eq!(host.line("list --vendor 1002").answer(), with_amd);
    assert_eq!(host.line("--vendor=1002 -l").answer(), with_amd);
    assert_eq!(
        host.line("list --vendor 1A03 --vendor 8086 --vendor 10de")
            .answer(),
        "gpupci1 pci_0000_00_02_0\ngpupci2 pci_0000_04_00_0\ngpupci3 pci_0000_05_00_0\n\
         gpupci4 pci_0000_07_00_0\n"
    );
    // AMD also made bridges and an audio function here, QEMU a display in the other tree.
    assert_eq!(host.line("list --vendor 15b3").answer(), TREES[2].1);
    let guest = Host::unpacked("no-cards.tree");
    assert_eq!(
        guest.line("list --vendor 1234").answer(),
        "gpupci1 pci_0000_00_02_0\n"
    );
}

#[test]
fn the_vendors_of_the_settings_take_the_place_of_nvidia() {
    let host = Host::unpacked("mixed.tree");
    for (vendors, words, cards) in [
        ("[\"1002\"]", "list", "gpupci1 pci_0000_03_00_0\n"),
        (
            "[\"1002\", \"8086\"]",
            "list",
            "gpupci1 pci_0000_00_02_0\ngpupci2 pci_0000_03_00_0\n",
        ),
        (
            "[\"1002\"]",
            "list --vendor 1a03",
            "gpupci1 pci_0000_03_00_0\ngpupci2 pci_0000_07_00_0\n",
        ),
        ("[]", "list", ""),
    ] {
        host.write("etc/gpupt.toml", &format!("vendors = {vendors}\n"));
        assert_eq!(host.line(words).answer(), cards, "{vendors} {words}");
    }
    host.write("etc/gpupt.toml", "# nothing is chosen\n");
    assert_eq!(host.cards(), TREES[2].1);
}

#[test]
fn a_wrong_vendor_is_refused_by_its_name() {
    let host = Host::unpacked("mixed.tree");
    let file = host.path("etc/gpupt.toml").display().to_string();
    for (vendors, why) in [
        ("\"10de\"", "expected a sequence"),
        ("[4318]", "expected a string"),
        ("[\"nvidia\"]", "\"nvidia\" is not a PCI vendor id"),
        (
            "[\"10de\", \"0x1002\"]",
            "\"0x1002\" is not a PCI vendor id",
        ),
        ("[\"\\u001b[31m\"]", "[31m\" is not a PCI vendor id"),
    ] {
        host.write("etc/gpupt.toml", &format!("vendors = {vendors}\n"));
        let said = host.gpupci(&["list"]);
        assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
        for words in [file.as_str(), why] {
            assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
        }
        assert!(!said.stderr.contains('\u{1b}'), "{:?}", said.stderr);
    }
    fs::remove_file(&file).expect("the settings go away");
    for id in ["nvidia", "0x10de", "10de:", ""] {
        let said = host.gpupci(&["list", "--vendor", id]);
        assert_eq!((said.code, said.text().as_str()), (Some(2), ""));
        assert!(said.stderr.contains("--vendor"), "{}", said.stderr);
    }
}

fn json_of(tree: &str, line: &str) -> Value {
    let text = Host::unpacked(tree).line(line).answer();
    serde_json::from_str(&text).expect("this is JSON")
}

fn function(address: &str, vendor: &str, kind: &str) -> Value {
    json!({"address": address, "vendor": vendor, "kind": kind})
}

#[test]
fn json_tells_the_functions_of_each_card() {
    let card = |name, video, audio| {
        let functions = [
            function(video, "10de", "video"),
            function(audio, "10de", "audio"),
        ];
        json!({"name": name, "address": video, "functions": functions})
    };
    let manual = json!({
        "version": 1,
        "cards": [
            card("gpupci1", "0000:02:00.0", "0000:02:00.1"),
            card("gpupci2", "0000:03:00.0", "0000:03:00.1"),
        ],
    });
    for line in ["list --json", "--json list", "-l --json", "--json --list"] {
        assert_eq!(json_of("manual.tree", line), manual, "{line}");
    }
    assert_eq!(
        json_of("no-cards.tree", "list --json"),
        json!({"version": 1, "cards": []})
    );
}

#[test]
fn every_function_of_a_card_has_its_word() {
    let turing = json_of("four-functions.tree", "list --json");
    assert_eq!(
        turing["cards"][2]["functions"],
        json!([
            function("0000:b3:00.0", "10de", "video"),
            function("0000:b3:00.1", "10de", "audio"),
            function("0000:b3:00.2", "10de", "usb"),
            function("0000:b3:00.3", "10de", "serial"),
        ])
    );
    let behind_vmd = function("10000:01:00.0", "10de", "video");
    assert_eq!(
        turing["cards"][3],
        json!({"name": "gpupci4", "address": "10000:01:00.0", "functions": [behind_vmd]})
    );

    let mixed = json_of("mixed.tree", "list --json --vendor 1002");
    let functions = [
        json!([
            function("0000:03:00.0", "1002", "video"),
            function("0000:03:00.1", "1002", "audio"),
        ]),
        json!([function("0000:04:00.0", "10de", "video")]),
        // Its virtual functions are not its own.
        json!([function("0000:05:00.0", "10de", "video")]),
    ];
    for (index, functions) in functions.into_iter().enumerate() {
        assert_eq!(mixed["cards"][index]["functions"], functions);
    }
}

#[test]
fn virtual_functions_never_renumber_the_cards() {
    let host = Host::unpacked("mixed.tree");
    // Before, between and after the cards; in slots and on buses of their own.
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
    assert_eq!(host.cards(), TREES[2].1);
}

#[test]
fn cards_are_counted_and_not_spelled() {
    // As in the original's recorded answers, which had gpupci10 before gpupci2.
    let host = Host::named("twelve");
    for bus in (1..=12).rev() {
        host.add_function(&format!("0000:{bus:02x}:00.0"), NVIDIA, DISPLAY);
    }
    let line = |bus: i32| format!("gpupci{bus} pci_0000_{bus:02x}_00_0\n");
    assert_eq!(host.cards(), (1..=12).map(line).collect::<String>());

    // A domain is a number too.
    let host = Host::named("domains");
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
fn a_card_is_known_by_its_display_function() {
    let host = Host::named("odd");
    host.add_function("0000:01:00.0", NVIDIA, "0x040300\n");
    host.add_function("0000:01:00.2", NVIDIA, "0x030000\n");
    // Not every function of NVIDIA's is a card, and not every card's companions are NVIDIA's.
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
        json["cards"][1]["functions"],
        json!([
            function("0000:03:00.0", "1b21", "usb"),
            function("0000:03:00.1", "10de", "video"),
        ])
    );
}

#[test]
fn a_host_of_two_hundred_functions_unpacks_and_lists() {
    let tree = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut functions = String::new();
    let mut bus = String::new();
    for slot in 0..200 {
        let address = format!("0000:{:02x}:{:02x}.0", slot / 25, slot % 25);
        let device = format!("devices/pci0000:00/{address}");
        let (vendor, class, driver) = match slot % 25 {
            24 => ("10de", "030200", "nvidia"),
            _ => ("8086", "020000", "igb"),
        };
        for (name, value) in [("vendor", vendor), ("class", class), ("device", "1521")] {
            functions += &format!("sys/{device}/{name} = 0x{value}\n");
        }
        for name in ["irq", "enable", "numa_node", "local_cpus", "power_state"] {
            functions += &format!("sys/{device}/{name} = {slot}\n");
        }
        functions += &format!("sys/{device}/driver -> ../../../bus/pci/drivers/{driver}\n");
        bus += &format!("{DEVICES}/{address} -> ../../../{device}\n");
    }
    fs::write(tree.path(), functions + "\n# The bus\n" + &bus).expect("the tree is written");
    let host = Host::unpacked(tree.path().to_str().expect("a plain path"));
    assert_eq!(
        fs::read_dir(host.path(DEVICES)).map(Iterator::count).ok(),
        Some(200)
    );
    let line = |index: i32| format!("gpupci{} pci_0000_{index:02x}_18_0\n", index + 1);
    assert_eq!(host.cards(), (0..8).map(line).collect::<String>());
}

/// How many cards the machine that runs this test has, seen without `gpupci`; nothing where the bus
/// cannot be listed.
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
fn the_machine_that_runs_this_is_listed_or_says_why_not() {
    // Its /sys, and not its settings, which may want other vendors.
    let host = Host::named("here");
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
    // With the real root, settings or not, it ends in one of the ways that the manual names.
    let said = run(gpupci().arg("-l"), b"");
    let is_known = matches!(said.code, Some(0)) || said.stderr.starts_with("gpupci: ");
    assert!(is_known, "{said:?}");
}
