//! The argument that selects a card: its name or address, in every spelling.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{linked, manual};

/// The status lines of one card of `manual.tree`.
fn of(name: &str) -> String {
    let all = manual();
    let own = all.lines().filter(|line| line.contains(name));
    own.map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_spelling_of_a_card_is_accepted() {
    let host = TestHost::unpacked("manual.tree");
    for word in [
        "gpupci1",
        "GPUPCI1",
        "GpuPci1",
        "02:00.0",
        "02:00.1",
        "0000:02:00.0",
        "0000:02:00.1",
        "0000:02:00",
        "02:00",
        "pci_0000_02_00_0",
        "pci_0000_02_00_1",
        "PCI_0000_02_00_0",
    ] {
        for line in [format!("status {word}"), format!("-s {word}")] {
            assert_eq!(host.line(&line).answer(), of("gpupci1"), "{line}");
        }
    }
    for word in ["all", "ALL", "All"] {
        assert_eq!(
            host.line(&format!("-s {word}")).answer(),
            manual(),
            "{word}"
        );
    }
    let turing = TestHost::unpacked("four-functions.tree");
    let lower = turing.line("status 0000:b3:00.0").answer();
    assert_eq!(lower.lines().count(), 4);
    for word in [
        "B3:00.0",
        "0000:B3:00",
        "pci_0000_B3_00_3",
        "PCI_0000_b3_00_1",
    ] {
        assert_eq!(turing.line(&format!("status {word}")).answer(), lower);
    }
    let behind_vmd = linked("gpupci4", "video", "10000:01:00.0", "nvidia");
    for word in [
        "10000:01:00.0",
        "10000:01:00",
        "pci_10000_01_00_0",
        "00010000:01:00.0",
    ] {
        let said = turing.line(&format!("status {word}"));
        assert_eq!(said.answer(), behind_vmd, "{word}");
    }
}

#[test]
fn card_of_a_vendor_that_does_not_count_is_found_by_its_address_alone() {
    let host = TestHost::unpacked("manual.tree");
    let onboard = "GPU card '0000:04:03.0' video device 0000:04:03.0 is linked to \
                   bus/pci/drivers/mgag200 driver\n";
    for word in ["04:03.0", "0000:04:03", "pci_0000_04_03_0"] {
        assert_eq!(
            host.line(&format!("status {word}")).answer(),
            onboard,
            "{word}"
        );
    }
    let all = host.line("status all").answer();
    assert!(!all.contains("04:03.0"), "{all}");
}

#[test]
fn unknown_cards_are_reported_and_the_others_shown() {
    let host = TestHost::unpacked("manual.tree");
    for word in [
        "gpupci9",
        "gpupci0",
        "gpupci01",
        "gpupci",
        "gpupci4294967297",
        "nvidia0",
        "1",
        "02:00.2",
        "02:00.8",
        "02:20",
        "0001:02:00.0",
        "01:00.0",
        "pci_0000_02_00_2",
        "../0000:02:00.0",
        "../../etc/passwd",
        "0000:02:00.0/..",
        "*",
        "--",
        "alle",
    ] {
        let missing = format!("GPU card {word} not found\n");
        let said = host.gpupci(&["status", "--", word]);
        let told = (said.code, said.text(), said.stderr);
        assert_eq!(told, (Some(3), String::new(), missing.clone()));
        let said = host.gpupci(&["status", "gpupci2", "--", word, "gpupci1"]);
        let told = (said.code, said.text(), said.stderr);
        let others = of("gpupci2") + &of("gpupci1");
        assert_eq!(told, (Some(3), others, missing));
    }
    for (line, missing) in [
        ("-s gpupci9", "GPU card gpupci9 not found\n"),
        ("-q -s gpupci9", "GPU card gpupci9 not found\n"),
        (
            "-s gpupci9 -s nosuch -s gpupci9",
            "GPU card gpupci9 not found\nGPU card nosuch not found\nGPU card gpupci9 not found\n",
        ),
    ] {
        let said = host.line(line);
        let told = (said.code, said.text(), said.stderr.as_str());
        assert_eq!(told, (Some(3), String::new(), missing), "{line}");
    }
}

#[test]
fn each_card_is_shown_once_in_the_order_of_the_arguments() {
    let host = TestHost::unpacked("manual.tree");
    let turned = of("gpupci2") + &of("gpupci1");
    for line in [
        "status gpupci2 gpupci1",
        "status 03:00.1 gpupci1 GPUPCI2 pci_0000_02_00_1 03:00",
        "status gpupci2 all",
        "-s gpupci2 -s gpupci1 -s gpupci2",
        "--status=gpupci2 -sall",
    ] {
        assert_eq!(host.line(line).answer(), turned, "{line}");
    }
    assert_eq!(host.line("status all gpupci2").answer(), manual());
}

#[test]
fn hostile_arguments_are_escaped() {
    let host = TestHost::unpacked("manual.tree");
    let long = "x".repeat(100_000);
    for (word, shown) in [
        ("", ""),
        (" ", " "),
        ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
        ("\u{9b}31m", "\\u{9b}31m"),
        ("gpupci1\n", "gpupci1\\n"),
        ("gpupci1\r\t", "gpupci1\\r\\t"),
        ("gpupci1 ", "gpupci1 "),
        (" gpupci1", " gpupci1"),
        ("gpupci1\ngpupci2", "gpupci1\\ngpupci2"),
        ("\u{202e}1icpupg", "\\u{202e}1icpupg"),
        ("gpupci\u{661}", "gpupci\u{661}"),
        ("\u{ff10}2:00.0", "\u{ff10}2:00.0"),
        ("'; rm -rf /", "'; rm -rf /"),
        (&long, &long),
    ] {
        let said = host.gpupci(&["status", word]);
        let told = (said.code, said.text(), said.stderr);
        let missing = format!("GPU card {shown} not found\n");
        assert_eq!(told, (Some(3), String::new(), missing));
    }
    // An argument that is not UTF-8 is refused.
    let said = host.gpupci(&[OsStr::new("status"), OsStr::from_bytes(b"gpupci1\xff")]);
    assert_eq!((said.code, said.text().as_str()), (Some(2), ""));
    assert!(said.stderr.contains("UTF-8"), "{}", said.stderr);
}

#[test]
fn short_options_combine_only_with_each_other() {
    let host = TestHost::unpacked("manual.tree");
    let cards = "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_03_00_0\n";
    for line in [
        "-l -s all",
        "-s all -l",
        "-ls all",
        "-lsall",
        "--list --status all",
    ] {
        assert_eq!(host.line(line).answer(), format!("{cards}{}", manual()));
    }
    let said = host.line("-l -s nosuch");
    let told = (said.code, said.text(), said.stderr.as_str());
    let missing = "GPU card nosuch not found\n";
    assert_eq!(told, (Some(3), cards.to_owned(), missing));
    for line in [
        "-l status",
        "-l list",
        "-s all status",
        "-s all detach gpupci1",
        "-l groups",
        "-d gpupci1 recover",
        "-a all renumber",
    ] {
        let said = host.line(line);
        let told = (said.code, said.text(), said.stderr.as_str());
        let why = "gpupci: -l, -s, -d and -a cannot be combined with a command\n";
        assert_eq!(told, (Some(2), String::new(), why), "{line}");
    }
    for line in ["-s", "--status", "-s --", "-l gpupci1"] {
        let said = host.line(line);
        assert_eq!((said.code, said.text().as_str()), (Some(2), ""), "{line}");
        assert!(said.stderr.contains("--help"), "{line}: {}", said.stderr);
    }
}
