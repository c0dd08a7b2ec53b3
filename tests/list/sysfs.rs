//! A sysfs that is missing, malformed or malicious.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use pretty_assertions::assert_eq;

use crate::support::{RunOutput, TestHost};
use crate::{DEVICES, DISPLAY, NVIDIA, TREES};

/// Asserts that a command could not list the cards and names `path`.
#[track_caller]
pub(crate) fn assert_unable(said: &RunOutput, path: &str) {
    assert_eq!((said.code, said.text().as_str()), (Some(5), ""));
    assert!(said.stderr.contains(path), "{path}: {}", said.stderr);
    assert!(
        said.stderr
            .contains("try:   check that /sys is mounted and that this host has a PCI bus"),
        "{}",
        said.stderr
    );
    assert!(
        !said.stderr.contains(['\u{1b}', '\0']) && said.stderr.len() < 500,
        "{:?}",
        said.stderr
    );
}

#[test]
fn malformed_attribute_is_reported_with_its_path() {
    let host = TestHost::named("garbage");
    host.add_function("0000:01:00.0", NVIDIA, DISPLAY);
    let long = "9".repeat(1 << 20);
    let vendors = [
        "",
        "\n",
        "10de\n",
        "0x10d\n",
        "0x10de0\n",
        "0x10de\n\n",
        " 0x10de\n",
        "0x10de \n",
        "0x+0de\n",
        "0x10de\0",
        "\u{1b}]0;owned\u{7}\n",
        &long,
    ];
    let classes = [
        "",
        "0x\n",
        "030200\n",
        "0x1030200\n",
        "0x03020g\n",
        "-1\n",
        &long,
    ];
    let wrong_vendors = vendors.map(|vendor| ("vendor", vendor, DISPLAY));
    let wrong_classes = classes.map(|class| ("class", NVIDIA, class));
    for (attribute, vendor, class) in wrong_vendors.into_iter().chain(wrong_classes) {
        host.add_function("0000:02:00.0", vendor, class);
        let path = host.path(&format!("{DEVICES}/0000:02:00.0/{attribute}"));
        assert_unable(&host.gpupci(&["list"]), &path.display().to_string());
    }
    host.add_function("0000:02:00.0", NVIDIA, DISPLAY);
    let path = host.path(&format!("{DEVICES}/0000:02:00.0/vendor"));
    fs::write(&path, b"0x\xff\xfe\n").expect("the file is written");
    assert_unable(&host.gpupci(&["-l"]), &path.display().to_string());
}

#[test]
fn unreadable_attribute_is_reported_with_its_path() {
    for attribute in ["vendor", "class"] {
        let host = TestHost::named("unreadable");
        host.add_function("0000:01:00.0", NVIDIA, DISPLAY);
        let path = host.path(&format!("{DEVICES}/0000:01:00.0/{attribute}"));
        let named = path.display().to_string();
        let no_one = fs::Permissions::from_mode(0o000);
        fs::set_permissions(&path, no_one).expect("the mode is set");
        // Root can read it anyway.
        if fs::read(&path).is_err() {
            assert_unable(&host.gpupci(&["list"]), &named);
        }
        fs::remove_file(&path).expect("the file goes away");
        fs::create_dir(&path).expect("the folder is made");
        assert_unable(&host.gpupci(&["list"]), &named);
    }
}

#[test]
fn function_that_disappears_meanwhile_is_skipped() {
    let host = TestHost::unpacked("manual.tree");
    let gone = "sys/devices/pci0000:00/0000:00:03.0";
    // Its attributes are removed first, then its folder, then its link on the bus.
    for attribute in ["class", "vendor"] {
        let path = host.path(&format!("{gone}/0000:02:00.0/{attribute}"));
        fs::remove_file(path).expect("the attribute goes away");
        assert_eq!(host.cards(), "gpupci1 pci_0000_03_00_0\n");
    }
    fs::remove_dir_all(host.path(gone)).expect("the port and all behind it go away");
    assert!(
        host.path(&format!("{DEVICES}/0000:02:00.0"))
            .symlink_metadata()
            .is_ok()
    );
    assert_eq!(host.cards(), "gpupci1 pci_0000_03_00_0\n");
}

#[test]
fn host_without_pci_is_an_error_with_a_remedy() {
    let host = TestHost::named("bare");
    let devices = host.path(DEVICES);
    let path = devices.display().to_string();
    assert_unable(&host.gpupci(&["-l"]), &path);
    let said = host.gpupci(&["list", "--json"]);
    assert_unable(&said, &path);
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: cannot list {path}\n  cause: the path does not exist (os error 2)\n  \
             try:   check that /sys is mounted and that this host has a PCI bus\n"
        )
    );
    host.write(DEVICES, "no folder\n");
    assert_unable(&host.gpupci(&["list"]), &path);
    // A host with an empty bus has no cards.
    fs::remove_file(&devices).expect("the file goes away");
    fs::create_dir(&devices).expect("the folder is made");
    assert_eq!(host.cards(), "");
}

#[test]
fn device_names_that_are_no_addresses_are_skipped() {
    let host = TestHost::unpacked("manual.tree");
    let names: [&[u8]; 12] = [
        b"\x1b]0;owned\x07",
        b"\x1b[2J0000:66:00.0",
        b"0000:66:00.0\n",
        b"0000:66:00.0\ngpupci1 pci_0000_66_00_0",
        b"0000:66:00.0 ",
        b"0000:66:00.8",
        b"0000:66:20.0",
        b"0000:166:00.0",
        b"-l",
        b"...",
        b"\xff\xfe",
        "０000:66:00.0".as_bytes(),
    ];
    for name in names {
        let folder = host.path(DEVICES).join(OsStr::from_bytes(name));
        fs::create_dir(&folder).expect("the folder is made");
        fs::write(folder.join("vendor"), NVIDIA).expect("the file is written");
        fs::write(folder.join("class"), DISPLAY).expect("the file is written");
    }
    assert_eq!(host.cards(), TREES[0].1);
    // The bus is not even a folder.
    host.write(&format!("{DEVICES}/README"), "\u{1b}[31m\n");
    assert_eq!(host.cards(), TREES[0].1);
}
