//! The stub driver, and the configuration of modprobe.

use std::os::unix::fs::symlink;

use crate::support::TestHost;
use crate::{DEVICES, RELEASE, assert_trouble, ready};

/// A prepared host on which vfio-pci is not loaded yet.
fn unloaded() -> TestHost {
    let host = ready();
    host.remove("sys/bus/pci/drivers/vfio-pci");
    host
}

#[test]
fn stub_driver_as_unloaded_module_or_built_in_passes() {
    let host = unloaded();
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  the driver vfio-pci is a module, which is loaded when it is needed");
    host.write(
        &format!("lib/modules/{RELEASE}/modules.builtin"),
        "kernel/drivers/vfio/pci/vfio-pci.ko\n",
    );
    host.assert_says("PASS  the driver vfio-pci is built into the kernel");
}

#[test]
fn missing_stub_driver_is_a_failure() {
    let host = unloaded();
    host.write(
        &format!("lib/modules/{RELEASE}/modules.dep"),
        "kernel/drivers/net/tun.ko:\n",
    );
    let lines = [
        "FAIL  this kernel has no driver vfio-pci, neither built in nor as a module",
        "      try: dnf install kernel-modules-4.18.0-553.el8_10.x86_64",
    ];
    assert_trouble(&host, 5, &lines);
    host.remove("lib/modules");
    let lines = [
        "FAIL  the driver vfio-pci is not loaded, and /lib/modules has nothing for the running \
         kernel (4.18.0-553.el8_10.x86_64)",
        "      try: reboot into the installed kernel, or dnf install \
         kernel-modules-4.18.0-553.el8_10.x86_64",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn stub_driver_of_the_settings_is_checked() {
    let host = ready();
    host.write("etc/gpupt.toml", "stub = \"nvgrace-gpu-vfio-pci\"\n");
    let lines = [
        "FAIL  this kernel has no driver nvgrace-gpu-vfio-pci, neither built in nor as a module",
        "      try: dnf install kernel-modules-4.18.0-553.el8_10.x86_64",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn modprobe_lines_that_block_the_stub_driver_are_named() {
    for (file, text, what, remedy) in [
        (
            "etc/modprobe.d/local.conf",
            "# why not\nblacklist vfio_pci\n",
            "/etc/modprobe.d/local.conf blacklists vfio-pci",
            "remove `blacklist vfio_pci` from /etc/modprobe.d/local.conf",
        ),
        (
            "usr/lib/modprobe.d/hardened.conf",
            "install vfio-pci /bin/false\n",
            "/usr/lib/modprobe.d/hardened.conf runs /bin/false instead of loading vfio-pci",
            "copy /usr/lib/modprobe.d/hardened.conf to /etc/modprobe.d, where a file of this name \
             replaces it, remove `install vfio-pci /bin/false` from the copy",
        ),
        (
            "proc/cmdline",
            "intel_iommu=on iommu=pt module_blacklist=vfio_pci\n",
            "module_blacklist on the kernel command line names vfio-pci",
            "remove module_blacklist=vfio_pci from GRUB_CMDLINE_LINUX in /etc/default/grub, run \
             `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot",
        ),
    ] {
        let write = |host: &TestHost| match file {
            "proc/cmdline" => host.boot_with(text.trim()),
            _ => host.write(file, text),
        };
        let host = unloaded();
        write(&host);
        let try_line = format!("      try: {remedy}");
        let fail = format!("FAIL  {what}: vfio-pci cannot be loaded");
        assert_trouble(&host, 5, &[&fail, &try_line]);
        let host = ready();
        write(&host);
        let warn =
            format!("WARN  {what}: vfio-pci is loaded now, but may not be after the next boot");
        assert_trouble(&host, 0, &[&warn, &try_line]);
    }
}

#[test]
fn line_is_removed_where_the_system_keeps_it() {
    for (mark, remedy) in [
        (
            "etc/NIXOS",
            "remove `blacklist vfio_pci` from `boot.extraModprobeConfig` or \
             `boot.blacklistedKernelModules`, from which NixOS makes /etc/modprobe.d/nixos.conf, run \
             `nixos-rebuild boot`, then reboot",
        ),
        (
            "etc/unraid-version",
            "remove `blacklist vfio_pci` from the file in /boot/config/modprobe.d, then reboot",
        ),
    ] {
        let host = unloaded();
        host.write(mark, "");
        host.write("etc/modprobe.d/nixos.conf", "blacklist vfio_pci\n");
        let (trouble, _) = host.trouble();
        let told = trouble.lines().nth(1);
        assert_eq!(told, Some(&*format!("      try: {remedy}")));
    }
}

#[test]
fn modprobe_file_in_etc_masks_the_one_in_lib() {
    let host = unloaded();
    host.write("lib/modprobe.d/a.conf", "blacklist vfio-pci\n");
    host.write("etc/modprobe.d/a.conf", "# nothing\n");
    host.write("etc/modprobe.d/README", "blacklist vfio-pci\n");
    host.write("lib/modprobe.d/b.conf", "blacklist vfio-pci\n");
    let mask = host.path("etc/modprobe.d/b.conf");
    symlink("/dev/null", mask).expect("the link is made");
    assert_trouble(&host, 0, &[]);
}

#[test]
fn modprobe_lines_that_help_are_reported_as_passes() {
    let host = ready();
    let text = "blacklist nouveau\nsoftdep nvidia pre: vfio-pci\noptions nouveau modeset=0\n";
    host.write("etc/modprobe.d/gpu.conf", text);
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  nouveau is not loaded automatically (/etc/modprobe.d/gpu.conf)");
    host.assert_says("PASS  nvidia loads after vfio-pci (/etc/modprobe.d/gpu.conf)");
}

#[test]
fn blacklisted_driver_that_is_bound_is_a_warning() {
    let host = ready();
    host.write("etc/modprobe.d/gpu.conf", "blacklist nvidia\n");
    let lines = [
        "WARN  nvidia is blacklisted (/etc/modprobe.d/gpu.conf), but 0000:02:00.0 is bound to it: \
         something loaded it by name, or the initramfs is older than the blacklist",
        "      try: run `dracut -f`, then reboot",
    ];
    assert_trouble(&host, 0, &lines);
}

/// The prepared host, whose kernel has a variant of vfio-pci for the first card.
fn with_variant() -> TestHost {
    let host = ready();
    host.write(&format!("{DEVICES}/0000:03:00.0/device"), "0x06df\n");
    host.write(
        &format!("lib/modules/{RELEASE}/modules.alias"),
        "#\nalias vfio_pci:v000010DEd000006DEsv*sd*bc*sc*i* mlx5_vfio_pci\n",
    );
    host.write(
        &format!("lib/modules/{RELEASE}/modules.dep"),
        "kernel/vfio-pci.ko.xz:\nkernel/mlx5-vfio-pci.ko.xz: kernel/vfio-pci.ko.xz\n",
    );
    host
}

#[test]
fn variant_driver_of_a_function_is_checked() {
    let host = with_variant();
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  the driver vfio-pci is loaded");
    host.assert_says(
        "PASS  the driver mlx5_vfio_pci is a module, which is loaded when it is needed",
    );
    host.assert_says(
        "PASS  gpupci1: the kernel's VFIO driver for 0000:02:00.0 is mlx5_vfio_pci; a guest gets \
         it on this driver",
    );
    host.write(
        &format!("lib/modules/{RELEASE}/modules.dep"),
        "kernel/drivers/vfio/pci/vfio-pci.ko.xz:\n",
    );
    let lines = [
        "FAIL  this kernel has no driver mlx5_vfio_pci, neither built in nor as a module",
        "      try: dnf install kernel-modules-4.18.0-553.el8_10.x86_64",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn function_that_does_not_get_its_variant_driver_is_a_warning() {
    let host = with_variant();
    host.write("etc/gpupt.toml", "stub = \"vfio-pci\"\n");
    let lines = [
        "WARN  gpupci1: the kernel's VFIO driver for 0000:02:00.0 is mlx5_vfio_pci, but \
         /etc/gpupt.toml chooses vfio-pci",
        "      try: remove the line with `stub`",
    ];
    assert_trouble(&host, 0, &lines);
    host.remove("etc/gpupt.toml");
    for function in ["0000:02:00.0", "0000:02:00.1"] {
        let link = format!("{DEVICES}/{function}/driver");
        host.remove(&link);
        symlink("/sys/bus/pci/drivers/vfio-pci", host.path(&link)).expect("a link");
    }
    let lines = [
        "WARN  gpupci1: the kernel's VFIO driver for 0000:02:00.0 is mlx5_vfio_pci, but it is bound \
         to vfio-pci",
        "      try: gpupci attach gpupci1; gpupci detach gpupci1",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn stub_driver_of_the_settings_is_known_by_its_exact_name() {
    let host = with_variant();
    host.write("etc/gpupt.toml", "stub = \"mlx5-vfio-pci\"\n");
    let lines = [
        "WARN  `stub` in /etc/gpupt.toml is mlx5-vfio-pci, but the driver is called mlx5_vfio_pci",
        "      try: set `stub = \"mlx5_vfio_pci\"`",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn module_that_newer_kernels_do_not_have_is_a_warning_in_each_file_that_names_it() {
    for (file, text) in [
        (
            "etc/dracut.conf.d/10-vfio.conf",
            "force_drivers+=\" vfio vfio_virqfd \"\n",
        ),
        ("etc/mkinitcpio.conf", "MODULES=(vfio_pci vfio_virqfd)\n"),
        ("etc/initramfs-tools/modules", "vfio_virqfd\n"),
        ("etc/modules-load.d/vfio.conf", "vfio_virqfd\n"),
    ] {
        let host = ready();
        host.write(file, text);
        let told = format!(
            "WARN  /{file} names vfio_virqfd, but this kernel has no such module: it is part of vfio \
             since Linux 6.2"
        );
        let remedy =
            format!("      try: remove vfio_virqfd from /{file}, run `dracut -f`, then reboot");
        assert_trouble(&host, 0, &[&told, &remedy]);
        // This kernel has it.
        let list = format!("lib/modules/{RELEASE}/modules.builtin");
        host.write(&list, "kernel/drivers/vfio/vfio_virqfd.ko\n");
        assert_trouble(&host, 0, &[]);
        // Without the lists of modules, the version decides.
        host.remove("lib/modules");
        assert_trouble(&host, 0, &[]);
        host.write("proc/sys/kernel/osrelease", "6.2.0\n");
        assert_trouble(&host, 0, &[&told, &remedy]);
    }
}
