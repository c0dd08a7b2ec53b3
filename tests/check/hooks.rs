//! libvirt and its hooks.

use crate::{assert_trouble, ready};

const HOOK: &str = "etc/libvirt/hooks/qemu";

#[test]
fn host_without_libvirt_is_a_failure_that_leaves_no_card_ready() {
    let host = ready();
    host.remove("etc/libvirt");
    let lines = [
        "FAIL  libvirt is not installed (there is no /etc/libvirt), so this host cannot start guests",
        "      try: dnf install libvirt qemu-kvm",
    ];
    assert_trouble(&host, 5, &lines);
    assert_eq!(host.summary(), "0 of 2 cards ready for guests; 1 FAIL");
}

#[test]
fn missing_hook_is_a_failure_with_install_as_remedy() {
    let host = ready();
    host.remove(HOOK);
    let lines = [
        "FAIL  the libvirt hook is not installed: guests start without their cards being checked",
        "      try: gpupci hook install",
    ];
    assert_trouble(&host, 5, &lines);
    // A guest gets its card also without the hook.
    assert_eq!(host.summary(), "2 of 2 cards ready for guests; 1 FAIL");
    // Another program's hook does not count.
    host.write_program(HOOK, "#!/bin/sh\nexit 0\n");
    assert_trouble(&host, 5, &lines);
    host.write_program("etc/libvirt/hooks/qemu.d/gpupt", "\x7fELF\0gpupt\0");
    assert_trouble(&host, 0, &[]);
    host.assert_says("PASS  the libvirt hook is installed: /etc/libvirt/hooks/qemu.d/gpupt");
}

#[test]
fn folder_of_hooks_that_only_root_can_read_is_no_missing_hook() {
    let host = ready();
    host.set_mode("etc/libvirt/hooks", 0o000);
    let said = host.line_as_user("check -q");
    let told = "\
WARN  only root can read /etc/libvirt/hooks, so the libvirt hook was not checked
      try: run `gpupci check` as root
";
    assert!(said.text().contains(told), "{}", said.text());
    assert_eq!(said.code, Some(0));
    // The test's own user must be able to remove it.
    host.set_mode("etc/libvirt/hooks", 0o755);
}

#[test]
fn hook_without_execute_bit_is_a_failure() {
    let host = ready();
    host.set_mode(HOOK, 0o644);
    let lines = [
        "FAIL  /etc/libvirt/hooks/qemu is not executable, so libvirt skips it without a message",
        "      try: chmod 0755 /etc/libvirt/hooks/qemu",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn hook_that_has_not_run_since_boot_is_a_warning() {
    let host = ready();
    host.remove("run/gpupt/hook-seen");
    for (sign, daemon) in [
        ("usr/sbin/libvirtd", "libvirtd"),
        (
            "etc/systemd/system/sockets.target.wants/virtqemud.socket",
            "virtqemud",
        ),
        ("run/libvirtd.pid", "libvirtd"),
    ] {
        host.write(sign, "");
        let text = format!(
            "WARN  {daemon} has not run the hook since the last boot, and may not have found it"
        );
        let remedy = format!(
            "      try: systemctl reload {daemon}; check again after the next start of a guest"
        );
        assert_trouble(&host, 0, &[&text, &remedy]);
    }
}

#[test]
fn copy_of_the_hook_in_qemu_d_is_a_warning() {
    let host = ready();
    host.write_program("etc/libvirt/hooks/qemu.d/gpupt.rpmsave", "\0gpupt");
    let lines = [
        "WARN  the hook is installed twice: as /etc/libvirt/hooks/qemu and as \
         /etc/libvirt/hooks/qemu.d/gpupt.rpmsave",
        "      try: remove /etc/libvirt/hooks/qemu.d/gpupt.rpmsave",
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn other_hooks_that_run_virsh_are_warnings() {
    let host = ready();
    let virsh = "#!/bin/bash\nvirsh nodedev-detach pci_0000_02_00_0\n";
    host.write_program("etc/libvirt/hooks/qemu.d/10-vga", virsh);
    host.write_program(
        "etc/libvirt/hooks/qemu.d/win10/prepare/begin/start.sh",
        virsh,
    );
    host.write_program(
        "etc/libvirt/hooks/qemu.d/remark",
        "#!/bin/sh\n# no virsh here\n",
    );
    host.write("etc/libvirt/hooks/qemu.d/idle", virsh);
    let lines = |path: &str| {
        [
            format!(
                "WARN  {path} calls virsh, but libvirt waits for its hooks: the start of a guest can \
                 hang for ever"
            ),
            format!(
                "      try: remove the virsh calls from {path}: gpupt does not need `virsh \
                 nodedev-detach`"
            ),
        ]
    };
    let first = lines("/etc/libvirt/hooks/qemu.d/10-vga");
    let second = lines("/etc/libvirt/hooks/qemu.d/win10/prepare/begin/start.sh");
    let lines: Vec<&str> = first.iter().chain(&second).map(String::as_str).collect();
    assert_trouble(&host, 0, &lines);
}

#[test]
fn world_writable_hook_is_a_warning() {
    let host = ready();
    host.set_mode(HOOK, 0o777);
    let lines = [
        "WARN  users other than root can write /etc/libvirt/hooks/qemu, which libvirt runs as root",
        "      try: chmod go-w /etc/libvirt/hooks/qemu",
    ];
    assert_trouble(&host, 0, &lines);
}
