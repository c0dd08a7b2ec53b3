//! Rules of modprobe that have no effect: they name a driver and not its module, or a module that is built in.

use std::os::unix::fs::symlink;

use crate::support::TestHost;
use crate::{RELEASE, assert_trouble, ready};

const FILE: &str = "etc/modprobe.d/vfio.conf";

/// A prepared host with these rules of modprobe.
fn with_rules(rules: &str) -> TestHost {
    let host = ready();
    host.write(FILE, rules);
    host
}

/// Registers a PCI driver of this module.
fn registered(host: &TestHost, driver: &str, module: &str) {
    host.write(&format!("sys/bus/pci/drivers/{driver}/bind"), "");
    let link = host.path(&format!("sys/bus/pci/drivers/{driver}/module"));
    symlink(format!("../../../../module/{module}"), link).expect("a link");
}

/// The modules of the running kernel besides vfio-pci.
fn modules(host: &TestHost, loadable: &str, built_in: &str) {
    let folder = format!("lib/modules/{RELEASE}");
    let list = |names: &str| {
        let names = names.split_whitespace();
        let lines = names.map(|name| format!("kernel/{name}.ko.xz:\n"));
        lines.collect::<String>()
    };
    let loadable = list(&format!("vfio-pci {loadable}"));
    host.write(&format!("{folder}/modules.dep"), &loadable);
    host.write(&format!("{folder}/modules.builtin"), &list(built_in));
}

#[test]
fn softdep_that_names_a_driver_and_not_its_module_is_a_warning() {
    // Neither driver is loaded: which modules they have is known.
    let host = with_rules("softdep nvidia-gpu pre: vfio-pci\nsoftdep xhci_hcd pre: vfio-pci\n");
    let lines = [
        "WARN  `softdep nvidia-gpu` in /etc/modprobe.d/vfio.conf has no effect: nvidia-gpu is a \
         driver, and its module is i2c_nvidia_gpu",
        "      try: remove `softdep nvidia-gpu` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot; `gpupci detach` needs no softdep",
        "WARN  `softdep xhci_hcd` in /etc/modprobe.d/vfio.conf has no effect: xhci_hcd is a driver, \
         and its module is xhci_pci",
        "      try: remove `softdep xhci_hcd` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot; `gpupci detach` needs no softdep",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn module_of_a_loaded_driver_is_what_the_kernel_shows() {
    let host = with_rules("softdep some-driver pre: vfio-pci\n");
    assert_trouble(&host, 0, &[]);
    registered(&host, "some-driver", "its_module");
    let lines = [
        "WARN  `softdep some-driver` in /etc/modprobe.d/vfio.conf has no effect: some-driver is a \
         driver, and its module is its_module",
        "      try: remove `softdep some-driver` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot; `gpupci detach` needs no softdep",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn softdep_for_a_module_that_a_driver_of_the_same_name_needs_is_a_warning() {
    let host = with_rules("softdep xhci_hcd pre: vfio-pci\n");
    registered(&host, "xhci_hcd", "xhci_pci");
    modules(&host, "xhci-hcd xhci-pci", "");
    let lines = [
        "WARN  `softdep xhci_hcd` in /etc/modprobe.d/vfio.conf is not about the driver xhci_hcd: its \
         module is xhci_pci",
        "      try: remove `softdep xhci_hcd` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot; `gpupci detach` needs no softdep",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn softdep_for_a_built_in_module_is_a_warning() {
    let host = with_rules("softdep xhci-pci pre: vfio-pci\n");
    modules(&host, "", "xhci-pci");
    let lines = [
        "WARN  `softdep xhci-pci` in /etc/modprobe.d/vfio.conf has no effect: xhci_pci is built into \
         this kernel, and is there before every module",
        "      try: remove `softdep xhci-pci` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot; `gpupci detach` needs no softdep",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn softdep_for_a_module_that_this_kernel_has_passes() {
    let host = with_rules("softdep i915 pre: vfio-pci\nsoftdep nouveau pre: vfio-pci\n");
    modules(&host, "i915", "");
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  i915 loads after vfio-pci (/etc/modprobe.d/vfio.conf)");
    let text = host.line("check").text();
    assert!(!text.contains("nouveau"), "{text}");
}

#[test]
fn blacklist_that_names_a_driver_is_a_warning_also_on_the_kernel_line() {
    let host = with_rules("blacklist nvidia-gpu\n");
    host.boot_with("intel_iommu=on iommu=pt modprobe.blacklist=xhci_hcd");
    let lines = [
        "WARN  `blacklist nvidia-gpu` in /etc/modprobe.d/vfio.conf has no effect: nvidia-gpu is a \
         driver, and its module is i2c_nvidia_gpu",
        "      try: remove `blacklist nvidia-gpu` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot",
        "WARN  xhci_hcd in modprobe.blacklist on the kernel command line has no effect: xhci_hcd is a \
         driver, and its module is xhci_pci",
        "      try: remove modprobe.blacklist=xhci_hcd from GRUB_CMDLINE_LINUX in /etc/default/grub, run \
         `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn blacklist_of_a_built_in_driver_of_a_card_is_a_warning() {
    let host = with_rules("blacklist snd-hda-intel\nblacklist pcspkr\n");
    modules(&host, "", "snd-hda-intel pcspkr");
    let lines = [
        "WARN  `blacklist snd-hda-intel` in /etc/modprobe.d/vfio.conf has no effect: snd_hda_intel is \
         built into this kernel, and is there before every module",
        "      try: remove `blacklist snd-hda-intel` from /etc/modprobe.d/vfio.conf, run `dracut -f`, \
         then reboot",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn options_for_a_driver_name_are_a_warning_unless_a_module_has_this_name() {
    let host = with_rules("options nvidia-gpu a=1\noptions xhci_hcd quirks=1\n");
    modules(&host, "xhci-hcd", "");
    let lines = [
        "WARN  `options nvidia-gpu` in /etc/modprobe.d/vfio.conf has no effect: nvidia-gpu is a \
         driver, and its module is i2c_nvidia_gpu",
        "      try: remove `options nvidia-gpu` from /etc/modprobe.d/vfio.conf, run `dracut -f`, then \
         reboot",
    ];
    assert_trouble(&host, 0, &lines);
}
