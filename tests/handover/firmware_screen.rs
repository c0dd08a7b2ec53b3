//! The firmware's framebuffer on a card.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::FakeKernel;
use crate::{DEVICES, manual};

const VIDEO: &str = "0000:02:00.0";

/// The manual's host with a firmware framebuffer, and a console on it.
fn with_firmware_screen(release: &str) -> (TestHost, FakeKernel) {
    with_screen("simple-framebuffer.0", release)
}

/// The same with another device of the firmware.
fn with_screen(device: &str, release: &str) -> (TestHost, FakeKernel) {
    let (host, kernel) = manual();
    host.write("proc/sys/kernel/osrelease", release);
    let fb = format!("devices/platform/{device}/graphics/fb0");
    host.write(&format!("sys/{fb}/name"), "simpledrmdrmfb\n");
    fs::create_dir_all(host.path("sys/class/graphics")).expect("a folder");
    let link = host.path("sys/class/graphics/fb0");
    symlink(format!("../../{fb}"), link).expect("a link");
    host.write(
        "sys/class/vtconsole/vtcon1/name",
        "(M) frame buffer device\n",
    );
    host.write("sys/class/vtconsole/vtcon1/bind", "1\n");
    (host, kernel)
}

/// Where the firmware's framebuffer is, and where the memory of the first card.
fn at_address(host: &TestHost, boot: &str, card: &str) {
    host.write(
        "proc/iomem",
        &format!("e0000000-efffffff : PCI Bus\n  {boot} : BOOTFB\n"),
    );
    let resource = format!("{card} 0x0000000000040200\n0x0 0x0 0x0\n");
    host.write(&format!("{DEVICES}/{VIDEO}/resource"), &resource);
}

const CARD: &str = "0x00000000e0000000 0x00000000e0ffffff";

#[test]
fn firmware_framebuffer_in_the_memory_of_a_card_is_its_console() {
    let (host, _kernel) = with_firmware_screen("6.8.0");
    at_address(&host, "e0000000-e02fffff", CARD);
    let said = host.line("detach gpupci1");
    let cause = format!("cause: the host's console is on {VIDEO} (fb0)\n");
    assert!(said.stderr.contains(&cause), "{}", said.stderr);
    assert_eq!(said.code, Some(4));
    host.line("detach gpupci2").answer();
    // From Linux 5.19 on, vfio-pci removes a framebuffer that is no console.
    host.write("sys/class/vtconsole/vtcon1/bind", "0\n");
    host.line("detach gpupci1").answer();
}

#[test]
fn firmware_framebuffer_keeps_a_guest_away_before_vfio_removes_it() {
    let (host, _kernel) = with_firmware_screen("5.15.0-91-generic");
    host.write("sys/class/vtconsole/vtcon1/bind", "0\n");
    at_address(&host, "e0000000-e02fffff", CARD);
    let said = host.line("detach gpupci1");
    let cause = format!("the firmware's framebuffer (fb0) is in the memory of {VIDEO}, and");
    assert!(said.stderr.contains(&cause), "{}", said.stderr);
    assert!(said.stderr.contains("initcall_blacklist=sysfb_init"));
    assert_eq!(said.code, Some(4));
    // It is in the memory of another card.
    at_address(&host, "ef000000-ef2fffff", CARD);
    host.line("detach gpupci1").answer();
}

#[test]
fn boot_display_counts_if_the_kernel_hides_addresses() {
    for (boot_vga, code) in [("1\n", 4), ("0\n", 0)] {
        let (host, _kernel) = with_firmware_screen("5.15.0");
        host.write("proc/iomem", "00000000-00000000 : BOOTFB\n");
        host.write(&format!("{DEVICES}/{VIDEO}/boot_vga"), boot_vga);
        assert_eq!(host.line("detach gpupci1").code, Some(code), "{boot_vga}");
    }
}

#[test]
fn boot_display_counts_if_no_card_has_the_framebuffer_in_its_memory() {
    let of_another = "ef000000-efffffff : 0000:03:00.0\n  ef000000-ef2fffff : BOOTFB\n";
    for (memory, code) in [("ef000000-ef2fffff : BOOTFB\n", 4), (of_another, 0)] {
        let (host, _kernel) = with_firmware_screen("5.15.0");
        at_address(&host, "", CARD);
        host.write("proc/iomem", memory);
        host.write(&format!("{DEVICES}/{VIDEO}/boot_vga"), "1\n");
        assert_eq!(host.line("detach gpupci1").code, Some(code), "{memory}");
    }
}

#[test]
fn list_of_memory_alone_shows_whose_the_framebuffer_is() {
    let (host, _kernel) = with_firmware_screen("5.15.0");
    host.write(
        "proc/iomem",
        "d0000000-dfffffff : 0000:02:00.0\n  d0000000-d02fffff : BOOTFB\n",
    );
    assert_eq!(host.line("detach gpupci1").code, Some(4));
    host.line("detach gpupci2").answer();
}

#[test]
fn framebuffer_of_every_driver_of_the_firmware_is_found() {
    for (device, range) in [
        ("efifb.0", "efifb"),
        ("vesafb.0", "vesafb"),
        ("efi-framebuffer.0", "efidrm"),
        ("vesa-framebuffer.0", "vesadrm"),
        ("simple-framebuffer.0", "simpledrm"),
    ] {
        let (host, _kernel) = with_screen(device, "5.15.0");
        at_address(&host, "", CARD);
        host.write("proc/iomem", &format!("e0000000-e02fffff : {range}\n"));
        assert_eq!(host.line("detach gpupci1").code, Some(4), "{device}");
    }
}
