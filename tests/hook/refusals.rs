//! Starts that the hook refuses before it writes anything. One line says the reasons and the
//! remedies.

use std::fs;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::host_tree::{class_link, regroup};
use crate::stage::{Stage, because};
use crate::support::TestHost;
use crate::support::kernel::{Errno, Load};
use crate::{AUDIO, DEVICES, VIDEO};

const IOMMU_OFF: &str = "run `gpupci check`: it says how to enable the IOMMU of this host; if \
                         other cards have a group, move this one to another slot";
const OTHER_SLOT: &str = "move the card to another slot; `gpupci groups` shows the groups";

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

#[test]
fn prepare_refuses_a_card_of_another_guest() {
    let stage = Stage::manual();
    let other = Guest::other(1, &hostdev("02", 1)).named("a\nb \u{202e}'\"$()");
    stage.hook_ok(&other, "prepare");
    let shown = other.shown();
    let why = because(
        &[&format!("guest {shown} has this card")],
        &[&format!(
            "shut down guest {shown}; if it is not running, run `gpupci recover`"
        )],
    );
    stage.assert_refused(&guest(), &why);
    // libvirt calls `release` for a guest that it could not start.
    stage.hook_ok(&guest(), "release");
    stage.assert_refused(&guest(), &why);
    stage.hook_ok(&other, "release");
    stage.hook_ok(&guest(), "prepare");
}

#[test]
fn prepare_refuses_a_card_that_a_process_uses() {
    let stage = Stage::manual();
    stage.process(77, "X\norg\u{202e}", "/dev/nvidiactl");
    let why = because(
        &["X\\norg\\u{202e} (pid 77) uses /dev/nvidiactl"],
        &["stop X\\norg\\u{202e} (pid 77), or keep it from using this card"],
    );
    stage.assert_refused(&guest(), &why);
    let qemu = "/usr/bin/qemu-kvm\0-name\0guest=a\nb,,c,debug-threads=on\0";
    stage.process(78, "qemu-kvm", "/dev/nvidiactl");
    stage.host.write("proc/78/cmdline", qemu);
    let why = because(
        &[
            "X\\norg\\u{202e} (pid 77) uses /dev/nvidiactl",
            "qemu-kvm (pid 78, guest a\\nb,c) uses /dev/nvidiactl",
        ],
        &[
            "stop X\\norg\\u{202e} (pid 77), or keep it from using this card",
            "shut down guest a\\nb,c",
        ],
    );
    stage.assert_refused(&guest(), &why);
}

#[test]
fn refusal_names_a_handful_of_many_users_and_reaches_the_journal() {
    let stage = Stage::manual();
    for pid in 1000..1300 {
        stage.process(pid, "python3", "/dev/nvidiactl");
    }
    let named = 1000..1005;
    let mut causes: Vec<String> = named
        .clone()
        .map(|pid| format!("python3 (pid {pid}) uses /dev/nvidiactl"))
        .collect();
    causes.push("and 295 more of this kind".to_owned());
    let mut tries: Vec<String> = named
        .map(|pid| format!("stop python3 (pid {pid}), or keep it from using this card"))
        .collect();
    tries.push("do the same for the other 295".to_owned());
    let why = because(
        &causes.iter().map(String::as_str).collect::<Vec<_>>(),
        &tries.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    stage.assert_refused(&guest(), &why);
}

#[test]
fn prepare_refuses_if_a_process_cannot_be_inspected() {
    let stage = Stage::manual();
    stage.process(77, "a\nb", "/dev/null");
    fs::remove_dir_all(stage.host.path("proc/77/fd")).expect("a folder");
    stage.host.write("proc/77/fd", "");
    let why = because(
        &["cannot tell which processes use it: a\\nb (pid 77): Not a directory (os error 20)"],
        &["run this as root, outside of any container"],
    );
    stage.assert_refused(&guest(), &why);
}

#[test]
fn prepare_refuses_a_card_whose_group_has_a_host_driver() {
    let host = TestHost::unpacked("manual.tree");
    regroup(&host, "0000:00:1f.2", Some(8));
    class_link(&host, "block", "sda1", "0000:00:1f.2");
    host.write(
        "proc/self/mountinfo",
        "22 1 226:191 / / rw - ext4 /dev/sda1 rw\n",
    );
    let stage = Stage::on(host);
    let why = because(
        &[
            "IOMMU group 8 also contains 0000:00:1f.2, which stays bound to ahci and is used for / (sda1)",
        ],
        &[OTHER_SLOT],
    );
    stage.assert_refused(&guest(), &why);
    // QEMU would fail too if the card itself had been bound at boot.
    stage.bind_at_boot();
    stage.assert_refused(&guest(), &why);
}

#[test]
fn prepare_refuses_a_card_without_iommu_group() {
    let host = TestHost::unpacked("manual.tree");
    regroup(&host, VIDEO, None);
    regroup(&host, AUDIO, None);
    let stage = Stage::on(host);
    let none = |function: &str| {
        format!("{function} has no IOMMU group: the IOMMU is off, or does not cover this device")
    };
    let why = because(&[&none(VIDEO), &none(AUDIO)], &[IOMMU_OFF]);
    stage.assert_refused(&guest(), &why);
    stage.bind_at_boot();
    stage.assert_refused(&guest(), &why);
}

#[test]
fn prepare_refuses_another_card_at_a_recorded_address() {
    let stage = Stage::manual();
    stage.host.line("list").answer();
    let device = stage.host.path(&format!("{DEVICES}/{VIDEO}"));
    let device = fs::canonicalize(device).expect("a function").join("device");
    fs::write(&device, "0x1eb8\n").expect("an attribute");
    let why = because(
        &[
            "gpupci1 was recorded as 10de:06de (10de:082f), but 10de:1eb8 (10de:082f) is there \
             now; gpupci1 was not found",
        ],
        &[
            "compare `gpupci list -v` with the cards that you expect; `gpupci renumber` reassigns \
             the names; then update the attributes with `gpupci host set`",
        ],
    );
    stage.assert_refused(&guest(), &why);
    stage.bind_at_boot();
    stage.assert_refused(&guest(), &why);
    stage.hook_ok(&Guest::with(&hostdev("03", 0)), "prepare");
}

#[test]
fn prepare_refuses_if_the_stub_driver_cannot_be_loaded() {
    for (load, why) in [
        (
            Load::Fails(Errno::ENOENT),
            "the path does not exist (os error 2)",
        ),
        (
            Load::Blacklisted,
            "modprobe vfio_pci succeeded, but the driver is not there; it may be blacklisted",
        ),
    ] {
        let host = TestHost::unpacked("manual.tree");
        fs::remove_dir(host.path("sys/bus/pci/drivers/vfio-pci")).expect("a driver");
        let stage = Stage::on(host);
        stage.kernel.module("vfio_pci", load);
        let why = because(
            &[&format!("the driver vfio-pci cannot be loaded: {why}")],
            &[
                "check that the module of vfio-pci is installed, and not blacklisted in /etc/modprobe.d",
            ],
        );
        stage.assert_refused(&guest(), &why);
        stage.kernel.module("vfio_pci", Load::Works);
        stage.hook_ok(&guest(), "prepare");
        assert_eq!(stage.kernel.modprobes(), ["vfio_pci", "vfio_pci"]);
    }
}

#[test]
fn prepare_refuses_a_detached_card_with_the_firmwares_framebuffer() {
    let stage = Stage::manual();
    stage.bind_at_boot();
    let host = &stage.host;
    host.write("proc/sys/kernel/osrelease", "5.15.0-91-generic\n");
    host.write(
        "sys/devices/platform/efi-framebuffer.0/graphics/fb0/dev",
        "29:0\n",
    );
    host.write(&format!("{DEVICES}/{VIDEO}/boot_vga"), "1\n");
    let why = because(
        &[
            "the firmware's framebuffer (fb0) is in the memory of 0000:02:00.0, and vfio-pci does not \
             remove it: a guest cannot use that memory (BAR: can't reserve)",
        ],
        &[
            "make another card the boot display (firmware setup), or add \
             initcall_blacklist=sysfb_init to the kernel command line and reboot, after which the \
             host may have no screen (video=efifb:off has no effect since Linux 5.15)",
        ],
    );
    stage.assert_refused(&guest(), &why);
}

#[test]
fn prepare_refuses_the_console_and_driverctl_overrides_and_old_kernels() {
    let stage = Stage::manual();
    class_link(&stage.host, "graphics", "fb0", VIDEO);
    stage
        .host
        .write(&format!("etc/driverctl.d/{AUDIO}"), "nouveau\n");
    let why = because(
        &[
            "the host's console is on 0000:02:00.0 (fb0)",
            "driverctl has set the driver of 0000:02:00.1 to nouveau",
        ],
        &[
            "make another card the boot display (firmware setup)",
            "driverctl unset-override 0000:02:00.1",
        ],
    );
    stage.assert_refused(&guest(), &why);

    let old = Stage::on(TestHost::unpacked("old-kernel.tree"));
    let none = |function: &str| {
        format!(
            "this kernel has no driver_override for {function}, so it cannot bind this card \
             without other cards of the same model"
        )
    };
    let why = because(
        &[&none(VIDEO), &none(AUDIO)],
        &["boot Linux 3.16 or later, or a kernel of CentOS 7.2 or later"],
    );
    old.assert_refused(&guest(), &why);
}

#[test]
fn refusal_lists_all_reasons() {
    let host = TestHost::unpacked("manual.tree");
    regroup(&host, "0000:00:1f.2", Some(8));
    regroup(&host, AUDIO, None);
    let stage = Stage::on(host);
    stage.process(77, "Xorg", "/dev/nvidiactl");
    let why = because(
        &[
            "0000:02:00.1 has no IOMMU group: the IOMMU is off, or does not cover this device",
            "IOMMU group 8 also contains 0000:00:1f.2, which stays bound to ahci",
            "Xorg (pid 77) uses /dev/nvidiactl",
        ],
        &[
            IOMMU_OFF,
            OTHER_SLOT,
            "stop Xorg (pid 77), or keep it from using this card",
        ],
    );
    stage.assert_refused(&guest(), &why);
}

#[test]
fn outcome_of_prepare_is_kept_for_gpupci_why() {
    let stage = Stage::manual();
    stage
        .host
        .write("etc/libvirt/qemu/rocks-33.xml", &guest().xml());
    stage.process(77, "Xorg", "/dev/nvidiactl");
    assert_eq!(stage.hook(&guest(), "prepare").code, Some(1));
    let told = stage.host.line("why rocks-33").answer();
    let said = "gpupci1 (0000:02:00): Xorg (pid 77) uses /dev/nvidiactl\n            hook: refused the start ";
    assert!(told.contains(said), "{told}");
    fs::remove_dir_all(stage.host.path("proc/77")).expect("a process");
    stage.hook_ok(&guest(), "prepare");
    let told = stage.host.line("why rocks-33").answer();
    assert!(told.contains(" s ago: its cards were prepared, "), "{told}");
}

const REGIONS: &str = "sys/kernel/iommu_groups/8/reserved_regions";

#[test]
fn prepare_refuses_a_group_with_a_direct_region_also_if_the_card_is_detached() {
    let direct = "0x00000000000e8000 0x00000000000e8fff direct\n";
    let why = because(
        &[
            "IOMMU group 8 has the reserved region 0xe8000-0xe8fff (direct): the firmware uses this \
           memory through a device of the group, so the kernel gives the group to no guest",
        ],
        &[
            "update the firmware, or free the region in its setup (HPE ProLiant: exclude the \
           card's slot from HPE Shared Memory); else move the card to another slot, or ask the \
           vendor of this machine",
        ],
    );
    let stage = Stage::manual();
    stage.host.write(REGIONS, direct);
    stage.assert_refused(&guest(), &why);
    stage.bind_at_boot();
    stage.assert_refused(&guest(), &why);
    stage
        .host
        .write(REGIONS, &direct.replace("direct", "direct-relaxable"));
    stage.hook_ok(&guest(), "prepare");
}

#[test]
fn prepare_refuses_a_detached_card_whose_reserved_regions_cannot_be_read() {
    let stage = Stage::manual();
    stage.bind_at_boot();
    fs::create_dir_all(stage.host.path(REGIONS)).expect("a folder");
    let said = stage.hook(&guest(), "prepare");
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("reserved_regions"), "{}", said.stderr);
}
