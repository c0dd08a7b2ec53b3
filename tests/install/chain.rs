//! An old libvirt runs one hook file only, and another hook is there already.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{
    BACKUP, FOREIGN, INSIDE, LIBRARY, PACKAGED, SINGLE, foreign, new_libvirt, old_libvirt, program,
};

const CHAINED: &str = "installed the libvirt hook as /etc/libvirt/hooks/qemu\n\
     the existing hook /etc/libvirt/hooks/qemu is now /etc/libvirt/hooks/qemu.before-gpupt; \
     gpupt's hook runs it after itself\n";
const BACK: &str = "restored the former hook /etc/libvirt/hooks/qemu\n";

fn chained() -> TestHost {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    assert_eq!(host.line("hook install").answer(), CHAINED);
    host
}

/// Replaces libvirt by another version.
fn change_libvirt(host: &TestHost, version: &str) {
    fs::remove_file(host.path(LIBRARY)).expect("the link goes");
    host.link(&format!("libvirt.so.0.{version}"), LIBRARY);
}

#[test]
fn uninstall_restores_the_other_hook_byte_by_byte() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    let before = host.snapshot();
    assert_eq!(host.line("hook install").answer(), CHAINED);
    host.assert_hook(SINGLE, &program("gpupt, first build"));
    let kept = fs::read_to_string(host.path(BACKUP)).expect("it is there");
    assert_eq!(kept, FOREIGN);
    let same = "the libvirt hook /etc/libvirt/hooks/qemu is up to date\n";
    assert_eq!(host.line("hook install").answer(), same);
    assert_eq!(host.line("hook uninstall").answer(), BACK);
    assert_eq!(host.snapshot(), before);
    let gone = "the libvirt hook is not installed\n";
    assert_eq!(host.line("hook uninstall").answer(), gone);
    assert_eq!(host.snapshot(), before);
}

#[test]
fn update_keeps_the_other_hook() {
    let host = chained();
    host.write_bytes(PACKAGED, &program("gpupt, second build"));
    let said = host.line("hook install").answer();
    assert_eq!(said, "updated the libvirt hook /etc/libvirt/hooks/qemu\n");
    host.assert_hook(SINGLE, &program("gpupt, second build"));
    assert!(host.has(BACKUP));
}

#[test]
fn other_hook_that_is_a_link_is_kept_as_a_link() {
    for target in ["nowhere", "/usr/bin/true", "qemu"] {
        let host = old_libvirt();
        host.link(target, SINGLE);
        let before = host.snapshot();
        assert_eq!(host.line("hook install").answer(), CHAINED, "{target}");
        host.assert_hook(SINGLE, &program("gpupt, first build"));
        assert_eq!(host.line("hook uninstall").answer(), BACK);
        assert_eq!(host.snapshot(), before);
    }
}

#[test]
fn script_that_mentions_gpupt_is_another_hook() {
    let host = old_libvirt();
    host.write(SINGLE, "#!/bin/sh\n# before gpupt\nexec gpupt-of-mine\n");
    assert_eq!(host.line("hook install").answer(), CHAINED);
}

#[test]
fn install_refuses_a_third_hook() {
    let host = chained();
    // The roll was installed again and put a newer script in place of our hook.
    host.write(SINGLE, "#!/bin/sh\nexit 0\n");
    let said = host.refusal("hook install");
    assert_eq!(
        said.stderr,
        "gpupci: cannot install the libvirt hook\n  \
         cause: /etc/libvirt/hooks/qemu is not a gpupt hook, and it cannot be kept as /etc/libvirt/hooks/qemu.before-gpupt, which already exists\n  \
         state: nothing was changed\n  \
         try:   compare the two files and move away the one that you do not need; /etc/libvirt/hooks/qemu.before-gpupt may be an older version of the other\n"
    );
    assert_eq!(said.code, Some(4));
    let before = host.snapshot();
    let said = host.line("hook uninstall");
    assert_eq!(said.text(), "the libvirt hook is not installed\n");
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (
            Some(0),
            "gpupci: /etc/libvirt/hooks/qemu.before-gpupt was kept: it differs from \
             /etc/libvirt/hooks/qemu, which is not a gpupt hook\n"
        )
    );
    assert_eq!(host.snapshot(), before);
    // The same script again is not a third hook.
    foreign(&host, SINGLE);
    let said = host.line("hook install").answer();
    assert_eq!(
        said,
        "installed the libvirt hook as /etc/libvirt/hooks/qemu\n"
    );
    assert_eq!(host.line("hook uninstall").answer(), BACK);
    assert!(!host.has(BACKUP));
}

#[test]
fn uninstall_restores_the_other_hook_although_ours_was_deleted() {
    let host = chained();
    fs::remove_file(host.path(SINGLE)).expect("it goes");
    assert_eq!(host.line("hook uninstall").answer(), BACK);
    assert_eq!(
        fs::read_to_string(host.path(SINGLE)).expect("back"),
        FOREIGN
    );
}

#[test]
fn install_moves_the_hook_after_a_libvirt_update() {
    let host = chained();
    change_libvirt(&host, "9000.0");
    let said = host.line("hook install").answer();
    assert_eq!(
        said,
        format!("installed the libvirt hook as /etc/libvirt/hooks/qemu.d/gpupt\n{BACK}")
    );
    host.assert_hook(INSIDE, &program("gpupt, first build"));
    assert_eq!(
        fs::read_to_string(host.path(SINGLE)).expect("back"),
        FOREIGN
    );
    assert!(!host.has(BACKUP));
    // And downgraded again.
    change_libvirt(&host, "4005.0");
    let said = host.line("hook install").answer();
    assert_eq!(
        said,
        format!("{CHAINED}removed /etc/libvirt/hooks/qemu.d/gpupt\n")
    );
    assert!(!host.has(INSIDE));
}

#[test]
fn install_moves_the_only_hook_after_a_libvirt_update() {
    let host = old_libvirt();
    host.line("hook install").answer();
    change_libvirt(&host, "9000.0");
    let said = host.line("hook install").answer();
    assert_eq!(
        said,
        "installed the libvirt hook as /etc/libvirt/hooks/qemu.d/gpupt\n\
         removed /etc/libvirt/hooks/qemu\n"
    );
    // The version of libvirt is unknown now: the hook stays where it is.
    fs::remove_dir_all(host.path("usr/lib64")).expect("libvirt goes");
    let said = host.line("hook install").answer();
    assert_eq!(
        said,
        "the libvirt hook /etc/libvirt/hooks/qemu.d/gpupt is up to date\n"
    );
}

#[test]
fn install_reports_a_copy_of_the_hook() {
    let host = new_libvirt();
    let copy = "etc/libvirt/hooks/qemu.d/gpupt.rpmsave";
    host.write_bytes(copy, &program("gpupt, old build"));
    host.set_mode(copy, 0o755);
    let said = host.line("hook install");
    assert_eq!(
        said.stderr,
        format!("gpupci: libvirt also runs /{copy}, a copy of the gpupt hook: remove it\n")
    );
    assert_eq!(said.code, Some(0));
    let said = host.line("hook uninstall");
    assert_eq!(
        said.stderr,
        format!("gpupci: libvirt still runs /{copy}, a copy of the gpupt hook: remove it\n")
    );
    assert!(host.has(copy));
}

#[test]
fn install_warns_of_another_hook_that_runs_virsh() {
    let host = old_libvirt();
    host.write(SINGLE, "#!/bin/sh\nvirsh nodedev-detach pci_0000_02_00_0\n");
    let single = host.path(SINGLE);
    fs::set_permissions(&single, fs::Permissions::from_mode(0o755)).expect("it is ours");
    host.write("etc/libvirt/hooks/qemu.d/idle", "#!/bin/sh\nvirsh list\n");
    let said = host.line("hook install");
    assert_eq!(said.text(), CHAINED);
    assert_eq!(
        said.stderr,
        "gpupci: /etc/libvirt/hooks/qemu.before-gpupt calls virsh: the start of a guest can hang \
         for ever; remove the virsh calls from it\n"
    );
}
