//! IOMMU groups: other members that keep their host drivers.

use std::os::unix::fs::symlink;

use crate::support::TestHost;
use crate::support::kernel::{Driver, FakeKernel};
use crate::{DEVICES, manual, refusal, refuses, with_kernel};

const AHCI: &str = "0000:00:1f.2";
const IGB: &str = "0000:01:00.0";
const ELSEWHERE: &str = "move the card to another slot; `gpupci groups` shows the groups";

/// The manual's host with these functions in the IOMMU group of its first card.
fn shared(members: &[&str]) -> (TestHost, FakeKernel) {
    let host = TestHost::unpacked("manual.tree");
    for member in members {
        host.regroup(member, Some(8));
    }
    let kernel = FakeKernel::on(&host);
    (host, kernel)
}

fn message(causes: &[&str], remedy: &str) -> String {
    refusal("detach", "gpupci1 (0000:02:00)", causes, &[remedy])
}

#[test]
fn detach_refuses_a_card_with_a_function_without_iommu_group() {
    let missing = |function| {
        format!("{function} has no IOMMU group: the IOMMU is off, or does not cover this device")
    };
    // Without the word of a processor: the host may be an Arm one.
    let remedy = "run `gpupci check`: it says how to enable the IOMMU of this host; if other cards \
                  have a group, move this one to another slot";
    let host = TestHost::unpacked("manual.tree");
    host.regroup("0000:02:00.0", None);
    host.regroup("0000:02:00.1", None);
    let kernel = FakeKernel::on(&host);
    let causes = [missing("0000:02:00.0"), missing("0000:02:00.1")];
    let text = message(&[&causes[0], &causes[1]], remedy);
    refuses(&host, &kernel, "detach gpupci1", 5, &text);

    // The function links to a group that does not list it.
    let host = TestHost::unpacked("manual.tree");
    let member = host.path("sys/kernel/iommu_groups/8/devices/0000:02:00.1");
    std::fs::remove_file(member).expect("a member");
    let kernel = FakeKernel::on(&host);
    let text = message(&[&causes[1]], remedy);
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
}

#[test]
fn refusal_names_the_group_members_with_host_drivers_and_their_mounts() {
    let (host, kernel) = shared(&[AHCI, IGB]);
    let text = message(
        &[
            "IOMMU group 8 also contains 0000:00:1f.2, which stays bound to ahci",
            "IOMMU group 8 also contains 0000:01:00.0, which stays bound to igb",
        ],
        ELSEWHERE,
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    refuses(&host, &kernel, "detach gpupci1 --dry-run", 5, &text);

    host.class_link("block", "sda1", AHCI, "8:1");
    host.class_link("block", "sda2", AHCI, "8:2");
    host.write("sys/class/block/sda2/holders/dm-3/dev", "253:3\n");
    host.write("sys/devices/virtual/block/dm-3/dev", "253:3\n");
    host.write("sys/devices/virtual/block/dm-3/dm/name", "vg-swap\n");
    let volume = host.path("sys/class/block/dm-3");
    symlink("../../devices/virtual/block/dm-3", volume).expect("a link");
    host.write(
        "proc/self/mountinfo",
        "22 1 8:1 / /boot\\040old rw - ext4 /dev/root rw\n\
         23 1 253:3 / / rw - xfs /dev/mapper/vg-swap rw\n\
         24 1 0:5 / /dev rw - devtmpfs udev rw\n",
    );
    host.write(
        "proc/swaps",
        "Filename Type Size Used Priority\n/dev/mapper/vg-swap partition 1 0 -2\n",
    );
    host.class_link("net", "eth0", IGB, "0:0");
    host.write("sys/class/net/eth0/upper_br0/mtu", "1500\n");
    let zeros = "0".repeat(32);
    host.write(
        "proc/net/ipv6_route",
        &format!("{zeros} 00 {zeros} 00 {zeros} 00000400 00000001 00000000 00000003 eth0\n"),
    );
    host.write(
        "proc/net/route",
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
         br0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
    );
    let text = message(
        &[
            "IOMMU group 8 also contains 0000:00:1f.2, which stays bound to ahci and is used for \
             /boot old (sda1), / (dm-3) and swap (dm-3)",
            "IOMMU group 8 also contains 0000:01:00.0, which stays bound to igb and is used for \
             the default route (eth0) and the default route (br0)",
        ],
        ELSEWHERE,
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
}

#[test]
fn cards_that_share_a_group_are_detached_by_one_command_only() {
    let (host, kernel) = shared(&["0000:03:00.0", "0000:03:00.1"]);
    let before = host.bindings();
    let text = message(
        &[
            "IOMMU group 8 also contains 0000:03:00.0 of gpupci2, which stays bound to nvidia",
            "IOMMU group 8 also contains 0000:03:00.1 of gpupci2, which stays bound to \
             snd_hda_intel",
        ],
        "detach gpupci2 in the same command, and give both cards to the same guest",
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    for cards in ["gpupci1 gpupci2", "all", "03:00.1 02:00"] {
        host.line(&format!("detach {cards}")).answer();
        assert_eq!(host.records().len(), 2, "{cards}");
        assert_eq!(kernel.guest_takes("8"), Ok(()));
        kernel.guest_leaves("8");
        host.line("attach all").answer();
        assert_eq!(host.bindings(), before, "{cards}");
    }
    // A card that is detached already does not keep the other one from a detach.
    host.line("-d gpupci1 -d gpupci2").answer();
    host.line("attach gpupci1").answer();
    host.line("detach gpupci1").answer();
}

#[test]
fn bridges_vfio_drivers_and_unbound_functions_may_share_the_group() {
    let (host, kernel) = shared(&["0000:00:03.0", "0000:00:1e.0", AHCI, IGB, "0000:01:00.1"]);
    kernel
        .flavour(|flavour| flavour.vfio_dev = true)
        .add_driver(Driver::named("mlx5_vfio_pci").vfio())
        .administrator_binds(AHCI, Some("mlx5_vfio_pci"))
        .administrator_binds(IGB, Some("pci-stub"))
        .administrator_binds("0000:01:00.1", None);
    host.line("detach gpupci1").answer();
    assert_eq!(kernel.guest_takes("8"), Ok(()), "the kernel thinks so too");
}

/// Sets the class of a function and binds it to a new driver.
fn becomes(host: &TestHost, kernel: &FakeKernel, function: &str, class: &str, driver: &str) {
    let path = host.path(&format!("{DEVICES}/{function}/class"));
    std::fs::write(path, format!("{class}\n")).expect("a class");
    kernel
        .add_driver(Driver::named(driver))
        .administrator_binds(function, Some(driver));
}

#[test]
fn detach_refuses_a_card_whose_group_has_a_bridge_with_a_host_driver() {
    for release in ["5.15.0", "5.14.0-503.el9", "6.8.0", "unknown"] {
        for (class, driver) in [
            ("0x068000", "nvidia-nvswitch"),
            ("0x060100", "lpc_ich"),
            ("0x060000", "skx_uncore"),
        ] {
            let (host, kernel) = shared(&[AHCI]);
            host.write("proc/sys/kernel/osrelease", &format!("{release}\n"));
            becomes(&host, &kernel, AHCI, class, driver);
            let cause =
                format!("IOMMU group 8 also contains 0000:00:1f.2, which stays bound to {driver}");
            refuses(
                &host,
                &kernel,
                "detach gpupci1",
                5,
                &message(&[&cause], ELSEWHERE),
            );
            kernel.administrator_binds(AHCI, None);
            host.line("detach gpupci1").answer();
            assert_eq!(kernel.guest_takes("8"), Ok(()), "{class}");
        }
    }
}

#[test]
fn another_driver_than_pcieport_may_keep_a_bridge_before_5_19_only() {
    for (release, code) in [("5.15.0", 0), ("5.14.0-503.el9", 5), ("5.19.0", 5)] {
        let (host, kernel) = shared(&[AHCI]);
        host.write("proc/sys/kernel/osrelease", &format!("{release}\n"));
        becomes(&host, &kernel, AHCI, "0x060400", "shpchp");
        assert_eq!(host.line("detach gpupci1").code, Some(code), "{release}");
    }
}

#[test]
fn group_member_that_cannot_be_read_is_not_taken_for_harmless() {
    let (host, kernel) = shared(&[AHCI]);
    let class = host.path(&format!("{DEVICES}/{AHCI}/class"));
    std::fs::remove_file(&class).expect("a class");
    std::fs::create_dir(&class).expect("a folder");
    let said = host.line("detach gpupci1");
    assert_eq!(said.code, Some(5), "{}", said.stderr);
    assert!(said.stderr.contains("cannot read"), "{}", said.stderr);
    assert_eq!(kernel.writes(), [""; 0]);
}

#[test]
fn group_member_of_an_unlisted_vendor_is_named_without_a_card_name() {
    let (host, kernel) = with_kernel("mixed.tree");
    let stays = |member, driver| {
        format!("IOMMU group 1 also contains {member}, which stays bound to {driver}")
    };
    let text = format!(
        "gpupci: cannot detach gpupci1 (0000:04:00)\n  cause: {}\n  cause: {}\n  \
         state: nothing was changed\n  try:   {ELSEWHERE}\n",
        stays("0000:03:00.0", "amdgpu"),
        stays("0000:03:00.1", "snd_hda_intel"),
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    let text = text
        .replace("03:00.0,", "03:00.0 of gpupci1,")
        .replace("03:00.1,", "03:00.1 of gpupci1,")
        .replace("detach gpupci1", "detach gpupci2")
        .replace(
            ELSEWHERE,
            "detach gpupci1 in the same command, and give both cards to the same guest",
        );
    refuses(&host, &kernel, "--vendor 1002 detach gpupci2", 5, &text);
    host.line("--vendor 1002 detach gpupci1 gpupci2").answer();
}

#[test]
fn attach_ignores_the_group() {
    let (host, _kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1").answer();
    host.regroup(AHCI, Some(8));
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
}

const REGIONS: &str = "sys/kernel/iommu_groups/8/reserved_regions";

#[test]
fn detach_refuses_a_card_whose_group_has_a_direct_region() {
    let (host, kernel) = manual();
    host.write(
        REGIONS,
        "0x00000000000e8000 0x00000000000e8fff direct\n\
         0x00000000000f4000 0x00000000000f4fff direct\n\
         0x00000000fee00000 0x00000000feefffff msi\n",
    );
    let cause = "IOMMU group 8 has the reserved region 0xe8000-0xe8fff and 1 more (direct): the \
                 firmware uses this memory through a device of the group, so the kernel gives the \
                 group to no guest";
    let remedy = "update the firmware, or free the region in its setup (HPE ProLiant: exclude the \
                  card's slot from HPE Shared Memory); else move the card to another slot, or ask \
                  the vendor of this machine";
    let text = message(&[cause], remedy);
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    refuses(&host, &kernel, "detach gpupci1 --dry-run", 5, &text);
    host.line("detach gpupci2").answer();
}

#[test]
fn other_reserved_regions_do_not_matter() {
    let (host, kernel) = manual();
    host.write(
        REGIONS,
        "0x00000000bddde000 0x00000000bdddefff direct-relaxable\n\
         0x00000000fee00000 0x00000000feefffff msi\n\
         0x000000fd00000000 0x000000ffffffffff reserved\n",
    );
    host.line("detach gpupci1").answer();
    assert_eq!(kernel.guest_takes("8"), Ok(()), "the kernel thinks so too");
}

#[test]
fn detach_refuses_if_the_reserved_regions_cannot_be_read() {
    let (host, kernel) = manual();
    std::fs::create_dir_all(host.path(REGIONS)).expect("a folder");
    let path = host.path(REGIONS);
    let causes = [
        &*format!("cannot read {}", path.display()),
        "it is not a regular file",
    ];
    let remedy = "check that /sys is mounted and that this host has a PCI bus";
    refuses(
        &host,
        &kernel,
        "detach gpupci1",
        5,
        &message(&causes, remedy),
    );
}

#[test]
fn refused_card_holds_back_the_others_of_its_group() {
    let (host, kernel) = shared(&["0000:03:00.0", "0000:03:00.1"]);
    host.write("etc/driverctl.d/0000:03:00.0", "nvidia\n");
    let held = message(
        &["gpupci2, which shares IOMMU group 8 with it, is refused"],
        "see why gpupci2 is refused: a group goes to one guest as a whole",
    );
    let kept = refusal(
        "detach",
        "gpupci2 (0000:03:00)",
        &["driverctl has set the driver of 0000:03:00.0 to nvidia"],
        &["driverctl unset-override 0000:03:00.0"],
    );
    for line in ["detach gpupci1 gpupci2", "detach all --dry-run"] {
        refuses(&host, &kernel, line, 5, &format!("{held}{kept}"));
    }
    // It also does if it has no driver: the group would be viable, but only half of it detached.
    for function in ["0000:03:00.0", "0000:03:00.1"] {
        kernel.administrator_binds(function, None);
    }
    refuses(
        &host,
        &kernel,
        "detach gpupci1 gpupci2",
        5,
        &format!("{held}{kept}"),
    );
    host.line("detach gpupci1").answer();
    // What is detached already stays so.
    let said = host.line("detach gpupci1 gpupci2");
    assert!(
        said.text()
            .contains("'gpupci1' video device 0000:02:00.0 is already detached")
    );
    assert_eq!((said.stderr, said.code), (kept, Some(4)));
}

#[test]
fn refused_card_does_not_hold_back_cards_of_other_groups() {
    let (host, _kernel) = manual();
    host.write("etc/driverctl.d/0000:03:00.0", "nvidia\n");
    assert_eq!(host.line("detach gpupci1 gpupci2").code, Some(4));
    assert_eq!(host.driver("0000:02:00.0").as_deref(), Some("vfio-pci"));
}
