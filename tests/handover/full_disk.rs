//! Records that cannot be written: on a full disk, on a read-only one.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::FakeKernel;
use crate::{manual, refuses};

fn unwritable(verb: &str, host: &TestHost, why: &str) -> String {
    let path = host.path("run/gpupt/cards/0000:02:00.json");
    format!(
        "gpupci: cannot {verb} gpupci1 (0000:02:00)\n  \
         cause: cannot write {}\n  \
         cause: {why}\n  \
         state: nothing was changed\n  \
         try:   check that the file system has free space and is writable\n",
        path.display()
    )
}

/// Makes the creation of a record fail: its temporary file is a folder.
fn block_new_records(host: &TestHost) {
    fs::create_dir_all(host.path("run/gpupt/cards/0000:02:00.json.new")).expect("a folder");
}

#[test]
fn detach_and_attach_change_nothing_on_a_full_disk() {
    let (host, kernel) = manual();
    let before = host.bindings();
    let said = host.line_on_a_full_disk("detach gpupci1");
    let why = "File too large (os error 27)";
    assert_eq!(said.stderr, unwritable("detach", &host, why));
    assert_eq!((said.text(), said.code), (String::new(), Some(1)));
    assert_eq!(kernel.writes(), [""; 0]);
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0], "not even half of one");

    host.line("detach gpupci1").answer();
    let record = host.record("0000:02:00");
    kernel.forget();
    let said = host.line_on_a_full_disk("attach gpupci1");
    assert_eq!(said.stderr, unwritable("attach", &host, why));
    assert_eq!(said.code, Some(1));
    assert_eq!(kernel.writes(), [""; 0]);
    assert_eq!(host.record("0000:02:00"), record);
    assert_eq!(host.line_on_a_full_disk("status").code, Some(0));
    assert_eq!(
        host.line_on_a_full_disk("attach gpupci1 --dry-run").code,
        Some(0)
    );
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
}

#[test]
fn detach_changes_nothing_if_run_is_read_only() {
    let (host, kernel) = manual();
    // A folder in which no file can be created.
    symlink("/proc/self", host.path("run")).expect("a link");
    let said = host.line("detach gpupci1");
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: cannot open {}\n  \
             cause: the path does not exist (os error 2)\n  \
             state: nothing was changed\n  \
             try:   check that the file system has free space and is writable\n",
            host.path("run/gpupt/lock").display()
        )
    );
    assert_eq!(said.code, Some(1));
    assert_eq!(kernel.writes(), [""; 0]);
    assert_eq!(host.line("detach gpupci1 --dry-run").code, Some(0));
    assert_eq!(host.line("status").code, Some(0));
}

#[test]
fn detach_changes_nothing_if_its_record_cannot_be_created() {
    let (host, kernel) = manual();
    block_new_records(&host);
    let text = unwritable("detach", &host, "Is a directory (os error 21)");
    refuses(&host, &kernel, "detach gpupci1", 1, &text);
}

/// Makes the disk fail at the `nth` write of the next command.
fn failing_at(nth: usize, kernel: &FakeKernel, host: &TestHost) {
    let root = host.root.path().to_owned();
    kernel.before_write(nth, move |_| {
        let folder = root.join("run/gpupt/cards/0000:02:00.json.new");
        fs::create_dir(folder).expect("a folder");
    });
}

#[test]
fn recover_finishes_a_handover_during_which_the_disk_filled_up() {
    let (host, kernel) = manual();
    let before = host.bindings();
    failing_at(3, &kernel, &host);
    let said = host.line("detach gpupci1");
    assert_eq!(said.code, Some(0), "the card is detached: {}", said.stderr);
    assert!(
        said.stderr
            .ends_with(": `gpupci recover` will check the card again\n")
    );
    assert_eq!(host.record("0000:02:00")["phase"], "detaching");
    fs::remove_dir(host.path("run/gpupt/cards/0000:02:00.json.new")).expect("a folder");
    host.line("recover").answer();
    assert_eq!(host.record("0000:02:00")["phase"], "detached");

    kernel.forget();
    failing_at(3, &kernel, &host);
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
    let left = host.records();
    assert_eq!(left, ["0000:02:00.json.new"], "only what the test made");
}
