//! Functions that disappear meanwhile, and attributes that cannot be read.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::DEVICES;
use crate::support::TestHost;
use crate::{linked, manual};

pub(crate) fn json_of(host: &TestHost, line: &str) -> Value {
    serde_json::from_str(&host.line(line).answer()).expect("JSON")
}

/// Replaces an attribute by a folder, so that it cannot be read.
fn make_unreadable(host: &TestHost, function: &str, name: &str) -> String {
    let path = host.path(&format!("{DEVICES}/{function}/{name}"));
    drop(fs::remove_file(&path));
    fs::create_dir(&path).expect("the folder is made");
    path.display().to_string()
}

#[test]
fn function_that_disappears_is_not_listed() {
    let host = TestHost::unpacked("manual.tree");
    let gone = "sys/devices/pci0000:00/0000:00:03.0/0000:02:00.1";
    let rest: String = manual()
        .lines()
        .filter(|line| !line.contains("0000:02:00.1"))
        .map(|line| format!("{line}\n"))
        .collect();
    // Its attributes are removed first, then its folder, then its link on the bus.
    for attribute in ["class", "vendor"] {
        fs::remove_file(host.path(&format!("{gone}/{attribute}"))).expect("it goes");
        assert_eq!(host.line("status").answer(), rest);
    }
    fs::remove_dir_all(host.path(gone)).expect("it goes");
    assert_eq!(host.line("status").answer(), rest);
    assert_eq!(host.line("list -v").answer().lines().count(), 4);
    fs::remove_file(host.path(&format!("{DEVICES}/0000:02:00.1"))).expect("it goes");
    assert_eq!(host.line("-s all").answer(), rest);
    let said = host.line("status 02:00.1");
    assert_eq!((said.code, said.text().as_str()), (Some(3), ""));
    assert_eq!(host.line("status 02:00").answer().lines().count(), 1);
    // An audio function alone is no card.
    let display = "sys/devices/pci0000:00/0000:00:05.0/0000:03:00.0";
    fs::remove_dir_all(host.path(display)).expect("it goes");
    let left = linked("gpupci1", "video", "0000:02:00.0", "nvidia");
    assert_eq!(host.line("status").answer(), left);
}

#[test]
fn missing_attributes_are_null_in_json() {
    let host = TestHost::unpacked("manual.tree");
    host.line("list").answer();
    let function = format!("{DEVICES}/0000:02:00.0");
    let missing = [
        "device",
        "subsystem_vendor",
        "subsystem_device",
        "numa_node",
        "driver",
        "iommu_group",
    ];
    for name in missing {
        fs::remove_file(host.path(&format!("{function}/{name}"))).expect("it goes");
    }
    let told = json_of(&host, "status gpupci1 --json");
    assert_eq!(told["cards"][0]["numa_node"], Value::Null);
    assert_eq!(
        told["cards"][0]["functions"][0],
        json!({
            "address": "0000:02:00.0",
            "kind": "video",
            "vendor": null,
            "device": null,
            "subsystem_vendor": null,
            "subsystem_device": null,
            "driver": null,
            "iommu_group": null,
            "boot_vga": false,
            "power_state": null,
            "virtual_functions": [],
        })
    );
    // The names stay: only a card with other ids is another card.
    assert_eq!(
        host.line("list").answer(),
        "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_03_00_0\n"
    );
    for (name, value, told_as) in [
        ("numa_node", "1\n", json!(1)),
        ("numa_node", "-1\n", json!(null)),
        ("numa_node", "many\n", json!(null)),
        ("numa_node", "\n", json!(null)),
        ("numa_node", "99999999999999999999\n", json!(null)),
    ] {
        host.write(&format!("{function}/{name}"), value);
        let told = json_of(&host, "list --json");
        assert_eq!(told["cards"][0][name], told_as, "{value:?}");
    }
    for (name, value, told_as) in [
        ("boot_vga", "1\n", json!(true)),
        ("boot_vga", "0\n", json!(false)),
        ("boot_vga", "yes\n", json!(false)),
        ("power_state", "D3cold\n", json!("D3cold")),
        ("power_state", "\n", json!(null)),
        ("power_state", "\u{1b}[31m\n", json!("\u{1b}[31m")),
    ] {
        host.write(&format!("{function}/{name}"), value);
        let text = host.line("list --json").answer();
        assert!(!text.contains('\u{1b}'), "{text}");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(told["cards"][0]["functions"][0][name], told_as, "{value:?}");
    }
}

#[test]
fn unreadable_numa_node_and_power_state_are_null_in_json() {
    let host = TestHost::unpacked("manual.tree");
    let before = host.line("status").answer();
    for name in ["numa_node", "boot_vga", "power_state"] {
        make_unreadable(&host, "0000:02:00.0", name);
    }
    let told = json_of(&host, "list --json");
    let card = &told["cards"][0];
    assert_eq!(card["numa_node"], Value::Null);
    assert_eq!(card["functions"][0]["boot_vga"], false);
    assert_eq!(card["functions"][0]["power_state"], Value::Null);
    assert_eq!(host.line("status").answer(), before);
}

#[test]
fn unreadable_ids_are_an_error_of_list_and_renumber() {
    for name in ["device", "subsystem_vendor", "subsystem_device"] {
        let host = TestHost::unpacked("manual.tree");
        let path = make_unreadable(&host, "0000:02:00.0", name);
        let refused = format!(
            "gpupci: cannot read {path}\n  cause: Is a directory (os error 21)\n  \
             try:   check that /sys is mounted and that this host has a PCI bus\n"
        );
        for line in ["list", "list -v", "list --json", "renumber"] {
            let said = host.line(line);
            assert_eq!((said.code, said.text().as_str()), (Some(5), ""), "{line}");
            assert!(said.stderr.ends_with(&refused), "{}", said.stderr);
        }
        assert!(!host.path("var/lib/gpupt/cards.json").exists());
        // The driver can still be read.
        assert_eq!(host.line("status").answer(), manual());
        let told = json_of(&host, "status --json");
        assert_eq!(told["cards"][0]["functions"][0]["device"], Value::Null);
        assert_eq!(told["cards"][0]["functions"][0]["driver"], "nvidia");
    }
}

#[test]
fn unreadable_driver_is_reported_and_not_taken_for_the_stub() {
    let host = TestHost::unpacked("manual.tree");
    host.bind("0000:02:00.1", "vfio-pci");
    let link = host.path(&format!("{DEVICES}/0000:02:00.0/driver"));
    let path = link.display().to_string();
    let try_this = "  try:   check that /sys is mounted and that this host has a PCI bus\n";
    for (target, why) in [
        (
            None,
            format!("gpupci: cannot read {path}\n  cause: Invalid argument (os error 22)\n"),
        ),
        (
            Some("../drivers/\u{1b}[31m"),
            format!("gpupci: {path} contains an unexpected value: \"\\u{{1b}}[31m\"\n"),
        ),
        (
            Some("../.."),
            format!("gpupci: {path} contains an unexpected value: \"../..\"\n"),
        ),
    ] {
        fs::remove_file(&link).expect("it goes");
        match target {
            Some(target) => symlink(target, &link).expect("the link is made"),
            None => fs::write(&link, "").expect("the file is made"),
        }
        let said = host.line("status");
        let told = (said.code, said.text(), said.stderr);
        let expected = format!("{why}{try_this}");
        assert!(told.2.starts_with(&why), "{}\n{why}", told.2);
        assert_eq!(told, (Some(5), String::new(), expected));
        // The rest is printed, and the state is not `detached`.
        let told = json_of(&host, "status --json");
        let card = &told["cards"][0];
        assert_eq!(card["state"], "host");
        assert_eq!(card["functions"].as_array().map(Vec::len), Some(1));
        assert_eq!(host.line("status gpupci2").answer().lines().count(), 2);
    }
}

#[test]
fn card_with_unreadable_functions_has_a_line_in_the_table() {
    let host = TestHost::unpacked("old-kernel.tree");
    let link = host.path(&format!("{DEVICES}/0000:06:00.0/driver"));
    fs::remove_file(&link).expect("it goes");
    fs::write(&link, "").expect("the file is made");
    let table = "\
NAME     ADDRESS       KIND   MODEL  DRIVER  GROUP  NUMA  USED BY
gpupci2  0000:05:00.0  video  -      nvidia  11     0     -
gpupci3  0000:06:00.0  -      -      -       -      0     -
";
    assert_eq!(host.line("status -v gpupci2 gpupci3").answer(), table);
    let told = json_of(&host, "status gpupci3 --json");
    assert_eq!(told["cards"][0]["functions"], json!([]));
    assert_eq!(told["cards"][0]["state"], "host");
}

#[test]
fn invalid_iommu_group_is_null_in_json() {
    let host = TestHost::unpacked("manual.tree");
    let link = host.path(&format!("{DEVICES}/0000:02:00.0/iommu_group"));
    for target in ["../../kernel/iommu_groups/x", "/", "-1", "4294967296"] {
        fs::remove_file(&link).expect("it goes");
        symlink(target, &link).expect("the link is made");
        let told = json_of(&host, "list --json");
        let function = &told["cards"][0]["functions"][0];
        assert_eq!(function["iommu_group"], Value::Null, "{target}");
    }
}
