//! A guest that runs.

use std::fs;

use crate::{GUEST, Host, OTHER_UUID, UUID, domain, hostdev};

/// A guest that runs, as libvirt's files show it.
fn run(host: &Host, name: &str, uuid: &str) {
    host.write(&format!("run/libvirt/qemu/{name}.pid"), "900");
    host.write("proc/900/comm", "qemu-system-x86\n");
    let status = format!(
        "<domstatus state='running' reason='booted' pid='900'>\n{}</domstatus>\n",
        domain(name, uuid, &hostdev("02"))
    );
    host.write(&format!("run/libvirt/qemu/{name}.xml"), &status);
}

#[test]
fn why_says_that_a_guest_runs_and_judges_nothing() {
    let host = Host::with_guest(&hostdev("7f"));
    run(&host, GUEST, UUID);
    let text = host.why();
    assert!(
        text.starts_with("now:        it runs; it was started "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn why_finds_a_transient_guest_that_runs() {
    let host = Host::new();
    run(&host, "transient", OTHER_UUID);
    for guest in ["transient", OTHER_UUID] {
        let text = host.line(&format!("why {guest}")).answer();
        assert!(text.starts_with("now:        it runs; "), "{text}");
    }
    let status = host.path("run/libvirt/qemu/transient.xml");
    fs::write(status, "<domstatus>").expect("a file");
    assert_eq!(host.line("why transient").code, Some(3));
}

#[test]
fn known_errors_of_a_running_guest_are_told() {
    let host = Host::with_guest(&hostdev("02"));
    run(&host, GUEST, UUID);
    host.write(
        "var/log/libvirt/qemu/rocks-33.log",
        "2026-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
         qemu-system-x86_64: warning: TSC is odd\n\
         qemu-system-x86_64: Failed to mmap 0000:02:00.0 BAR 0. Performance may be slow\n",
    );
    let text = host.why();
    assert!(
        text.contains("\nqemu:       qemu-system-x86_64: Failed to mmap"),
        "{text}"
    );
    assert!(!text.contains("TSC"), "{text}");
}
