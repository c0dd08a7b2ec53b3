//! What takes the screen from a host at its next boot: it is warned of, and no remedy does it.

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{DEVICES, ready};

const FILE: &str = "etc/modprobe.d/gpu.conf";
const DARK: &str = "after the next boot this host may have no screen";

/// A prepared host with these rules, whose first screen is on the first card.
fn with_rules(rules: &str) -> TestHost {
    let host = ready();
    host.write(&format!("{DEVICES}/0000:02:00.0/boot_vga"), "1\n");
    host.write(FILE, rules);
    host
}

/// The lines about the boot display that is lost, and their remedies.
#[track_caller]
fn darkness(host: &TestHost) -> Vec<String> {
    let (trouble, _) = host.trouble();
    let mut remedies = Vec::new();
    let mut findings = trouble.lines();
    while let Some(line) = findings.next() {
        if line.contains(DARK) {
            remedies.push(line.to_owned());
            let mut rest = findings.clone();
            remedies.extend(rest.find(|line| line.contains("try:")).map(str::to_owned));
        }
    }
    remedies
}

#[test]
fn ids_of_the_boot_display_are_a_warning_and_are_only_taken_out() {
    let host = with_rules("options vfio-pci ids=10de:06dd\n");
    host.write(&format!("{DEVICES}/0000:02:00.0/device"), "0x06dd\n");
    let expected = [
        "WARN  gpupci1: `options vfio-pci ids=` in /etc/modprobe.d/gpu.conf names 0000:02:00.0, the \
         boot display: after the next boot this host may have no screen",
        "      try: remove `ids=` from `options vfio-pci` in /etc/modprobe.d/gpu.conf, run \
         `dracut -f`, then reboot",
    ];
    assert_eq!(darkness(&host), expected);
    // A screen that is already lost comes back without the ids.
    bind(&host, "0000:02:00.0", "vfio-pci");
    assert_eq!(darkness(&host), expected);
    host.write(&format!("{DEVICES}/0000:02:00.0/boot_vga"), "0\n");
    assert_eq!(darkness(&host), Vec::<String>::new());
}

#[test]
fn blacklist_of_the_boot_displays_driver_is_a_warning_and_is_removed() {
    let host = with_rules("blacklist nvidia\n");
    let expected = [
        "WARN  nvidia is blacklisted (/etc/modprobe.d/gpu.conf), but 0000:02:00.0, the boot display, \
         is bound to it: after the next boot this host may have no screen",
        "      try: remove `blacklist nvidia` from /etc/modprobe.d/gpu.conf, run `dracut -f`, then \
         reboot",
    ];
    assert_eq!(darkness(&host), expected);
}

#[test]
fn boot_display_is_also_known_by_the_console_and_by_the_firmwares_framebuffer() {
    let console = ready();
    console.write(FILE, "blacklist nvidia\n");
    assert_eq!(darkness(&console), Vec::<String>::new());
    console.write(
        &format!("{DEVICES}/0000:02:00.0/graphics/fb0/dev"),
        "29:0\n",
    );
    console.write("sys/class/graphics/.keep", "");
    let link = console.path("sys/class/graphics/fb0");
    symlink("../../bus/pci/devices/0000:02:00.0/graphics/fb0", link).expect("a link");
    assert_eq!(darkness(&console).len(), 2);

    let firmware = ready();
    firmware.write(FILE, "blacklist nvidia\n");
    firmware.write(
        "sys/devices/platform/efi-framebuffer.0/graphics/fb0/name",
        "EFI VGA\n",
    );
    firmware.write(
        "proc/iomem",
        "d0000000-dfffffff : 0000:02:00.0\n  d0000000-d02fffff : BOOTFB\n",
    );
    assert_eq!(darkness(&firmware).len(), 2);
}

#[test]
fn half_detached_boot_display_is_given_back_to_the_host() {
    let host = with_rules("");
    bind(&host, "0000:02:00.0", "vfio-pci");
    let (trouble, _) = host.trouble();
    let partly = "WARN  gpupci1: it is only partly bound to vfio-pci: 0000:02:00.1 is bound to \
                  snd_hda_intel\n      try: gpupci attach gpupci1\n";
    assert!(trouble.starts_with(partly), "{trouble}");
}

fn bind(host: &TestHost, function: &str, driver: &str) {
    let link = format!("{DEVICES}/{function}/driver");
    host.remove(&link);
    let target = format!("/sys/bus/pci/drivers/{driver}");
    symlink(target, host.path(&link)).expect("a link");
}
