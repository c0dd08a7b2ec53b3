//! Kernel, firmware, IOMMU, interrupts.

use crate::support::TestHost;
use crate::{DEVICES, assert_trouble, ready};

const NO_GROUPS: [&str; 2] = [
    "FAIL  there are no IOMMU groups: the IOMMU is off or missing, so no guest can use a card",
    "      try: fix the firmware and kernel-line failures above; if they pass, look for the reason \
     in `dmesg | grep -e DMAR -e AMD-Vi -e IOMMU`",
];

#[test]
fn missing_intel_iommu_on_is_a_failure() {
    let host = ready();
    host.without_groups();
    host.write("proc/cmdline", "ro quiet\n");
    let [groups, remedy] = NO_GROUPS;
    let lines = [
        "FAIL  intel_iommu=on is not on the kernel command line, and this kernel leaves VT-d off \
         without it",
        "      try: add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, run \
         `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot",
        groups,
        remedy,
    ];
    assert_trouble(&host, 5, &lines);
    // The kernel's configuration says that VT-d is on by default.
    let config = format!("boot/config-{}", crate::RELEASE);
    host.write(
        &config,
        "CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n",
    );
    assert_trouble(&host, 5, &NO_GROUPS);
}

#[test]
fn parameter_that_turns_the_iommu_off_is_a_failure() {
    let [groups, remedy] = NO_GROUPS;
    for (vendor, table, line, word) in [
        (
            "GenuineIntel",
            "DMAR",
            "intel_iommu=on intel_iommu=off",
            "intel_iommu=off",
        ),
        (
            "GenuineIntel",
            "DMAR",
            "intel_iommu=on iommu=off",
            "iommu=off",
        ),
        ("AuthenticAMD", "IVRS", "amd_iommu=off", "amd_iommu=off"),
    ] {
        let host = ready();
        host.without_groups();
        host.remove("sys/firmware/acpi/tables/DMAR");
        host.write(&format!("sys/firmware/acpi/tables/{table}"), "");
        host.write("proc/cpuinfo", &format!("vendor_id\t: {vendor}\n"));
        host.boot_with(&format!("ro {line} quiet"));
        host.write("usr/sbin/grubby", "");
        let off = format!("FAIL  {word} on the kernel command line turns the IOMMU off");
        let run = format!(
            "      try: run `grubby --update-kernel=ALL --remove-args={word}`, then reboot"
        );
        assert_trouble(&host, 5, &[&off, &run, groups, remedy]);
    }
}

#[test]
fn missing_iommu_table_names_the_firmware_setting_of_the_vendor() {
    let [groups, remedy] = NO_GROUPS;
    let no_table = "FAIL  the firmware reports no IOMMU (no ACPI table DMAR or IVRS)";
    for (cpuinfo, setup) in [
        (
            "vendor_id\t: GenuineIntel\n",
            "enable VT-d (\"Intel Virtualization Technology for Directed I/O\") in the firmware \
             setup, then reboot",
        ),
        (
            "vendor_id\t: AuthenticAMD\n",
            "enable IOMMU (\"AMD-Vi\") in the firmware setup, then reboot",
        ),
        (
            "vendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n",
            "this host is itself a guest: add a virtual IOMMU to its domain XML, for example \
             <iommu model='intel'>",
        ),
    ] {
        let host = ready();
        host.without_groups();
        host.remove("sys/firmware/acpi/tables/DMAR");
        host.write("proc/cpuinfo", cpuinfo);
        let setup = format!("      try: {setup}");
        assert_trouble(&host, 5, &[no_table, &setup, groups, remedy]);
    }
}

#[test]
fn missing_iommu_pt_is_a_hint_and_no_warning() {
    let host = ready();
    host.write("proc/cmdline", "ro intel_iommu=on\n");
    assert_trouble(&host, 0, &[]);
    host.assert_says(
        "PASS  the kernel uses the IOMMU (intel_iommu=on); iommu=pt would avoid address \
         translation for the host's own devices",
    );
}

#[test]
fn acs_override_and_noiommu_mode_are_warnings() {
    let host = ready();
    host.boot_with("intel_iommu=on iommu=pt pcie_acs_override=downstream");
    host.write(
        "sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
        "Y\n",
    );
    let lines = [
        "WARN  VFIO works without an IOMMU (enable_unsafe_noiommu_mode): a guest can read and write \
         all of the host's memory",
        "      try: echo 0 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
        "WARN  pcie_acs_override is on the kernel command line: the IOMMU groups are smaller than \
         what the hardware isolates, so a guest may reach devices outside its group",
        "      try: move cards to slots whose groups are small without it; remove \
         pcie_acs_override=downstream from GRUB_CMDLINE_LINUX in /etc/default/grub, run \
         `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn missing_interrupt_remapping_is_a_failure() {
    let host = ready();
    host.boot_with("intel_iommu=on iommu=pt intremap=off");
    let lines = [
        "FAIL  intremap=off on the kernel command line turns interrupt remapping off, but VFIO \
         requires it",
        "      try: remove intremap=off from GRUB_CMDLINE_LINUX in /etc/default/grub, run \
         `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot",
    ];
    assert_trouble(&host, 5, &lines);

    let host = ready();
    host.write("sys/class/iommu/dmar1/intel-iommu/ecap", "f020d7\n");
    let lines = [
        "FAIL  the IOMMU dmar1 cannot remap interrupts, but VFIO requires it",
        "      try: if you trust every guest, add `options vfio_iommu_type1 \
         allow_unsafe_interrupts=1` to /etc/modprobe.d/vfio.conf, run `dracut -f`, then reboot; a guest \
         can then raise any interrupt of the host",
    ];
    assert_trouble(&host, 5, &lines);
    host.write(
        "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
        "Y\n",
    );
    let lines = [
        "WARN  the IOMMU dmar1 cannot remap interrupts, and VFIO continues without it \
         (allow_unsafe_interrupts): a guest can raise any interrupt of the host",
        "      try: give cards only to guests that you trust",
        "WARN  allow_unsafe_interrupts of vfio_iommu_type1 is on, but nothing configures it: a reboot \
         turns it off",
        "      try: to keep it, add `options vfio_iommu_type1 allow_unsafe_interrupts=1` to \
         /etc/modprobe.d/vfio.conf, run `dracut -f`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
    host.remove("sys/class/iommu/dmar1");
    let lines = [
        "WARN  allow_unsafe_interrupts is on, but this host does not need it",
        "      try: echo 0 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts, and \
         remove it from /etc/modprobe.d and the kernel command line",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn kernel_without_driver_override_is_a_failure() {
    let host = ready();
    host.write("proc/sys/kernel/osrelease", "3.10.0\n");
    for entry in std::fs::read_dir(host.path(DEVICES)).expect("a bus") {
        let file = entry.expect("an entry").path().join("driver_override");
        std::fs::remove_file(file).expect("it is removed");
    }
    let lines = [
        "FAIL  Linux 3.10.0 has no driver_override, so two cards of the same model cannot have different \
         drivers",
        "      try: boot Linux 3.16 or later, or a kernel of CentOS 7.2 or later",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn chipset_on_which_the_kernel_turns_remapping_off_is_a_failure() {
    let host = ready();
    let bridge = "sys/bus/pci/devices/0000:00:00.0";
    for (file, value) in [
        ("vendor", "0x8086"),
        ("device", "0x3405"),
        ("class", "0x060000"),
        ("revision", "0x13"),
    ] {
        host.write(&format!("{bridge}/{file}"), &format!("{value}\n"));
    }
    let lines = [
        "FAIL  the kernel turns interrupt remapping off on this chipset (8086:3405 revision 13), \
         because it loses interrupts, but VFIO requires it",
        "      try: if you trust every guest, add `options vfio_iommu_type1 \
         allow_unsafe_interrupts=1` to /etc/modprobe.d/vfio.conf, run `dracut -f`, then reboot; a guest \
         can then raise any interrupt of the host",
    ];
    assert_trouble(&host, 5, &lines);
    host.write(&format!("{bridge}/revision"), "0x14\n");
    assert_trouble(&host, 0, &[]);
}

/// Arm hosts without a group: `cpuinfo` of an Arm processor, no table of an x86 IOMMU.
fn arm() -> TestHost {
    let host = ready();
    host.without_groups();
    host.remove("sys/firmware/acpi/tables/DMAR");
    host.write("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n");
    host.write("proc/cmdline", "ro\n");
    host
}

const NO_GROUPS_ON_ARM: [&str; 2] = [
    NO_GROUPS[0],
    "      try: fix the firmware and kernel-line failures above; if they pass, look for the reason \
     in `dmesg | grep -i -e SMMU -e IOMMU`",
];

#[test]
fn arm_server_without_smmu_is_told_to_enable_it_in_the_firmware() {
    let host = arm();
    // Servers without an SMMU have this table too: it also describes interrupts.
    host.write("sys/firmware/acpi/tables/IORT", "");
    let [groups, remedy] = NO_GROUPS_ON_ARM;
    let lines = [
        "FAIL  the kernel found no IOMMU (on Arm: SMMU)",
        "      try: enable the SMMU in the firmware setup, then reboot; the kernel command line needs \
         no parameter",
        groups,
        remedy,
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn board_with_a_device_tree_is_told_that_nothing_can_be_switched_on() {
    let host = arm();
    host.write("sys/firmware/devicetree/base/model", "a board");
    let [groups, remedy] = NO_GROUPS_ON_ARM;
    let lines = [
        "FAIL  the device tree of this board describes no IOMMU that the kernel uses, so this board \
         cannot give a PCI card to a guest",
        "      try: this cannot be switched on: use a machine with an IOMMU for its PCI slots; if the \
         vendor says that this board has one, install the vendor's firmware and kernel",
        groups,
        remedy,
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn no_sentence_about_an_arm_host_names_an_iommu_of_x86() {
    for device_tree in [false, true] {
        let host = arm();
        if device_tree {
            host.write("sys/firmware/devicetree/base/model", "a board");
        }
        let check = host.line("check").text();
        let detach = host.line("detach gpupci1 --dry-run");
        for said in [check, detach.stderr] {
            for word in [
                "VT-d",
                "AMD",
                "intel_iommu",
                "amd_iommu",
                "iommu=pt",
                "DMAR",
            ] {
                assert!(!said.contains(word), "{word}: {said}");
            }
        }
    }
}

#[test]
fn smmu_that_the_kernel_uses_passes() {
    let host = ready();
    host.remove("sys/firmware/acpi/tables/DMAR");
    host.write("proc/cpuinfo", "CPU implementer\t: 0x41\n");
    host.write("proc/cmdline", "ro\n");
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  the kernel uses the IOMMU");
}

#[test]
fn parameter_for_another_processor_is_said_to_have_no_effect() {
    let host = ready();
    host.without_groups();
    host.boot_with("ro amd_iommu=on");
    let said = host.line("check").text();
    let idle =
        "off without it; amd_iommu= has no effect on an Intel processor, whoever made the card\n";
    assert!(said.contains(idle), "{said}");
}
