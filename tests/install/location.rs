//! Where the hook is installed, by the version of libvirt.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{HOOKS, INSIDE, PACKAGED, SINGLE, foreign, host, new_libvirt, old_libvirt, program};

const NEW: &str = "installed the libvirt hook as /etc/libvirt/hooks/qemu.d/gpupt\n";
const OLD: &str = "installed the libvirt hook as /etc/libvirt/hooks/qemu\n";

#[test]
fn install_uses_qemu_d_from_libvirt_6_5_0_on() {
    for version in ["6005.0", "9000.0", "10010.0", "12000.1"] {
        let host = host(version);
        let before = host.snapshot();
        assert_eq!(host.line("hook install").answer(), NEW, "{version}");
        host.assert_hook(INSIDE, &program("gpupt, first build"));
        assert!(!host.has(SINGLE));
        let gone = "removed /etc/libvirt/hooks/qemu.d/gpupt\n";
        assert_eq!(host.line("hook uninstall").answer(), gone);
        assert_eq!(host.snapshot(), before, "the folder that we made goes too");
    }
}

#[test]
fn install_uses_the_single_hook_file_before_libvirt_6_5_0() {
    for version in ["1002.17", "4005.0", "6004.0", ""] {
        let host = host(version);
        let before = host.snapshot();
        assert_eq!(host.line("hook install").answer(), OLD, "{version}");
        host.assert_hook(SINGLE, &program("gpupt, first build"));
        assert!(!host.has(INSIDE));
        let gone = "removed /etc/libvirt/hooks/qemu\n";
        assert_eq!(host.line("hook uninstall").answer(), gone);
        assert_eq!(host.snapshot(), before);
    }
}

#[test]
fn libvirt_version_is_read_from_the_library_file_name() {
    for (files, link, place) in [
        (
            vec!["usr/lib/x86_64-linux-gnu/libvirt.so.0.9000.0"],
            None,
            INSIDE,
        ),
        (vec!["usr/lib/libvirt.so.0.4005.0"], None, SINGLE),
        (vec!["lib64/libvirt.so.0.9000.0"], None, INSIDE),
        (vec!["usr/lib/libvirt-qemu.so.0.9000.0"], None, SINGLE),
        // An old library that an upgrade left behind: the linker's link tells which one is in use.
        (
            vec![
                "usr/lib64/libvirt.so.0.4005.0",
                "usr/lib64/libvirt.so.0.9000.0",
            ],
            None,
            SINGLE,
        ),
        (
            vec![
                "usr/lib64/libvirt.so.0.4005.0",
                "usr/lib64/libvirt.so.0.9000.0",
            ],
            Some("libvirt.so.0.9000.0"),
            INSIDE,
        ),
        (
            vec!["usr/lib64/libvirt.so.0.9000.0"],
            Some("libvirt.so.0"),
            INSIDE,
        ),
        (vec!["usr/lib64/libvirt.so.0.x.y"], None, SINGLE),
    ] {
        let host = host("");
        for file in &files {
            host.write(file, "");
        }
        if let Some(target) = link {
            host.link(target, "usr/lib64/libvirt.so.0");
        }
        host.line("hook install").answer();
        assert!(host.has(place), "{files:?} {link:?}");
    }
}

#[test]
fn second_install_changes_nothing_and_a_newer_program_is_an_update() {
    for (host, place) in [(new_libvirt(), INSIDE), (old_libvirt(), SINGLE)] {
        host.line("hook install").answer();
        let snapshot = host.snapshot();
        let same = format!("the libvirt hook /{place} is up to date\n");
        assert_eq!(host.line("hook install").answer(), same);
        assert_eq!(host.snapshot(), snapshot);
        let second = program("gpupt, second build");
        host.write_bytes(PACKAGED, &second);
        let newer = format!("updated the libvirt hook /{place}\n");
        assert_eq!(host.line("hook install").answer(), newer);
        host.assert_hook(place, &second);
        // The mode was changed, or a link replaced the hook.
        host.set_mode(place, 0o644);
        assert_eq!(host.line("hook install").answer(), newer);
        host.assert_hook(place, &second);
        std::fs::remove_file(host.path(place)).expect("it goes");
        host.link(host.path(PACKAGED).to_str().expect("text"), place);
        assert_eq!(host.line("hook install").answer(), newer);
        host.assert_hook(place, &second);
    }
}

#[test]
fn other_hooks_in_qemu_d_are_left_alone() {
    let host = new_libvirt();
    foreign(&host, SINGLE);
    foreign(&host, "etc/libvirt/hooks/qemu.d/10-vga");
    let before = host.snapshot();
    assert_eq!(host.line("hook install").answer(), NEW);
    assert_eq!(
        host.line("hook uninstall").answer(),
        "removed /etc/libvirt/hooks/qemu.d/gpupt\n"
    );
    assert_eq!(host.snapshot(), before);
}

#[test]
fn uninstall_keeps_an_empty_qemu_d_that_install_did_not_create() {
    let host = new_libvirt();
    host.make_folder("etc/libvirt/hooks/qemu.d");
    let before = host.snapshot();
    host.line("hook install").answer();
    host.line("hook uninstall").answer();
    assert_eq!(host.snapshot(), before);
}

#[test]
fn uninstall_keeps_a_qemu_d_with_other_hooks() {
    let host = new_libvirt();
    host.line("hook install").answer();
    foreign(&host, "etc/libvirt/hooks/qemu.d/10-vga");
    host.line("hook uninstall").answer();
    assert!(host.has("etc/libvirt/hooks/qemu.d/10-vga"));
    assert!(!host.has("var/lib/gpupt"));
}

#[test]
fn install_creates_the_hook_folder() {
    let host = new_libvirt();
    std::fs::remove_dir(host.path(HOOKS)).expect("it goes");
    let before = host.snapshot();
    assert_eq!(host.line("hook install").answer(), NEW);
    host.assert_hook(INSIDE, &program("gpupt, first build"));
    host.line("hook uninstall").answer();
    assert_eq!(host.snapshot(), before);
}

#[test]
fn uninstall_of_a_missing_hook_changes_nothing() {
    let not_there = "the libvirt hook is not installed\n";
    let host = new_libvirt();
    foreign(&host, SINGLE);
    foreign(&host, INSIDE);
    let before = host.snapshot();
    assert_eq!(host.line("hook uninstall").answer(), not_there);
    assert_eq!(host.snapshot(), before);
    assert_eq!(
        TestHost::named("empty").line("hook uninstall").answer(),
        not_there
    );
}

#[test]
fn install_and_uninstall_reset_the_sign_that_libvirt_ran_the_hook() {
    let host = new_libvirt();
    host.write("run/gpupt/hook-seen", "1700000000");
    host.line("hook install").answer();
    assert!(!host.has("run/gpupt/hook-seen"), "that was another one");
    host.write("run/gpupt/hook-seen", "1700000000");
    host.write_bytes(PACKAGED, &program("gpupt, second build"));
    host.line("hook install").answer();
    assert!(
        host.has("run/gpupt/hook-seen"),
        "the daemon knows the place"
    );
    host.line("hook uninstall").answer();
    assert!(!host.has("run/gpupt/hook-seen"));
}
