//! Slow operations, blocked operations, injected errors and kills.

use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::thread;
use std::time::Duration;

use pretty_assertions::assert_eq;

use crate::client::{Answer, DONE, KernelClient, UNANSWERED, fails_with, of, program, until};
use crate::support::TestHost;
use crate::support::kernel::{Errno, FakeKernel, InjectedFault, Work};

const CARD: &str = "0000:02:00.0";
const SOUND: &str = "0000:02:00.1";
const TWIN: &str = "0000:03:00.0";

fn host() -> TestHost {
    let host = TestHost::unpacked("manual.tree");
    host.write("proc/sys/kernel/osrelease", "6.1.0\n");
    host
}

/// Runs an operation that blocks, and `meanwhile`; then ends the kernel.
fn while_blocked(
    host: &TestHost,
    kernel: FakeKernel,
    blocks: impl FnOnce(&KernelClient) -> Answer + Send,
    meanwhile: impl FnOnce(&FakeKernel),
) -> Answer {
    thread::scope(|scope| {
        let blocked = scope.spawn(|| blocks(&KernelClient(host)));
        meanwhile(&kernel);
        drop(kernel);
        blocked.join().expect("it ends with the kernel")
    })
}

#[test]
fn unbind_removes_the_link_before_the_driver_returns() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    kernel.on_unbind("nvidia", Work::blocks());
    thread::scope(|scope| {
        let unbind = scope.spawn(|| KernelClient(&host).unbind("nvidia", CARD));
        until(|| kernel.driver_of(CARD).is_none());
        assert_eq!(
            kernel.failures(),
            ["/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0: blocked"]
        );
        kernel.on_unbind("nvidia", Work::takes(Duration::from_millis(1)));
        assert_eq!(unbind.join().expect("it ends"), DONE);
    });
    assert_eq!(kernel.failures(), [""; 0]);
}

#[test]
fn bind_creates_the_link_before_the_driver_returns() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    assert_eq!(KernelClient(&host).unbind("nvidia", CARD), DONE);
    kernel.on_probe("nvidia", Work::blocks());
    thread::scope(|scope| {
        let bind = scope.spawn(|| KernelClient(&host).bind("nvidia", CARD));
        until(|| kernel.driver_of(CARD).is_some());
        kernel.on_probe("nvidia", Work::fails(Errno::EIO));
        assert_eq!(bind.join().expect("it ends"), fails_with(Errno::EIO));
    });
    assert_eq!(kernel.driver_of(CARD), None);
}

#[test]
fn write_that_needs_a_blocked_device_lock_waits_forever() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    kernel.fault(1, InjectedFault::Blocks);
    let unbind = |machine: &KernelClient| machine.unbind("nvidia", CARD);
    let said = while_blocked(&host, kernel, unbind, |kernel| {
        let machine = KernelClient(&host);
        until(|| kernel.driver_of(CARD).is_none());
        assert_eq!(machine.unbind("snd_hda_intel", SOUND), DONE, "its own lock");
        assert_eq!(machine.unbind("nvidia", TWIN), DONE, "another card");
        let others = thread::scope(|scope| {
            let waiting = [
                scope.spawn(|| KernelClient(&host).overrides(CARD, "none")),
                scope.spawn(|| KernelClient(&host).unbind("nvidia", CARD)),
                scope.spawn(|| KernelClient(&host).bind("nvidia", CARD)),
            ];
            until(|| kernel.failures().len() == 4);
            let reads = scope.spawn(|| KernelClient(&host).read(&of(CARD, "driver_override")));
            kernel.vanish(CARD);
            let read = reads.join().expect("it ends");
            assert!(read.is_err(), "{read:?}");
            waiting.map(|thread| thread.join().expect("it ends"))
        });
        assert!(others.iter().all(Answer::is_err), "{others:?}");
    });
    assert_eq!(said, UNANSWERED);
}

#[test]
fn kernel_from_6_12_reads_an_override_without_the_device_lock() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    kernel.flavour(|flavour| flavour.override_is_locked = false);
    kernel.on_unbind("nvidia", Work::blocks());
    let unbind = |machine: &KernelClient| machine.unbind("nvidia", CARD);
    let said = while_blocked(&host, kernel, unbind, |kernel| {
        until(|| kernel.driver_of(CARD).is_none());
        assert_eq!(KernelClient(&host).overrides(CARD, "none"), DONE);
        assert_eq!(kernel.override_of(CARD).as_deref(), Some("none"));
    });
    assert_eq!(said, UNANSWERED);
}

#[test]
fn fault_applies_to_one_numbered_write() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    kernel
        .fault(2, InjectedFault::Errno(Errno::EIO))
        .before_write(3, |kernel| {
            kernel.administrator_overrides(SOUND, Some("none"));
        })
        .after_write(3, |kernel| {
            kernel.administrator_binds(CARD, None);
        });
    assert_eq!(machine.overrides(CARD, "a"), DONE);
    assert_eq!(machine.unbind("nvidia", CARD), fails_with(Errno::EIO));
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("nvidia"));
    assert_eq!(
        machine.read(&of(SOUND, "driver_override")),
        Ok(b"(null)\n".to_vec())
    );
    assert_eq!(machine.probe(CARD), DONE);
    assert_eq!(
        machine.read(&of(SOUND, "driver_override")),
        Ok(b"none\n".to_vec())
    );
    assert_eq!(kernel.driver_of(CARD), None);
    assert_eq!(
        kernel.failures(),
        ["/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0: EIO"]
    );
}

#[test]
fn kill_fault_kills_the_writer_and_its_parent() {
    for (fault, overridden) in [
        (InjectedFault::KillBefore, None),
        (InjectedFault::KillAfter, Some("vfio-pci")),
    ] {
        let host = host();
        let kernel = FakeKernel::on(&host);
        kernel.fault(1, fault);
        let Output { status, stdout, .. } = program(host.root.path()).output().expect("it starts");
        let said = String::from_utf8_lossy(&stdout).into_owned();
        assert_eq!(status.signal(), Some(9), "{fault:?}: {said}");
        assert!(
            !said.contains("answered") && !said.contains("ended"),
            "{said}"
        );
        assert_eq!(kernel.override_of(CARD).as_deref(), overridden);
        assert_eq!(
            kernel.failures(),
            ["/sys/bus/pci/devices/0000:02:00.0/driver_override <- vfio-pci: unanswered"]
        );
    }
}

#[test]
fn hundred_concurrent_writes_are_all_answered() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    thread::scope(|scope| {
        for number in 0..100 {
            let machine = KernelClient(&host);
            let address = if number % 2 == 0 { CARD } else { TWIN };
            scope.spawn(move || assert_eq!(machine.overrides(address, "x"), DONE));
        }
    });
    assert_eq!(kernel.writes().len(), 100);
}

#[test]
#[should_panic(expected = "new_id was written")]
fn write_to_new_id_fails_the_test() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let answer = KernelClient(&host).write("/sys/bus/pci/drivers/vfio-pci/new_id", "10de 06de");
    assert_eq!(answer, DONE);
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("nvidia"));
    drop(kernel);
}
