//! A names file that cannot be read or written, and links in its place.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::CARDS;
use crate::invalid_file::{COMMANDS, TWO, card, file, host_of_two};
use crate::support::{RunOutput, TestHost, run};

#[test]
fn unreadable_names_file_is_reported_and_kept() {
    let host = host_of_two();
    let path = host.path(CARDS);
    let told = |why: &str| format!("gpupci: cannot read {}\n  cause: {why}\n", path.display());
    let assert_unread = |why: &str| {
        for line in COMMANDS {
            let said = host.line(line);
            assert_eq!((said.code, said.text().as_str()), (Some(1), ""), "{line}");
            assert!(said.stderr.starts_with(&told(why)), "{}", said.stderr);
            assert!(
                said.stderr.contains("\n  state: nothing was changed\n"),
                "{}",
                said.stderr
            );
        }
    };
    host.write(CARDS, "");
    fs::write(&path, b"{\"version\": 1, \"cards\": [\xff]}\n").expect("the file is written");
    assert_unread("it is not UTF-8");
    assert_eq!(host.line("renumber").answer(), TWO);

    // A folder cannot be replaced by the file, and no temporary file may be left.
    fs::remove_file(&path).expect("the file goes");
    host.write(&format!("{CARDS}/inside"), "");
    assert_unread("it is not a regular file");
    let said = host.line("renumber");
    assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: cannot write {}\n  cause: Is a directory (os error 21)\n  \
             state: nothing was changed\n  \
             try:   check that the file system has free space and is writable\n",
            path.display()
        )
    );
    let left = fs::read_dir(host.path("var/lib/gpupt")).expect("a folder");
    assert_eq!(left.count(), 1);

    fs::remove_dir_all(host.path("var")).expect("all goes");
    host.write("var/lib/gpupt", "no folder\n");
    assert_unread("Not a directory (os error 20)");
    assert_eq!(host.line("renumber").code, Some(1));
    let kept = fs::read_to_string(host.path("var/lib/gpupt")).expect("it is there");
    assert_eq!(kept, "no folder\n");
}

#[test]
fn link_to_the_names_file_is_read_and_a_planted_link_is_not_written_through() {
    let host = host_of_two();
    let elsewhere = host.path("elsewhere");
    host.write("elsewhere", &file(&[card("name", "\"gpupci5\"")]));
    host.write("var/lib/gpupt/other", "");
    symlink(&elsewhere, host.path(CARDS)).expect("the link is made");
    let first = "gpupci5 pci_0000_01_00_0\n";
    // The temporary file must not be written through a link that somebody planted.
    let victim = host.path("victim");
    host.write("victim", "mine\n");
    let new = host.path("var/lib/gpupt/cards.json.new");
    symlink(&victim, &new).expect("the link is made");
    let said = host.line("list");
    assert_eq!(said.code, Some(0));
    assert_eq!(said.text(), format!("gpupci1 pci_0000_02_00_0\n{first}"));
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: the card names were not recorded: cannot write {}: Too many levels of \
             symbolic links (os error 40)\n",
            host.path(CARDS).display()
        )
    );
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "mine\n");
    // The planted link was removed.
    let both = format!("gpupci1 pci_0000_02_00_0\n{first}");
    assert_eq!(host.cards(), both);
    assert_eq!(
        host.names_in_file(),
        ["gpupci1 0000:02:00.0", "gpupci5 0000:01:00.0"]
    );
}

#[test]
fn leftover_of_a_crash_beside_the_names_file_is_replaced() {
    let host = host_of_two();
    host.write("var/lib/gpupt/cards.json.new", "{\"version\": 1, \"car");
    assert_eq!(host.cards(), TWO);
    assert_eq!(
        host.names_in_file(),
        ["gpupci1 0000:01:00.0", "gpupci2 0000:02:00.0"]
    );
    assert!(!host.path("var/lib/gpupt/cards.json.new").exists());
}

/// Perhaps the disk behind the link is not mounted yet.
#[test]
fn dangling_link_to_the_names_file_is_an_error() {
    let host = host_of_two();
    host.cards();
    let elsewhere = host.path("elsewhere");
    fs::rename(host.path(CARDS), &elsewhere).expect("the names move");
    symlink(&elsewhere, host.path(CARDS)).expect("the link is made");
    fs::rename(&elsewhere, host.path("away")).expect("the disk goes");
    host.pull("0000:01:00");
    let said = host.line("list");
    fs::rename(host.path("away"), &elsewhere).expect("the disk comes");
    assert_eq!(host.cards(), "gpupci2 pci_0000_02_00_0\n");
    assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
}

#[test]
fn message_for_an_unreadable_names_file_names_renumber() {
    let host = host_of_two();
    host.write(CARDS, "");
    fs::write(host.path(CARDS), b"\xff").expect("the file is written");
    let said = host.line("list");
    let remedy = "try:   check the file; `gpupci renumber` writes a new one\n";
    assert!(said.stderr.ends_with(remedy), "{}", said.stderr);
}

/// Runs `gpupci LINE` with this umask.
fn line_with_umask(host: &TestHost, umask: &str, line: &str) -> RunOutput {
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_gpupci");
    let command = format!("umask {umask}; exec {program} {line}");
    host.select(shell.args(["-c", &command]).env_remove("GPUPT_DATABASE"));
    run(&mut shell, b"")
}

#[test]
fn files_of_root_are_readable_by_every_user_whatever_the_umask() {
    for umask in ["000", "022", "027", "077"] {
        let host = host_of_two();
        assert_eq!(line_with_umask(&host, umask, "list").answer(), TWO);
        line_with_umask(&host, umask, "host add rocks-33 gpupci 02:00.0").answer();
        for (path, mode) in [
            ("var/lib/gpupt", 0o755),
            ("var/lib/gpupt/cards.json", 0o644),
            ("var/lib/gpupt/cluster.db", 0o644),
            ("run/gpupt", 0o755),
        ] {
            let facts = fs::metadata(host.path(path)).expect("it is there");
            let found = facts.permissions().mode() & 0o777;
            assert_eq!(found, mode, "{path} is {found:o} with umask {umask}");
        }
        assert_eq!(host.line_as_user("list").answer(), TWO, "{umask}");
        let guests = host.line_as_user("host list");
        assert_eq!(guests.code, Some(0), "{umask}: {}", guests.stderr);
    }
}

#[test]
fn database_at_another_path_keeps_to_the_umask() {
    let host = host_of_two();
    let file = host.path("private/my.db");
    let line = format!(
        "--database sqlite:{} host add a gpupci 02:00.0",
        file.display()
    );
    line_with_umask(&host, "077", &line).answer();
    let facts = fs::metadata(file).expect("it is there");
    assert_eq!(facts.permissions().mode() & 0o777, 0o600);
}

#[test]
fn user_who_may_not_read_the_names_is_told_how_to_open_them() {
    let host = host_of_two();
    host.line("list").answer();
    let folder = host.path("var/lib/gpupt");
    let set = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode));
    set(0o000).expect("the mode is set");
    let said = host.line_as_user("list");
    set(0o700).expect("the mode is set");
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    let remedy = format!(
        "\n  try:   run this as root, or let every user read it: chmod -R a+rX {}\n",
        folder.display()
    );
    assert!(said.stderr.ends_with(&remedy), "{}", said.stderr);
}
