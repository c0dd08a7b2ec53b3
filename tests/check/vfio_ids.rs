//! Ids for vfio-pci: what they say, compared with what is.

use crate::support::TestHost;
use crate::{DEVICES, RELEASE, assert_trouble, ready};

#[test]
fn vfio_pci_ids_are_reported_with_their_cards() {
    let host = ready();
    let id = |name: &str| {
        let file = host.path(&format!("{DEVICES}/0000:02:00.0/{name}"));
        let text = std::fs::read_to_string(file).expect("an id");
        text.trim().trim_start_matches("0x").to_owned()
    };
    let ids = format!("{}:{}", id("vendor"), id("device"));
    host.write(
        "etc/modprobe.d/vfio.conf",
        &format!("options vfio-pci ids={ids},10de:ffff\n"),
    );
    let lines = [
        "WARN  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf names \"10de:ffff\", but no \
         device of this host has this id",
        "      try: remove or correct it; `lspci -nn` shows the ids",
        "WARN  gpupci1: `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf names 0000:02:00.0, but \
         it is bound to nvidia, which was loaded before vfio-pci or was bound later",
        "      try: add `softdep nvidia pre: vfio-pci` to /etc/modprobe.d/vfio.conf, run \
         `dracut -f`, then reboot",
        "WARN  gpupci2: `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf names 0000:03:00.0, but \
         it is bound to nvidia, which was loaded before vfio-pci or was bound later",
        "      try: add `softdep nvidia pre: vfio-pci` to /etc/modprobe.d/vfio.conf, run \
         `dracut -f`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
    // The two cards have the same ids.
    host.assert_says(
        "PASS  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf binds gpupci1 (0000:02:00.0) \
         and gpupci2 (0000:03:00.0) at boot",
    );
    host.write(
        &format!("lib/modules/{RELEASE}/modules.builtin"),
        "kernel/drivers/vfio/pci/vfio-pci.ko\n",
    );
    let effect = format!(
        "      try: add vfio-pci.ids={ids},10de:ffff to GRUB_CMDLINE_LINUX in /etc/default/grub, run \
         `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot"
    );
    let lines = [
        "WARN  `options vfio-pci ids=` in /etc/modprobe.d/vfio.conf has no effect: vfio-pci is built \
         into this kernel",
        &effect,
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn vfio_pci_ids_on_the_kernel_line_are_reported() {
    let host = TestHost::unpacked("b550-shared-group.tree");
    host.assert_says(
        "PASS  vfio-pci.ids on the kernel command line binds gpupci2 (0000:2b:00.0, 0000:2b:00.1, \
         0000:2b:00.2, 0000:2b:00.3) at boot",
    );
}
