//! `gpupci status` and `gpupci groups`, the table of `-v`, and the spellings of a card.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "status/card_arguments.rs"]
mod card_arguments;
#[path = "status/colour.rs"]
mod colour;
#[path = "status/groups.rs"]
mod groups;
#[path = "status/state.rs"]
mod state;
#[path = "status/table.rs"]
mod table;
#[path = "status/unreadable.rs"]
mod unreadable;

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use support::TestHost;

const DEVICES: &str = "sys/bus/pci/devices";

impl TestHost {
    /// Removes the driver of a function.
    fn unbind(&self, function: &str) {
        let link = self.path(&format!("{DEVICES}/{function}/driver"));
        fs::remove_file(link).expect("it has a driver");
    }

    /// Binds a function to a driver.
    fn bind(&self, function: &str, driver: &str) {
        let link = self.path(&format!("{DEVICES}/{function}/driver"));
        drop(fs::remove_file(&link));
        let target = format!("../../../../bus/pci/drivers/{driver}");
        symlink(target, link).expect("the link is made");
    }

    /// Adds a process with this command and command line that has these files open.
    fn process(&self, pid: u32, command: &str, line: &str, open: &[&str]) {
        let folder = format!("proc/{pid}");
        self.write(&format!("{folder}/comm"), &format!("{command}\n"));
        self.write(&format!("{folder}/cmdline"), line);
        fs::create_dir_all(self.path(&format!("{folder}/fd"))).expect("a folder");
        for (number, target) in open.iter().enumerate() {
            let link = self.path(&format!("{folder}/fd/{number}"));
            symlink(target, link).expect("the link is made");
        }
    }

    /// Adds a device node of a function, and its class device: `drm`, `card1`, `226:1`.
    fn node(&self, function: &str, class: &str, name: &str, number: &str) {
        let function = self.path(&format!("{DEVICES}/{function}"));
        let own = function.canonicalize().expect("a function");
        let own = own.join(class).join(name);
        fs::create_dir_all(&own).expect("a folder");
        fs::write(own.join("dev"), format!("{number}\n")).expect("a number");
        let root = self.root.path().canonicalize().expect("a root");
        let inside = own.strip_prefix(root.join("sys")).expect("it is below");
        let folder = self.path(&format!("sys/class/{class}"));
        fs::create_dir_all(&folder).expect("a folder");
        let target = format!("../../{}", inside.display());
        symlink(target, folder.join(name)).expect("the link is made");
    }
}

/// The status line of a function with a driver.
fn linked(name: &str, word: &str, address: &str, driver: &str) -> String {
    format!(
        "GPU card '{name}' {word} device {address} is linked to bus/pci/drivers/{driver} driver\n"
    )
}

/// The output of the original for the two cards of `manual.tree`.
fn manual() -> String {
    [
        linked("gpupci1", "video", "0000:02:00.0", "nvidia"),
        linked("gpupci1", "audio", "0000:02:00.1", "snd_hda_intel"),
        linked("gpupci2", "video", "0000:03:00.0", "nvidia"),
        linked("gpupci2", "audio", "0000:03:00.1", "snd_hda_intel"),
    ]
    .concat()
}

#[test]
fn status_prints_the_lines_of_the_original() {
    let host = TestHost::unpacked("manual.tree");
    for line in [
        "status",
        "status all",
        "-s all",
        "--status all",
        "--status=all",
        "-sall",
    ] {
        assert_eq!(host.line(line).answer(), manual(), "{line}");
    }
    let second: String = manual().lines().skip(2).map(|l| format!("{l}\n")).collect();
    for line in ["status gpupci2", "-s gpupci2", "--status gpupci2"] {
        assert_eq!(host.line(line).answer(), second, "{line}");
    }
    assert_eq!(
        TestHost::unpacked("no-cards.tree").line("-s all").answer(),
        ""
    );
    assert_eq!(
        TestHost::unpacked("no-cards.tree").line("status").answer(),
        ""
    );
}

#[test]
fn status_prints_the_bound_driver() {
    let host = TestHost::unpacked("manual.tree");
    host.unbind("0000:02:00.0");
    host.bind("0000:02:00.1", "vfio-pci");
    host.bind("0000:03:00.0", "pci-stub");
    // The original printed `pci-stub` for a missing link, and `nvidia` for any other.
    host.bind("0000:03:00.1", "a driver of ours");
    assert_eq!(
        host.line("-s all").answer(),
        [
            "GPU card 'gpupci1' video device 0000:02:00.0 is not linked to any driver\n".to_owned(),
            linked("gpupci1", "audio", "0000:02:00.1", "vfio-pci"),
            linked("gpupci2", "video", "0000:03:00.0", "pci-stub"),
            linked("gpupci2", "audio", "0000:03:00.1", "a driver of ours"),
        ]
        .concat()
    );
}

#[test]
fn status_names_the_kind_of_every_function() {
    let host = TestHost::unpacked("four-functions.tree");
    assert_eq!(
        host.line("status b3:00").answer(),
        [
            linked("gpupci3", "video", "0000:b3:00.0", "nvidia"),
            linked("gpupci3", "audio", "0000:b3:00.1", "snd_hda_intel"),
            linked("gpupci3", "usb", "0000:b3:00.2", "xhci_hcd"),
            linked("gpupci3", "serial", "0000:b3:00.3", "nvidia-gpu"),
        ]
        .concat()
    );
    let class = format!("{DEVICES}/0000:b3:00.3/class");
    host.write(&class, "0x118000\n");
    assert_eq!(
        host.line("status b3:00")
            .answer()
            .lines()
            .next_back()
            .map(|line| format!("{line}\n")),
        Some(linked("gpupci3", "other", "0000:b3:00.3", "nvidia-gpu"))
    );
}

#[test]
fn virtual_functions_are_not_listed_as_cards_or_functions() {
    let host = TestHost::unpacked("mixed.tree");
    let own = linked("gpupci2", "video", "0000:05:00.0", "nvidia");
    assert_eq!(host.line("status gpupci2").answer(), own);
    for virtual_function in ["05:00.4", "0000:05:00.5"] {
        let said = host.line(&format!("status {virtual_function}"));
        let told = (said.code, said.text(), said.stderr);
        let missing = format!("GPU card {virtual_function} not found\n");
        assert_eq!(told, (Some(3), String::new(), missing));
    }
}

#[test]
fn list_and_status_work_on_linux_3_10() {
    let host = TestHost::unpacked("old-kernel.tree");
    assert_eq!(
        host.line("-l -s all").answer(),
        [
            "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_05_00_0\n".to_owned(),
            "gpupci3 pci_0000_06_00_0\n".to_owned(),
            linked("gpupci1", "video", "0000:02:00.0", "nvidia"),
            linked("gpupci1", "audio", "0000:02:00.1", "snd_hda_intel"),
            linked("gpupci2", "video", "0000:05:00.0", "nvidia"),
            linked("gpupci3", "video", "0000:06:00.0", "nvidia"),
        ]
        .concat()
    );
}
