//! Full disks, and failures in the middle: everything is restored.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{BACKUP, HOOKS, INSIDE, PACKAGED, SINGLE, foreign, new_libvirt, old_libvirt, program};

fn unwritable(host: &TestHost, path: &str, why: &str) -> String {
    format!(
        "gpupci: cannot install the libvirt hook\n  \
         cause: cannot write {}\n  \
         cause: {why}\n  \
         state: all changes were undone\n  \
         try:   check that the file system has free space and is writable\n",
        host.path(path).display()
    )
}

#[test]
fn install_changes_nothing_on_a_full_disk() {
    for host in [new_libvirt(), old_libvirt()] {
        foreign(&host, SINGLE);
        let before = host.snapshot();
        let why = "File too large (os error 27)";
        let path = "etc/libvirt/hooks/gpupt.new";
        for _ in 0..2 {
            let said = host.line_on_a_full_disk("hook install");
            assert_eq!(said.stderr, unwritable(&host, path, why));
            assert_eq!((said.text(), said.code), (String::new(), Some(1)));
            assert_eq!(host.snapshot(), before);
        }
        host.line("hook install").answer();
        host.write_bytes(PACKAGED, &program("gpupt, second build"));
        let installed = host.snapshot();
        assert_eq!(host.line_on_a_full_disk("hook install").code, Some(1));
        assert_eq!(host.snapshot(), installed);
        assert_eq!(host.line_on_a_full_disk("hook status").code, Some(0));
        // Uninstall needs no space.
        assert_eq!(host.line_on_a_full_disk("hook uninstall").code, Some(0));
        assert_eq!(host.snapshot(), before);
    }
}

#[test]
fn install_removes_the_folder_it_created_on_a_full_disk() {
    let host = new_libvirt();
    fs::remove_dir(host.path(HOOKS)).expect("it goes");
    let said = host.line_on_a_full_disk("hook install");
    let path = "etc/libvirt/hooks/gpupt.new";
    let why = "File too large (os error 27)";
    assert_eq!(said.stderr, unwritable(&host, path, why));
    assert!(!host.has(HOOKS));
}

#[test]
fn install_changes_nothing_if_its_temporary_file_cannot_be_written() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    // gpupci did not create this folder and must not remove it.
    host.make_folder("etc/libvirt/hooks/gpupt.new/mine");
    let said = host.refusal("hook install");
    let path = "etc/libvirt/hooks/gpupt.new";
    assert_eq!(
        said.stderr,
        unwritable(&host, path, "Is a directory (os error 21)")
    );
    assert_eq!(said.code, Some(1));
}

#[test]
fn install_undoes_all_steps_if_the_last_one_fails() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    host.line("hook install").answer();
    assert!(host.has(BACKUP));
    fs::remove_dir_all(host.path("usr/lib64")).expect("libvirt goes");
    host.write("usr/lib64/libvirt.so.0.9000.0", "");
    // The note that gpupci created `qemu.d` cannot be written.
    host.make_folder("var/lib/gpupt/hook-folders.new");
    let said = host.refusal("hook install");
    let path = "var/lib/gpupt/hook-folders";
    assert_eq!(
        said.stderr,
        unwritable(&host, path, "Is a directory (os error 21)")
    );
    assert_eq!(said.code, Some(1));
    fs::remove_dir(host.path("var/lib/gpupt/hook-folders.new")).expect("it goes");
    host.line("hook install").answer();
    assert!(host.has(INSIDE) && !host.has(BACKUP));
}

/// The folder is not writable for its owner. Root could write anyway.
#[test]
fn install_changes_nothing_without_write_permission() {
    let host = new_libvirt();
    host.set_mode(HOOKS, 0o555);
    let before = host.snapshot();
    host.make_folder("run/gpupt");
    host.set_mode("run/gpupt", 0o777);
    let said = host.line_as_user("hook install");
    let why = "Permission denied (os error 13)";
    let path = "etc/libvirt/hooks/qemu.d";
    assert_eq!(said.stderr, unwritable(&host, path, why));
    assert_eq!(said.code, Some(1));
    assert_eq!(host.snapshot(), before);
    host.set_mode(HOOKS, 0o755);
}
