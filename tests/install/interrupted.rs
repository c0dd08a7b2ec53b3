//! What a `kill -9` leaves behind. The next command finishes or undoes it.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{BACKUP, FOREIGN, HOOKS, SINGLE, foreign, old_libvirt, program};

/// A host on which an install was killed, before or after the backup link.
fn begun(is_linked: bool) -> (TestHost, Vec<String>) {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    let before = host.snapshot();
    host.write(&format!("{HOOKS}/gpupt.new"), "half of a program");
    if is_linked {
        fs::hard_link(host.path(SINGLE), host.path(BACKUP)).expect("a link is made");
    }
    (host, before)
}

#[test]
fn install_finishes_an_interrupted_install() {
    for is_linked in [false, true] {
        let (host, before) = begun(is_linked);
        host.line("hook install").answer();
        host.assert_hook(SINGLE, &program("gpupt, first build"));
        let kept = fs::read_to_string(host.path(BACKUP)).expect("it is there");
        assert_eq!(kept, FOREIGN);
        host.line("hook uninstall").answer();
        assert_eq!(host.snapshot(), before);
    }
}

#[test]
fn uninstall_undoes_an_interrupted_install() {
    for is_linked in [false, true] {
        let (host, before) = begun(is_linked);
        host.line("hook uninstall").answer();
        assert_eq!(host.snapshot(), before);
    }
}

#[test]
fn install_removes_leftover_temporary_files() {
    let host = old_libvirt();
    host.line("hook install").answer();
    let installed = host.snapshot();
    for name in ["gpupt.old-0", "gpupt.old-4", "gpupt.new"] {
        host.write_bytes(&format!("{HOOKS}/{name}"), &program("gpupt"));
    }
    host.line("hook install").answer();
    assert_eq!(host.snapshot(), installed);
}
