//! Writes to sysfs that block forever. They cannot be ended, so the card is locked as long as they
//! last, and no other command waits.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use pretty_assertions::assert_eq;

use crate::support::kernel::{InjectedFault, Work};
use crate::{manual, with_each, with_kernel, without_processes};

/// Longer than any write to the fake kernel that does not block.
const DEADLINE: &str = "--timeout 1";

#[test]
fn nothing_is_written_after_a_write_that_blocks() {
    let two = (1..=6)
        .flat_map(|nth| ["detach", "attach"].map(|verb| ("manual.tree", "0000:02:00", verb, nth)));
    let four = (1..=12).map(|nth| {
        let verb = if nth % 2 == 0 { "detach" } else { "attach" };
        ("four-functions.tree", "0000:17:00", verb, nth)
    });
    let cases: Vec<_> = two.chain(four).collect();
    with_each(&cases, |&(tree, slot, verb, nth)| {
        let (host, kernel) = with_kernel(tree);
        if verb == "attach" {
            host.line("detach gpupci1").answer();
            kernel.forget();
        }
        kernel.fault(nth, InjectedFault::Blocks);
        let said = host.line_into_files(&format!("{DEADLINE} {verb} gpupci1"));
        let what = format!("{tree} {verb} {nth}: {}", said.stderr);
        let writes = kernel.writes();
        assert_eq!(writes.len(), nth, "{what}");
        assert_eq!(
            said.stderr,
            format!(
                "gpupci: cannot {verb} gpupci1 ({slot})\n  \
                 cause: {}: the kernel has not finished this write after 1 s, and it cannot be cancelled\n  \
                 state: {}; the card is locked until the write ends\n  \
                 try:   check `dmesg` for messages about the card; when the write has ended, run \
                 `gpupci recover`; if it never ends, reboot this host\n",
                writes[nth - 1],
                host.drivers_line(slot)
            ),
            "{what}"
        );
        assert_eq!((said.text(), said.code), (String::new(), Some(6)), "{what}");
        assert_eq!(host.record(slot)["poisoned"], writes[nth - 1]);

        for (line, verb) in [
            ("detach gpupci1", "detach"),
            ("attach gpupci1", "attach"),
            ("recover", "recover"),
            ("detach gpupci1 --dry-run", "detach"),
        ] {
            let said = host.line_into_files(line);
            let text = format!(
                "gpupci: cannot {verb} gpupci1 ({slot})\n  \
                 cause: a write to this card is still under way: {}; the card is locked \
                 until the write ends\n  \
                 state: nothing was changed\n  \
                 try:   try again when the write has ended; if it never ends, check `dmesg`, then \
                 reboot this host\n",
                writes[nth - 1]
            );
            let told = without_processes(&said.stderr);
            assert_eq!((told, said.code), (text, Some(6)), "{what}");
        }
        assert_eq!(kernel.writes(), writes, "{what}");
        let told = host.line("-l -s all").answer();
        assert!(told.lines().count() > 4, "{told}");
        host.line("detach gpupci2").answer();
    });
}

#[test]
fn reboot_unlocks_a_locked_card() {
    let (host, kernel) = manual();
    host.write("proc/sys/kernel/random/boot_id", "one\n");
    kernel.fault(1, InjectedFault::Blocks);
    let said = host.line_into_files(&format!("{DEADLINE} detach gpupci1"));
    assert_eq!(said.code, Some(6));
    drop(kernel);
    std::fs::remove_file(host.path("kernel.sock")).expect("a socket");
    host.write("proc/sys/kernel/random/boot_id", "two\n");
    let kernel = crate::support::kernel::FakeKernel::on(&host);
    host.line("detach gpupci1").answer();
    assert_eq!(kernel.failures(), [""; 0]);
    assert_eq!(host.record("0000:02:00")["boot"], "two");
}

#[test]
fn undo_that_blocks_locks_the_card() {
    let (host, kernel) = manual();
    kernel
        .on_probe(("vfio-pci", "0000:02:00.1"), Work::refuses())
        .on_unbind("vfio-pci", Work::blocks());
    let said = host.line_into_files(&format!("{DEADLINE} detach gpupci1"));
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    let stuck = "/sys/bus/pci/drivers/vfio-pci/unbind <- 0000:02:00.0";
    assert_eq!(host.record("0000:02:00")["poisoned"], stuck);
    assert_eq!(host.line_into_files("recover").code, Some(6));
}

#[test]
fn override_read_that_blocks_locks_the_card() {
    // Before Linux 6.12 a read of driver_override takes the device lock.
    let (host, kernel) = manual();
    kernel.on_unbind(("nvidia", "0000:02:00.0"), Work::blocks());
    let mut other = UnixStream::connect(host.path("kernel.sock")).expect("a kernel");
    other
        .write_all(b"write\0/sys/bus/pci/drivers/nvidia/unbind\x000000:02:00.0")
        .expect("a request");
    other.shutdown(std::net::Shutdown::Write).expect("a socket");
    // The kernel removes the driver link before it calls the driver.
    while host.driver("0000:02:00.0").is_some() {
        std::thread::yield_now();
    }
    for verb in ["detach", "attach"] {
        let said = host.line_into_files(&format!("{DEADLINE} {verb} gpupci1"));
        let override_file = "/sys/bus/pci/devices/0000:02:00.0/driver_override";
        assert_eq!(
            said.stderr,
            format!(
                "gpupci: cannot {verb} gpupci1 (0000:02:00)\n  \
                 cause: a write to this card is still under way: that of another program, which blocks {override_file}; the card is locked until the write ends\n  \
                 state: nothing was changed\n  \
                 try:   try again when the write has ended; if it never ends, check `dmesg`, then \
                 reboot this host\n"
            )
        );
        assert_eq!(said.code, Some(6));
    }
    assert_eq!(kernel.writes().len(), 1, "the other's");
    assert_eq!(host.records(), [""; 0]);
    host.line("detach gpupci2").answer();
    assert_eq!(host.line("status").code, Some(0));
}

#[test]
fn card_stays_locked_if_the_kernel_reads_overrides_without_a_lock() {
    let (host, kernel) = manual();
    kernel
        .flavour(|flavour| flavour.override_is_locked = false)
        .fault(2, InjectedFault::Blocks);
    let said = host.line_into_files(&format!("{DEADLINE} detach gpupci1"));
    assert_eq!(said.code, Some(6));
    assert_eq!(host.line_into_files("attach gpupci1").code, Some(6));
    assert_eq!(kernel.writes().len(), 2);
}

#[test]
fn blocked_writer_does_not_hold_standard_error_open() {
    const PATIENCE: Duration = Duration::from_secs(60);
    let (host, kernel) = manual();
    kernel.fault(2, InjectedFault::Blocks);
    let mut gpupci = host.command();
    gpupci
        .args(["--timeout", "1", "detach", "gpupci1"])
        .stderr(std::process::Stdio::piped());
    let mut child = gpupci.spawn().expect("it is started");
    let mut stderr = child.stderr.take().expect("a pipe");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stderr.read_to_string(&mut text);
        sender.send(read.map(|_| text))
    });
    let text = receiver.recv_timeout(PATIENCE);
    let text = text.expect("no writer keeps it open").expect("text");
    assert!(text.contains("it cannot be cancelled"), "{text}");
    assert_eq!(child.wait().expect("it ends").code(), Some(6));
}
