//! Writes that go on after their command was killed or has given up. Until they end nobody acts on the
//! card; then it is judged anew.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{FakeKernel, InjectedFault, Load, Work};
use crate::{manual, with_each, without_processes};

/// Shorter than any wait for a held write.
const SHORT: &str = "--timeout 0.2";

fn start(host: &TestHost, line: &str) -> Child {
    let mut command = host.command();
    command
        .args(line.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("it is started")
}

/// Runs a command that is killed while its `nth` write is under way. The write goes on.
fn kill_during_write(host: &TestHost, kernel: &FakeKernel, line: &str, nth: usize) -> String {
    let mut command = start(host, line);
    while kernel.writes().len() < nth {
        std::thread::yield_now();
    }
    command.kill().expect("it runs");
    command.wait().expect("it ends");
    kernel.writes()[nth - 1].clone()
}

#[track_caller]
fn wait_until_all_writes_have_ended(kernel: &FakeKernel) {
    while kernel.writes_under_way() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn no_command_acts_beside_a_write_whose_command_was_killed() {
    let cases: Vec<_> = (1..=6)
        .flat_map(|nth| ["detach", "attach"].map(|verb| (verb, nth)))
        .collect();
    with_each(&cases, |&(verb, nth)| {
        let (host, kernel) = manual();
        let before = host.bindings();
        if verb == "attach" {
            host.line("detach gpupci1").answer();
            kernel.forget();
        }
        kernel.fault(nth, InjectedFault::Held);
        let write = kill_during_write(&host, &kernel, &format!("{verb} gpupci1"), nth);
        for (line, said) in [
            ("recover", "recover"),
            ("attach gpupci1", "attach"),
            ("detach gpupci1", "detach"),
            ("detach gpupci1 --dry-run", "detach"),
        ] {
            let told = host.line_into_files(&format!("{SHORT} {line}"));
            let cause = format!(
                "gpupci: cannot {said} gpupci1 (0000:02:00)\n  \
                 cause: a write to this card is still under way: {write}; the card is locked until \
                 the write ends\n"
            );
            let what = format!("{verb} {nth} {line}: {}", told.stderr);
            assert!(
                without_processes(&told.stderr).starts_with(&cause),
                "{what}"
            );
            assert_eq!(told.code, Some(6), "{what}");
        }
        assert_eq!(kernel.writes().len(), nth, "{verb} {nth}");
        host.line("detach gpupci2").answer();
        host.line("attach gpupci2").answer();
        kernel.let_held_writes_begin();
        wait_until_all_writes_have_ended(&kernel);
        host.line("recover").answer();
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before, "{verb} {nth}");
        assert_eq!(host.records(), [""; 0], "{verb} {nth}");
    });
}

#[test]
fn next_command_waits_for_a_write_that_ends_in_time() {
    for line in ["recover", "attach gpupci1", "detach gpupci1"] {
        let (host, kernel) = manual();
        let before = host.bindings();
        kernel.fault(2, InjectedFault::Held);
        kill_during_write(&host, &kernel, "detach gpupci1", 2);
        let mut next = start(&host, line);
        kernel.let_held_writes_begin();
        assert!(next.wait().expect("it ends").success(), "{line}");
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before, "{line}");
        assert_eq!(host.records(), [""; 0], "{line}");
    }
}

#[test]
fn writer_under_way_is_named_with_its_process_and_age() {
    let (host, kernel) = manual();
    kernel.fault(2, InjectedFault::Held);
    kill_during_write(&host, &kernel, "detach gpupci1", 2);
    let said = host.line_into_files(&format!("{SHORT} recover")).stderr;
    let (_, rest) = said.split_once(" (pid ").expect("a process");
    let (pid, rest) = rest.split_once(", started ").expect("an age");
    let line = fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    assert!(line.starts_with(b"gpupt-writer\0"), "{said}");
    assert!(
        rest.contains(" s ago); the card is locked until the write ends\n"),
        "{said}"
    );
}

#[test]
fn card_is_judged_anew_when_its_late_write_has_ended() {
    for line in ["detach gpupci1", "attach gpupci1", "recover"] {
        let (host, kernel) = manual();
        let before = host.bindings();
        kernel.on_unbind("nvidia", Work::blocks());
        let said = host.line_into_files("--timeout 0.5 detach gpupci1");
        assert_eq!(said.code, Some(6), "{}", said.stderr);
        let state = || host.line("--json status gpupci1").answer();
        assert!(state().contains("\"poisoned\""), "{}", state());
        kernel.on_unbind("nvidia", Work::default());
        wait_until_all_writes_have_ended(&kernel);
        while state().contains("\"poisoned\"") {
            std::thread::yield_now();
        }
        host.line(line).answer();
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before, "{line}");
        assert_eq!(host.records(), [""; 0], "{line}");
    }
}

#[test]
fn bind_under_way_is_not_taken_for_a_bound_card() {
    // The driver link is there while the driver probes, and goes if the probe fails.
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1").answer();
    kernel.forget();
    let slow = Work::blocks().then_fails(nix::errno::Errno::EIO);
    kernel.on_probe(("nvidia", "0000:02:00.0"), slow);
    kill_during_write(&host, &kernel, "attach gpupci1", 3);
    while host.driver("0000:02:00.0").is_none() {
        std::thread::yield_now();
    }
    let said = host.line_into_files(&format!("{SHORT} recover"));
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    assert_eq!(host.records(), ["0000:02:00.json"]);
    kernel.on_probe(("nvidia", "0000:02:00.0"), Work::default());
    wait_until_all_writes_have_ended(&kernel);
    host.line("recover").answer();
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn module_that_is_still_loading_is_a_write_under_way() {
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach all").answer();
    kernel.unload("nvidia").module("nvidia", Load::Blocks);
    let said = host.line_into_files("--timeout 0.5 attach gpupci1");
    let cause = "cause: modprobe nvidia: the kernel has not finished this write after 0.5 s";
    assert!(said.stderr.contains(cause), "{}", said.stderr);
    assert_eq!(said.code, Some(6));
    let said = host.line_into_files(&format!("{SHORT} attach gpupci1"));
    let cause = "cause: a write to this card is still under way: modprobe nvidia (pid ";
    assert!(said.stderr.contains(cause), "{}", said.stderr);
    kernel.module("nvidia", Load::Works);
    host.line("attach all").answer();
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn card_is_refused_if_nobody_can_tell_whether_a_write_is_under_way() {
    let (host, kernel) = manual();
    kernel.fault(2, InjectedFault::Held);
    kill_during_write(&host, &kernel, "detach gpupci1", 2);
    let lock = host.path("run/gpupt/writes/0000:02:00");
    let moved = host.path("run/gpupt/moved");
    fs::rename(&lock, &moved).expect("it is there");
    symlink(&moved, &lock).expect("a link");
    for (line, verb) in [
        ("detach gpupci1", "detach"),
        ("attach gpupci1", "attach"),
        ("recover", "recover"),
    ] {
        let said = host.line_into_files(&format!("{SHORT} {line}"));
        let text = format!(
            "gpupci: cannot {verb} gpupci1 (0000:02:00)\n  cause: cannot open {}\n  \
             cause: Too many levels of symbolic links (os error 40)\n  state: nothing was changed\n",
            lock.display()
        );
        assert!(said.stderr.starts_with(&text), "{}", said.stderr);
        assert_eq!(said.code, Some(1), "{line}");
    }
    assert_eq!(kernel.writes().len(), 2, "only the killed command wrote");
    kernel.let_held_writes_begin();
}

#[test]
fn write_that_never_began_is_undone_and_leaves_the_card_unlocked() {
    // A command that only reads looks at the lock; it can be stopped by chance at that moment.
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1").answer();
    host.line("attach gpupci1").answer();
    kernel.forget();
    let path = host.path("run/gpupt/writes/0000:02:00");
    let lock = File::open(&path).expect("a lock");
    lock.lock_shared().expect("it is free");
    let said = host.line_into_files(&format!("{SHORT} detach gpupci1"));
    let why = format!(
        "another process held {} for 0.2 s, so this write was not started\n  \
         state: all changes were undone: ",
        path.display()
    );
    assert!(said.stderr.contains(&why), "{}", said.stderr);
    assert_eq!(said.code, Some(1));
    assert_eq!(kernel.writes(), [""; 0]);
    assert_eq!((host.bindings(), host.records()), (before, Vec::new()));
    drop(lock);
    host.line("detach gpupci1").answer();
}

#[test]
fn nobody_waits_longer_for_a_write_because_the_clock_stepped_back() {
    let (host, kernel) = manual();
    kernel.fault(2, InjectedFault::Held);
    kill_during_write(&host, &kernel, "detach gpupci1", 2);
    let lock = host.path("run/gpupt/writes/0000:02:00");
    let text = fs::read_to_string(&lock).expect("a lock");
    let (_, rest) = text.split_once('\n').expect("a time");
    fs::write(&lock, format!("{}\n{rest}", u64::MAX)).expect("a file");
    let said = host.line_into_files(&format!("{SHORT} recover"));
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    kernel.let_held_writes_begin();
}
