//! The vendors whose cards are listed.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::TREES;
use crate::support::TestHost;

#[test]
fn vendor_option_adds_a_vendor() {
    let host = TestHost::unpacked("mixed.tree");
    let with_amd = "gpupci1 pci_0000_03_00_0\ngpupci2 pci_0000_04_00_0\ngpupci3 pci_0000_05_00_0\n";
    assert_eq!(host.first_named("list --vendor 1002"), with_amd);
    assert_eq!(host.first_named("--vendor=1002 -l"), with_amd);
    assert_eq!(
        host.first_named("list --vendor 1A03 --vendor 8086 --vendor 10de"),
        "gpupci1 pci_0000_00_02_0\ngpupci2 pci_0000_04_00_0\ngpupci3 pci_0000_05_00_0\n\
         gpupci4 pci_0000_07_00_0\n"
    );
    // This host also has bridges and an audio function of AMD; the other tree has a display of
    // QEMU.
    assert_eq!(host.first_named("list --vendor 15b3"), TREES[2].1);
    for (tree, vendor, cards) in [
        ("no-cards.tree", "1234", "gpupci1 pci_0000_00_02_0\n"),
        (
            "b550-amd-switch.tree",
            "1002",
            "gpupci1 pci_0000_04_00_0\ngpupci2 pci_0000_08_00_0\n",
        ),
        (
            "twins.tree",
            "1002",
            "gpupci1 pci_0000_26_00_0\ngpupci2 pci_0000_27_00_0\n",
        ),
    ] {
        let listed = TestHost::unpacked(tree).gpupci(&["-q", "list", "--vendor", vendor]);
        assert_eq!(listed.answer(), cards, "{tree}");
    }
}

#[test]
fn vendors_setting_replaces_nvidia() {
    let host = TestHost::unpacked("mixed.tree");
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
        assert_eq!(host.first_named(words), cards, "{vendors} {words}");
    }
    host.write("etc/gpupt.toml", "# nothing is chosen\n");
    assert_eq!(host.first_named("list"), TREES[2].1);
}

#[test]
fn vendors_have_names() {
    let host = TestHost::unpacked("mixed.tree");
    let with_amd = host.first_named("list --vendor 1002");
    assert_eq!(host.first_named("list --vendor AMD"), with_amd);
    host.write("etc/gpupt.toml", "vendors = [\"Nvidia\", \"amd\"]\n");
    assert_eq!(host.first_named("list"), with_amd);
}

#[test]
fn list_says_which_displays_do_not_count_and_how_to_count_them() {
    let host = TestHost::unpacked("mixed.tree");
    let note = "gpupci: not counted as cards: 0000:00:02.0 (intel), 0000:03:00.0 (amd); to count, set \
                `vendors = [\"nvidia\", \"intel\", \"amd\"]` in /etc/gpupt.toml, or use --vendor intel \
                --vendor amd\n";
    let said = host.line("list");
    assert_eq!(
        (said.text().as_str(), said.stderr.as_str()),
        (TREES[2].1, note)
    );
    assert_eq!(host.line("-q list").answer(), TREES[2].1);
    let said = host.line("list --vendor intel");
    assert!(
        said.stderr
            .contains("as a card: 0000:03:00.0 (amd); to count"),
        "{}",
        said.stderr
    );
    // Almost every server has the display of a management controller, here ASPEED's.
    assert_eq!(host.line("list -v").stderr, note);
    // The setting that it proposes does what it says.
    host.write(
        "etc/gpupt.toml",
        "vendors = [\"nvidia\", \"intel\", \"amd\"]\n",
    );
    assert_eq!(host.first_named("list").lines().count(), 4);
}

#[test]
fn json_lists_every_display_that_do_not_count() {
    let text = TestHost::unpacked("twins.tree")
        .line("list --json")
        .answer();
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["cards"], json!([]));
    let uncounted = |address| {
        json!({
            "address": address,
            "vendor": "1002",
            "setting": "vendors = [\"nvidia\", \"amd\"]",
        })
    };
    let both = ["0000:26:00.0", "0000:27:00.0"].map(uncounted);
    assert_eq!(document["not_counted"], json!(both));
}

#[test]
fn invalid_vendor_is_refused_and_named() {
    let host = TestHost::unpacked("mixed.tree");
    let file = host.path("etc/gpupt.toml").display().to_string();
    for (vendors, why) in [
        (
            "\"10de\"",
            "expected a list of vendors such as [\"nvidia\", \"amd\"",
        ),
        ("1002", "expected a list of vendors"),
        ("[4318]", "expected a string"),
        (
            "[\"ati\"]",
            "\"ati\" is not a vendor: expected nvidia, amd, intel, or",
        ),
        ("[\"10de\", \"0x1002\"]", "\"0x1002\" is not a vendor"),
        ("[\"\\u001b[31m\"]", "[31m\" is not a vendor"),
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
    for id in ["ati", "0x10de", "10de:", ""] {
        let said = host.gpupci(&["list", "--vendor", id]);
        assert_eq!((said.code, said.text().as_str()), (Some(2), ""));
        assert!(said.stderr.contains("--vendor"), "{}", said.stderr);
        assert!(
            said.stderr.contains("nvidia, amd, intel"),
            "{}",
            said.stderr
        );
    }
}
