//! The checks of each card.

use std::os::unix::fs::symlink;

use crate::support::TestHost;
use crate::{DEVICES, assert_trouble, ready};

const FIRST: &str = "sys/bus/pci/devices/0000:02:00.0";

/// Adds a process that has a device node open.
fn opens(host: &TestHost, pid: u32, command: &str, node: &str) {
    host.write(&format!("proc/{pid}/comm"), &format!("{command}\n"));
    host.write(&format!("proc/{pid}/maps"), "");
    host.write(&format!("proc/{pid}/fd/.keep"), "");
    host.remove(&format!("proc/{pid}/fd/.keep"));
    symlink(node, host.path(&format!("proc/{pid}/fd/3"))).expect("the link is made");
}

/// Adds a class device of the first card.
fn class_device(host: &TestHost, class: &str, name: &str) {
    host.write(&format!("{FIRST}/{class}/{name}/dev"), "226:7\n");
    host.write(&format!("sys/class/{class}/.keep"), "");
    let link = host.path(&format!("sys/class/{class}/{name}"));
    let target = format!("../../bus/pci/devices/0000:02:00.0/{class}/{name}");
    symlink(target, link).expect("a link");
}

#[test]
fn process_that_uses_a_card_is_a_warning() {
    let host = ready();
    class_device(&host, "drm", "card7");
    opens(&host, 41, "Xorg", "/dev/dri/card7");
    let lines = [
        "WARN  gpupci1: Xorg (pid 41) uses /dev/dri/card7",
        "      try: stop Xorg (pid 41), or keep it from using this card",
    ];
    assert_trouble(&host, 0, &lines);
    host.write(
        "proc/41/cmdline",
        "/usr/bin/qemu-system-x86_64\0-name\0guest=rocks-33\0",
    );
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  gpupci1: Xorg (pid 41, guest rocks-33) uses /dev/dri/card7");
}

#[test]
fn shared_group_with_the_root_disk_is_a_failure() {
    let host = TestHost::unpacked("b550-shared-group.tree");
    let (trouble, exit) = host.trouble();
    let shared = "\
FAIL  gpupci1: IOMMU group 13 also contains 0000:02:00.0, which stays bound to xhci_hcd
FAIL  gpupci1: IOMMU group 13 also contains 0000:02:00.1, which stays bound to ahci and is used for / (sda2), /boot/efi (sda1) and swap (sda3)
FAIL  gpupci1: IOMMU group 13 also contains 0000:2a:00.0, which stays bound to r8169 and is used for the default route (enp42s0)
      try: move the card to another slot; `gpupci groups` shows the groups
FAIL  gpupci1: the host's console is on 0000:04:00.0 (fb0)
";
    assert!(trouble.starts_with(shared), "{trouble}");
    assert_eq!(exit, 5);
}

#[test]
fn card_that_shares_the_group_of_another_is_a_warning_whatever_their_drivers() {
    let host = ready();
    for function in ["0000:03:00.0", "0000:03:00.1"] {
        let group = format!("{DEVICES}/{function}/iommu_group");
        host.remove(&group);
        symlink("/sys/kernel/iommu_groups/8", host.path(&group)).expect("a link");
        let member = format!("sys/kernel/iommu_groups/8/devices/{function}");
        symlink("/x", host.path(&member)).expect("a link");
    }
    let lines = [
        "WARN  gpupci1: gpupci2 shares IOMMU group 8: give both to one guest",
        "      try: to give them to two guests, enable ACS in the firmware setup, or move one of \
         them to another slot",
        "WARN  gpupci2: gpupci1 shares IOMMU group 8: give both to one guest",
        "      try: to give them to two guests, enable ACS in the firmware setup, or move one of \
         them to another slot",
    ];
    assert_trouble(&host, 0, &lines);
    for driver in ["vfio-pci", ""] {
        for function in [
            "0000:02:00.0",
            "0000:02:00.1",
            "0000:03:00.0",
            "0000:03:00.1",
        ] {
            let link = format!("{DEVICES}/{function}/driver");
            host.remove(&link);
            let target = format!("/sys/bus/pci/drivers/{driver}");
            symlink(target, host.path(&link)).expect("a link");
            if driver.is_empty() {
                host.remove(&link);
            }
        }
        assert_trouble(&host, 0, &lines);
    }
}

#[test]
fn function_without_iommu_group_is_a_failure() {
    let host = ready();
    host.remove(&format!("{FIRST}/iommu_group"));
    let lines = [
        "FAIL  gpupci1: 0000:02:00.0 has no IOMMU group: the IOMMU is off, or does not cover this device",
        "      try: move the card to another slot, or update the firmware: the IOMMU is on, but \
         does not cover this slot",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn direct_region_is_a_failure_also_of_a_detached_card() {
    let host = ready();
    host.write(
        "sys/kernel/iommu_groups/8/reserved_regions",
        "0x00000000c0000000 0x00000000dfffffff direct\n",
    );
    let lines = [
        "FAIL  gpupci1: IOMMU group 8 has the reserved region 0xc0000000-0xdfffffff (direct): the \
         firmware uses this memory through a device of the group, so the kernel gives the group \
         to no guest",
        "      try: update the firmware, or free the region in its setup (HPE ProLiant: exclude \
         the card's slot from HPE Shared Memory); else move the card to another slot, or ask the \
         vendor of this machine",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn boot_display_is_a_warning_until_the_card_is_detached() {
    let host = ready();
    host.write(&format!("{FIRST}/boot_vga"), "1\n");
    let lines = [
        "WARN  gpupci1: this is the boot display; without it the host may have no screen",
        "      try: choose another primary display in the firmware setup, or make sure that you can \
         reach the host over the network",
    ];
    assert_trouble(&host, 0, &lines);
    for function in ["0000:02:00.0", "0000:02:00.1"] {
        let link = format!("{DEVICES}/{function}/driver");
        host.remove(&link);
        symlink("/sys/bus/pci/drivers/vfio-pci", host.path(&link)).expect("a link");
    }
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  gpupci1: it is bound to vfio-pci, ready for a guest");
}

#[test]
fn half_detached_card_is_a_warning() {
    let host = ready();
    let link = format!("{FIRST}/driver");
    host.remove(&link);
    symlink("/sys/bus/pci/drivers/vfio-pci", host.path(&link)).expect("a link");
    let lines = [
        "WARN  gpupci1: it is only partly bound to vfio-pci: 0000:02:00.1 is bound to snd_hda_intel",
        "      try: gpupci detach gpupci1",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn card_without_reset_method_is_a_warning() {
    let host = ready();
    host.remove(&format!("{FIRST}/reset_method"));
    let lines = [
        "WARN  gpupci1: the kernel has no way to reset it: it may fail in its next guest until the \
         host reboots",
        "      try: to test it, start a guest with it twice; a reboot of the host resets it",
    ];
    assert_trouble(&host, 0, &lines);
    host.write(&format!("{FIRST}/reset"), "");
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  gpupci1: it can be reset (the kernel chooses the method)");
}

#[test]
fn card_in_d3cold_is_a_warning_and_is_not_woken() {
    let host = ready();
    host.write(&format!("{FIRST}/power_state"), "D3cold\n");
    let lines = [
        "WARN  gpupci1: it is powered off (D3cold), and some cards do not wake up for a guest",
        "      try: echo 0 > /sys/bus/pci/devices/0000:02:00.0/d3cold_allowed, and add \
         `options vfio_pci disable_idle_d3=1` to /etc/modprobe.d/vfio.conf, run `dracut -f`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
    // An open of one of these pipes would block.
    for asleep in [
        "config",
        "resource1_resize",
        "current_link_speed",
        "max_link_width",
        "vpd",
    ] {
        pipe(&host, asleep);
    }
    // A read of this file waits for the device lock, which a blocked unbind holds.
    host.remove(&format!("{FIRST}/driver_override"));
    for locked in ["driver_override", "sriov_numvfs"] {
        pipe(&host, locked);
    }
    assert_trouble(&host, 0, &lines);
}

fn pipe(host: &TestHost, name: &str) {
    let path = host.path(&format!("{FIRST}/{name}"));
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo starts").success());
}

#[test]
fn virtual_functions_and_driverctl_overrides_are_warnings() {
    let host = ready();
    symlink("../0000:02:00.1", host.path(&format!("{FIRST}/virtfn0"))).expect("a link");
    host.write("etc/driverctl.d/0000:02:00.1", "nouveau\n");
    let lines = [
        "WARN  gpupci1: 0000:02:00.0 has 1 virtual functions",
        "      try: remove them first: echo 0 > /sys/bus/pci/devices/0000:02:00.0/sriov_numvfs",
        "WARN  gpupci1: driverctl has set the driver of 0000:02:00.1 to nouveau",
        "      try: driverctl unset-override 0000:02:00.1",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn another_card_at_a_recorded_address_exits_with_8() {
    let host = ready();
    assert!(!host.line("list").answer().is_empty());
    host.write(&format!("{FIRST}/device"), "0x1eb1\n");
    let (trouble, exit) = host.trouble();
    let told = "FAIL  gpupci1: gpupci1 was recorded as 10de:";
    assert!(trouble.starts_with(told), "{trouble}");
    let remedy = "      try: compare `gpupci list -v` with the cards that you expect; `gpupci renumber` reassigns the names";
    assert!(trouble.contains(remedy), "{trouble}");
    assert_eq!((trouble.lines().count(), exit), (2, 8), "{trouble}");
}

#[test]
fn unreadable_names_file_is_a_failure_with_renumber_as_remedy() {
    let host = ready();
    host.write("var/lib/gpupt/cards.json", "nonsense");
    let (trouble, exit) = host.trouble();
    let told = "FAIL  the recorded card names could not be read: cannot parse ";
    assert!(trouble.starts_with(told), "{trouble}");
    assert!(
        trouble.ends_with("      try: gpupci renumber\n"),
        "{trouble}"
    );
    assert_eq!((trouble.lines().count(), exit), (2, 5), "{trouble}");
    host.assert_says("PASS  this host has 2 cards");
}

fn record(host: &TestHost, phase: &str, poisoned: &str) {
    let text = format!(
        "{{\"version\": 1, \"boot\": \"\", \"phase\": \"{phase}\", \"functions\": []{poisoned}}}"
    );
    host.write("run/gpupt/cards/0000:02:00.json", &text);
}

#[test]
fn locked_card_exits_with_6_and_unfinished_card_is_a_warning() {
    let host = ready();
    host.write("proc/sys/kernel/random/boot_id", "");
    record(&host, "detaching", ", \"poisoned\": \"unbind <- x\"");
    let lines = [
        "FAIL  gpupci1: a write to this card is still under way: unbind <- x; the card is locked \
         until the write ends",
        "      try: try again when the write has ended; if it never ends, check `dmesg`, then \
         reboot this host",
    ];
    assert_trouble(&host, 6, &lines);
    record(&host, "attaching", "");
    let lines = [
        "WARN  gpupci1: a detach or attach is still running or was interrupted",
        "      try: if none is running: gpupci recover",
    ];
    assert_trouble(&host, 0, &lines);
    record(&host, "detached", "");
    assert_trouble(&host, 0, &[]);
    host.write("run/gpupt/cards/0000:02:00.json", "nonsense");
    let (trouble, exit) = host.trouble();
    let told = "FAIL  gpupci1: its record could not be read: cannot parse ";
    assert!(trouble.starts_with(told), "{trouble}");
    assert_eq!(exit, 5);
}

#[test]
fn host_without_cards_is_a_failure() {
    let host = ready();
    host.write("etc/gpupt.toml", "vendors = [\"1002\"]\n");
    let lines = [
        "FAIL  this host has no card of vendor 1002; other vendors: 0000:02:00.0 (nvidia), \
         0000:03:00.0 (nvidia), 0000:04:03.0 (102b)",
        "      try: set `vendors = [\"amd\", \"nvidia\", \"102b\"]` in /etc/gpupt.toml, or use \
         --vendor nvidia --vendor 102b",
    ];
    assert_trouble(&host, 5, &lines);
    assert_eq!(host.summary(), "no card for guests; 1 FAIL");
    let (trouble, exit) = host.trouble_of("check --vendor 10de");
    assert_eq!((trouble.as_str(), exit), ("", 0));
}
