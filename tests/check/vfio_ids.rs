//! Ids for vfio-pci: what they say, compared with what is.

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{DEVICES, RELEASE, assert_trouble, ready};

const FILE: &str = "etc/modprobe.d/vfio.conf";
const VIDEO: &str = "0000:02:00.0";
const AUDIO: &str = "0000:02:00.1";
/// The ids of the first card's functions, after `different`.
const IDS: &str = "10de:06dd,10de:0be5";
const TRY: &str = "      try: remove `ids=` from `options vfio-pci` in /etc/modprobe.d/vfio.conf, run \
                   `dracut -f`, then reboot; `gpupci detach gpupci1` binds all functions of the card \
                   without ids";

/// A prepared host with two cards of different models, and these rules of modprobe.
fn with_rules(rules: &str) -> TestHost {
    let host = ready();
    for (function, device) in [
        (VIDEO, "06dd"),
        (AUDIO, "0be5"),
        ("0000:03:00.0", "1eb1"),
        ("0000:03:00.1", "10f8"),
    ] {
        host.write(
            &format!("{DEVICES}/{function}/device"),
            &format!("0x{device}\n"),
        );
    }
    host.write(FILE, rules);
    host
}

/// Binds a function to another driver, or to none.
fn bind(host: &TestHost, function: &str, driver: Option<&str>) {
    let link = format!("{DEVICES}/{function}/driver");
    host.remove(&link);
    if let Some(driver) = driver {
        let target = format!("/sys/bus/pci/drivers/{driver}");
        symlink(target, host.path(&link)).expect("a link");
    }
}

fn warning(words: &str) -> String {
    format!("WARN  gpupci1: `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf names {words}")
}

#[test]
fn ids_pass_only_if_all_that_they_name_is_bound_to_a_vfio_driver() {
    let host = with_rules(&format!("options vfio-pci ids={IDS}\n"));
    for function in [VIDEO, AUDIO] {
        bind(&host, function, Some("vfio-pci"));
    }
    assert_trouble(&host, 0, &[]);
    host.assert_says(
        "PASS  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf binds gpupci1 (0000:02:00.0, \
         0000:02:00.1) at boot",
    );
    bind(&host, AUDIO, None);
    let told = warning("0000:02:00.1, but it has no driver: it was not bound at boot");
    assert_trouble(&host, 0, &[&told, TRY]);
    bind(&host, VIDEO, None);
    let told = warning(
        "0000:02:00.0 and 0000:02:00.1, but they have no driver: they were not bound at boot",
    );
    assert_trouble(&host, 0, &[&told, TRY]);
}

#[test]
fn ids_of_functions_on_host_drivers_are_a_warning_with_the_modules() {
    let host = with_rules(&format!("options vfio-pci ids={IDS}\n"));
    bind(&host, VIDEO, Some("vfio-pci"));
    let told = warning(
        "0000:02:00.1, but it is bound to snd_hda_intel, which was loaded before vfio-pci or was bound later",
    );
    let half = "WARN  gpupci1: it is only partly bound to vfio-pci: 0000:02:00.1 is bound to snd_hda_intel";
    let half = [half, "      try: gpupci detach gpupci1"];
    assert_trouble(&host, 0, &[&told, TRY, half[0], half[1]]);
    bind(&host, VIDEO, Some("xhci_hcd"));
    let told = warning(
        "0000:02:00.0 and 0000:02:00.1, but they are bound to xhci_hcd (module xhci_pci) and \
         snd_hda_intel, which were loaded before vfio-pci or were bound later",
    );
    assert_trouble(&host, 0, &[&told, TRY]);
}

#[test]
fn ids_that_name_some_functions_of_a_card_are_a_warning_with_the_others() {
    let host = with_rules("options vfio-pci ids=10de:06dd\n");
    let partial = warning(
        "one of two functions of gpupci1; 0000:02:00.1 stays on its host driver (snd_hda_intel)",
    );
    let told = warning(
        "0000:02:00.0, but it is bound to nvidia, which was loaded before vfio-pci or was bound later",
    );
    assert_trouble(&host, 0, &[&partial, &told, TRY]);
    // A function without a driver keeps no guest away.
    bind(&host, VIDEO, Some("vfio-pci"));
    bind(&host, AUDIO, None);
    assert_trouble(&host, 0, &[]);
}

#[test]
fn id_that_no_device_has_is_a_warning() {
    let host = with_rules("options vfio-pci ids=10de:ffff\n");
    let lines = [
        "WARN  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf names \"10de:ffff\", but no \
         device of this host has this id",
        "      try: remove `ids=` from `options vfio-pci` in /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot; `lspci -nn` shows the ids of this host",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn ids_in_files_have_no_effect_on_a_built_in_vfio_pci() {
    let host = with_rules(&format!("options vfio-pci ids={IDS}\n"));
    host.write(
        &format!("lib/modules/{RELEASE}/modules.builtin"),
        "kernel/drivers/vfio/pci/vfio-pci.ko\n",
    );
    let lines = [
        "WARN  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf has no effect: vfio-pci is built \
         into this kernel",
        "      try: remove `ids=` from `options vfio-pci` in /etc/modprobe.d/vfio.conf, run \
         `dracut -f`, then reboot; `gpupci detach` needs no ids",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn last_ids_replace_all_others() {
    let host = with_rules("options vfio-pci ids=10de:06dd\noptions vfio-pci ids=10de:0be5\n");
    for function in [VIDEO, AUDIO] {
        bind(&host, function, Some("vfio-pci"));
    }
    host.write(
        "proc/cmdline",
        &format!("intel_iommu=on iommu=pt vfio-pci.ids={IDS}\n"),
    );
    let told = "WARN  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf has no effect: the last ids \
                replace all others, and these are those of vfio-pci.ids on the kernel command line";
    let remedy = "      try: remove `ids=` from `options vfio-pci` in /etc/modprobe.d/vfio.conf, run \
                  `dracut -f`, then reboot; `gpupci detach` needs no ids";
    assert_trouble(&host, 0, &[told, told, remedy]);
    host.assert_says(
        "PASS  vfio-pci.ids on the kernel command line binds gpupci1 (0000:02:00.0, 0000:02:00.1) at \
         boot",
    );
}

#[test]
fn remedy_for_ids_on_the_kernel_line_takes_them_out() {
    let host = with_rules("");
    host.boot_with(&format!("intel_iommu=on iommu=pt vfio-pci.ids={IDS}"));
    let (trouble, _) = host.trouble();
    let remedies: Vec<&str> = trouble
        .lines()
        .filter(|line| line.contains("try:"))
        .collect();
    assert_eq!(
        remedies,
        [
            "      try: remove vfio-pci.ids=10de:06dd,10de:0be5 from GRUB_CMDLINE_LINUX in /etc/default/grub, run \
             `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot; `gpupci detach gpupci1` binds all functions of the \
             card without ids"
        ]
    );
}

#[test]
fn vfio_pci_ids_on_the_kernel_line_are_reported() {
    let host = TestHost::unpacked("b550-shared-group.tree");
    host.assert_says(
        "PASS  vfio-pci.ids on the kernel command line binds gpupci2 (0000:2b:00.0, 0000:2b:00.1, \
         0000:2b:00.2, 0000:2b:00.3) at boot",
    );
}

#[test]
fn id_of_more_than_one_card_or_device_is_a_warning() {
    let host = with_rules("options vfio-pci ids=10de:06dd\n");
    for function in ["0000:03:00.0", "0000:04:03.0"] {
        host.write(&format!("{DEVICES}/{function}/vendor"), "0x10de\n");
        host.write(&format!("{DEVICES}/{function}/device"), "0x06dd\n");
    }
    host.write(&format!("{DEVICES}/0000:04:03.0/class"), "0x020000\n");
    let (trouble, _) = host.trouble();
    let twins = "WARN  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf names 10de:06dd, the id of \
                 gpupci1 (0000:02:00.0), gpupci2 (0000:03:00.0) and 0000:04:03.0 (not part of a card): it \
                 binds all of them\n      try: remove `ids=` from `options vfio-pci` in \
                 /etc/modprobe.d/vfio.conf, run `dracut -f`, then reboot; `gpupci detach` binds one card, \
                 by its address\n";
    assert!(trouble.starts_with(twins), "{trouble}");
}
