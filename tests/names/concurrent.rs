//! Concurrent lists, and users who may not write the names.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;

use pretty_assertions::assert_eq;

use crate::CARDS;
use crate::support::TestHost;

fn start(host: &TestHost, line: &str) -> Child {
    let mut command = host.command();
    command.args(line.split(' ')).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// The output of a program, which must have succeeded.
#[track_caller]
fn answer(child: Child) -> String {
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    assert_eq!(text(output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    text(output.stdout)
}

#[test]
fn concurrent_first_lists_write_one_valid_file() {
    let host = TestHost::named("many");
    for bus in 1..=5 {
        host.plug(&format!("0000:{bus:02x}:00"), "1e87");
    }
    let all: Vec<Child> = (0..20).map(|_| start(&host, "list")).collect();
    let line = |bus: i32| format!("gpupci{bus} pci_0000_{bus:02x}_00_0\n");
    let cards: String = (1..=5).map(line).collect();
    for child in all {
        assert_eq!(answer(child), cards);
    }
    let line = |bus: i32| format!("gpupci{bus} 0000:{bus:02x}:00.0");
    assert_eq!(host.names_in_file(), (1..=5).map(line).collect::<Vec<_>>());
    let left = fs::read_dir(host.path("var/lib/gpupt")).expect("a folder");
    assert_eq!(left.count(), 1);
}

#[test]
fn concurrent_lists_of_different_vendors_agree_on_names() {
    let host = TestHost::named("vendors");
    host.plug_of("1002", "0000:01:00", "73bf");
    host.plug("0000:02:00", "1e87");
    host.plug_of("1a03", "0000:03:00", "2000");
    let lines = ["-q list", "-q list --vendor 1002", "-q list --vendor 1a03"];
    let all: Vec<(&str, Child)> = (0..21)
        .map(|index| lines[index % 3])
        .map(|line| (line, start(&host, line)))
        .collect();
    let told: Vec<(&str, String)> = all
        .into_iter()
        .map(|(line, child)| (line, answer(child)))
        .collect();
    for (line, cards) in told {
        assert_eq!(cards, host.line(line).answer(), "{line}");
    }
    assert_eq!(host.names_in_file().len(), 3);
}

/// Whether a process has this file open.
fn has_open(pid: u32, file: &Path) -> bool {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten();
    let mut targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.any(|target| target == file)
}

/// The names were written after this list had read and before it got the lock.
#[test]
fn list_prints_the_names_written_while_it_waited_for_the_lock() {
    let host = TestHost::named("waiting");
    host.plug_of("1002", "0000:01:00", "73bf");
    host.plug("0000:02:00", "1e87");
    host.cards();
    let kept = host.names_file().replace("gpupci1", "gpupci4");
    fs::remove_file(host.path(CARDS)).expect("the names go");
    let lock_path = host.path("run/gpupt/lock");
    let lock = File::options().write(true).open(&lock_path);
    let lock = lock.expect("the lock is there");
    lock.lock().expect("the lock is free");
    let mut waiting = start(&host, "-q list --vendor 1002");
    let lock_path = lock_path.canonicalize().expect("a path");
    while !has_open(waiting.id(), &lock_path) {
        assert_eq!(waiting.try_wait().expect("its state"), None, "it waits");
        thread::yield_now();
    }
    host.write(CARDS, &kept);
    lock.unlock().expect("the lock is ours");
    assert_eq!(
        answer(waiting),
        "gpupci1 pci_0000_01_00_0\ngpupci4 pci_0000_02_00_0\n"
    );
}

/// Makes a folder writable for its owner only.
fn close(path: &Path) {
    fs::create_dir_all(path).expect("the folder is made");
    fs::set_permissions(path, fs::Permissions::from_mode(0o555)).expect("the mode is set");
}

#[test]
fn user_without_write_access_sees_names_and_writes_none() {
    let host = TestHost::named("user");
    host.plug("0000:01:00", "1e87");
    host.plug("0000:02:00", "1e87");
    close(&host.path("var/lib/gpupt"));
    close(&host.path("run/gpupt"));
    let cards = "gpupci1 pci_0000_01_00_0\ngpupci2 pci_0000_02_00_0\n";
    let said = host.line_as_user("list");
    assert_eq!((said.code, said.text().as_str()), (Some(0), cards));
    let lock = host.path("run/gpupt/lock").display().to_string();
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: the card names were not recorded: cannot open {lock}: \
             Permission denied (os error 13)\n"
        )
    );
    assert_eq!(host.line_as_user("-q list").answer(), cards);
    assert!(!host.path(CARDS).exists());
    let said = host.line_as_user("renumber");
    assert_eq!(
        (said.code, said.text(), said.stderr),
        (
            Some(9),
            String::new(),
            format!(
                "gpupci: cannot open {lock}\n  cause: Permission denied (os error 13)\n  \
                 state: nothing was changed\n  try:   run this as root\n"
            )
        )
    );
}

#[test]
fn user_reads_the_names_that_root_wrote() {
    let host = TestHost::named("user");
    host.plug("0000:02:00", "1e87");
    host.cards();
    host.plug("0000:01:00", "1e87");
    host.cards();
    let cards = "gpupci1 pci_0000_02_00_0\ngpupci2 pci_0000_01_00_0\n";
    close(&host.path("var/lib/gpupt"));
    close(&host.path("run/gpupt"));
    assert_eq!(host.line_as_user("list").answer(), cards);
    assert_eq!(host.line_as_user("-l").answer(), cards);
    let none = fs::Permissions::from_mode(0o000);
    fs::set_permissions(host.path(CARDS), none).expect("the mode is set");
    let said = host.line_as_user("list");
    let path = host.path(CARDS).display().to_string();
    let why = format!("gpupci: cannot read {path}\n  cause: Permission denied (os error 13)\n");
    assert_eq!((said.code, said.text().as_str()), (Some(9), ""));
    assert!(said.stderr.starts_with(&why), "{}", said.stderr);
}

#[test]
fn only_root_may_renumber_detach_attach_and_recover() {
    let host = TestHost::named("real");
    for (line, what) in [
        ("renumber", "reassign card names"),
        ("detach all", "detach cards"),
        ("attach gpupci1", "attach cards"),
        ("recover", "recover cards"),
    ] {
        let said = host.line_as_user(&format!("--root / {line}"));
        let refused = format!(
            "gpupci: only root may {what}\n  state: nothing was changed\n  try:   run this as root\n"
        );
        let told = (said.code, said.text(), said.stderr);
        assert_eq!(told, (Some(9), String::new(), refused), "{line}");
    }
}

#[test]
fn timeout_option_ends_the_wait_for_the_lock() {
    let host = TestHost::named("held");
    host.plug("0000:01:00", "1e87");
    host.cards();
    host.plug("0000:02:00", "1e87");
    let lock = File::options()
        .write(true)
        .open(host.path("run/gpupt/lock"));
    let lock = lock.expect("the lock is there");
    lock.lock().expect("the lock is free");
    let said = host.line("list --timeout 0.1");
    assert_eq!(
        (said.code, said.text().as_str()),
        (
            Some(0),
            "gpupci1 pci_0000_01_00_0\ngpupci2 pci_0000_02_00_0\n"
        )
    );
    let pid = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '\n');
    let note = said.stderr.trim_end();
    let note =
        note.strip_prefix("gpupci: the card names were not recorded: another gpupci or hook (pid ");
    let rest =
        note.and_then(|note| note.split_once(") is running and did not finish within 0.1 s"));
    assert!(rest.is_some_and(|(number, rest)| pid(number) && rest.is_empty()));
    assert_eq!(host.names_in_file(), ["gpupci1 0000:01:00.0"]);
}
