//! Switches of VFIO's modules: what is configured, compared with what is in force.

use crate::support::TestHost;
use crate::{RELEASE, assert_trouble, ready};

const FILE: &str = "etc/modprobe.d/sleep.conf";

/// A prepared host with this rule, and the value of the switch in the running module.
fn host(rule: &str, now: &str) -> TestHost {
    let host = ready();
    host.write(FILE, rule);
    host.write("sys/module/vfio_pci/parameters/disable_idle_d3", now);
    host
}

const APPLY: &str = "      try: run `dracut -f`, then reboot";

#[test]
fn switch_that_is_not_as_files_say_is_a_warning() {
    for (rule, now, told) in [
        (
            "options vfio-pci disable_idle_d3=1",
            "N",
            "on, but it is off now",
        ),
        (
            "options vfio-pci disable_idle_d3=0",
            "Y",
            "off, but it is on now",
        ),
        (
            "options vfio-pci disable_idle_d3=0\noptions vfio_pci disable_idle_d3",
            "N",
            "on, but it is off now",
        ),
    ] {
        let told = format!(
            "WARN  `options vfio_pci` in /etc/modprobe.d/sleep.conf turns disable_idle_d3 {told}"
        );
        assert_trouble(&host(rule, now), 0, &[&told, APPLY]);
    }
    for (rule, now) in [
        ("options vfio-pci disable_idle_d3=1", "Y"),
        ("options vfio-pci disable_idle_d3=n", "N"),
        ("", "N"),
    ] {
        assert_trouble(&host(rule, now), 0, &[]);
    }
}

#[test]
fn switch_on_the_kernel_line_counts_more_than_files() {
    let host = host("options vfio-pci disable_idle_d3=0", "N");
    host.write(
        "proc/cmdline",
        "intel_iommu=on iommu=pt vfio-pci.disable_idle_d3\n",
    );
    let lines = [
        "WARN  vfio_pci.disable_idle_d3 on the kernel command line turns disable_idle_d3 on, but it is \
         off now",
        "      try: reboot",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn switch_that_nothing_configures_is_a_warning() {
    let lines = [
        "WARN  disable_idle_d3 of vfio_pci is on, but nothing configures it: a reboot turns it off",
        "      try: to keep it, add `options vfio_pci disable_idle_d3=1` to /etc/modprobe.d/vfio.conf, run \
         `dracut -f`, then reboot",
    ];
    assert_trouble(&host("", "Y"), 0, &lines);
    // A file that has options for this module gets the new one, too.
    let (trouble, _) = host("options vfio-pci disable_vga=1", "Y").trouble();
    assert!(
        trouble.contains("to /etc/modprobe.d/sleep.conf, run"),
        "{trouble}"
    );
    // Nothing proposes to keep a switch that takes protection away.
    let unsafe_mode = ready();
    let switch = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
    unsafe_mode.write(switch, "Y");
    let (trouble, _) = unsafe_mode.trouble();
    assert!(!trouble.contains("to keep it"), "{trouble}");
}

#[test]
fn options_in_files_for_a_built_in_module_are_a_warning() {
    let host = host("options vfio-pci disable_idle_d3=1", "N");
    let list = format!("lib/modules/{RELEASE}/modules.builtin");
    host.write(&list, "kernel/drivers/vfio/pci/vfio-pci.ko\n");
    let lines = [
        "WARN  `options vfio_pci disable_idle_d3=1` in /etc/modprobe.d/sleep.conf has no effect: vfio_pci \
         is built into this kernel",
        "      try: add vfio_pci.disable_idle_d3=1 to GRUB_CMDLINE_LINUX in /etc/default/grub, run \
         `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
    // What a shell would read otherwise becomes no part of a command.
    host.write(FILE, "options vfio-pci disable_idle_d3=1`reboot`\n");
    let (trouble, _) = host.trouble();
    let remedy =
        "try: remove this option from /etc/modprobe.d/sleep.conf, run `dracut -f`, then reboot";
    assert!(trouble.contains(remedy), "{trouble}");
}

#[test]
fn option_that_the_kernel_line_sets_needs_no_file() {
    let host = host("options vfio-pci disable_idle_d3=1", "Y");
    let list = format!("lib/modules/{RELEASE}/modules.builtin");
    host.write(&list, "kernel/drivers/vfio/pci/vfio-pci.ko\n");
    host.boot_with("intel_iommu=on iommu=pt vfio-pci.disable_idle_d3=1");
    assert_trouble(&host, 0, &[]);
}
