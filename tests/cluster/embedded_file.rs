//! The file of the embedded database: created, shared, broken, missing.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::{RunOutput, TestHost};
use crate::test_cluster::{TestCluster, open};
use crate::{answer, run_all};

const FILE: &str = "var/lib/gpupt/cluster.db";

/// Every command that reads, and every command that writes.
const LINES: [&str; 8] = [
    "host list",
    "host report",
    "host dump",
    "host conflicts",
    "splice guest",
    "host add alpha gpupci2 03:00.0",
    "host set alpha gpupci1 03:00.0",
    "host remove alpha gpupci1",
];

fn using(path: &Path) -> TestHost {
    TestHost::named("alpha").with_database(&format!("sqlite:{}", path.display()))
}

/// Fails unless each line is an error that names the file and the cause.
#[track_caller]
fn assert_refused(path: &Path, causes: &[&str]) {
    for line in LINES {
        let said = using(path).line(line);
        let RunOutput { code, stderr, .. } = &said;
        assert!(matches!(code, Some(1 | 9)), "{line}: {code:?} {stderr}");
        assert_eq!(said.text(), "", "{line}");
        let url = format!("sqlite:{}", path.display());
        let failed = format!("gpupci: the request to {url} failed\n");
        let denied = format!("gpupci: permission denied on {url}\n");
        assert!(
            stderr.starts_with(&failed) || stderr.starts_with(&denied),
            "{line}: {stderr}"
        );
        assert!(
            causes.iter().any(|cause| stderr.contains(cause)),
            "{line}: {stderr}"
        );
        assert!(
            stderr.contains("\n  state: nothing was changed\n"),
            "{line}: {stderr}"
        );
    }
}

#[test]
fn reading_creates_no_file() {
    let host = TestHost::named("alpha");
    for line in LINES.into_iter().filter(|line| !line.contains(" add ")) {
        let names_a_host = line.contains("alpha") || line.contains("guest");
        let code = if names_a_host { 3 } else { 0 };
        let said = host.line(line);
        assert_eq!(
            (said.code, said.text().as_str()),
            (Some(code), ""),
            "{line}: {}",
            said.stderr
        );
        assert!(!host.path("var").exists(), "{line}");
    }
}

#[test]
fn first_add_creates_the_file_and_its_folder() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    assert!(host.path(FILE).is_file());
    assert_eq!(answer(&host, "report"), "gpupci1:pci_0000_02_00_0\n");
    let relative = TestHost::named("alpha").with_database("sqlite:cluster.db");
    let mut command = relative.command();
    command
        .current_dir(relative.root.path())
        .args(["host", "add", "alpha", "gpupci1", "02:00.0"]);
    assert_eq!(crate::support::run(&mut command, b"").answer(), "");
    assert!(relative.path("cluster.db").is_file());
}

#[test]
fn database_path_below_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "text").expect("a file");
    let path = folder.path().join("file/cluster.db");
    assert_refused(&path, &["Not a directory", "File exists"]);
    assert_eq!(
        fs::read(folder.path().join("file")).expect("it stays"),
        b"text"
    );
}

#[test]
fn database_path_of_a_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_refused(
        folder.path(),
        &["unable to open database file", "disk I/O error"],
    );
}

#[test]
fn file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes");
    let notes = "Buy milk.\n".repeat(1000);
    fs::write(&path, &notes).expect("a file");
    assert_refused(&path, &["file is not a database"]);
    assert_eq!(fs::read_to_string(&path).expect("it stays"), notes);
}

#[test]
fn database_of_another_version_is_refused_and_kept() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let path = host.path(FILE);
    open(&path)
        .pragma_update(None, "user_version", 2)
        .expect("a version");
    let before = fs::read(&path).expect("the file");
    assert_refused(
        &path,
        &["its tables have version 2, but this program supports version 1"],
    );
    assert!(fs::read(&path).expect("the file") == before);
}

#[test]
fn database_of_another_program_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places.db");
    let theirs = Connection::open(&path).expect("a database");
    theirs
        .execute_batch("create table bookmarks (url text); insert into bookmarks values ('x')")
        .expect("rows");
    drop(theirs);
    let before = fs::read(&path).expect("the file");
    assert_refused(
        &path,
        &["its tables have version 0, but this program supports version 1"],
    );
    assert!(fs::read(&path).expect("the file") == before);
}

#[test]
fn corrupt_database_page_is_an_error() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let path = host.path(FILE);
    let mut bytes = fs::read(&path).expect("the file");
    bytes[4096..].fill(0x5a);
    fs::write(&path, &bytes).expect("the file");
    assert_refused(&path, &["malformed"]);
}

/// A command may be killed after it created the file and before it created the tables.
#[test]
fn empty_file_is_a_database_without_hosts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cluster.db");
    fs::write(&path, "").expect("a file");
    let host = using(&path);
    assert_eq!(answer(&host, "list"), "");
    assert_eq!(
        fs::read(&path).expect("the file"),
        b"",
        "reading changes nothing"
    );
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    assert_eq!(answer(&host, "report"), "gpupci1:pci_0000_02_00_0\n");
}

/// A crash during a commit leaves a half-written file and a journal to roll it back.
#[test]
fn change_that_a_crash_interrupted_is_rolled_back() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let (path, crashed) = (host.path(FILE), host.path("crashed.db"));
    let connection = open(&path);
    connection
        .execute_batch(
            "pragma cache_size = 2; begin immediate; update attributes set Value = 'half'",
        )
        .expect("a change");
    for number in 0..500 {
        let statement =
            "insert into attributes (Attr, Value, Category, Catindex) values (?, ?, 5, 5)";
        connection
            .execute(statement, (format!("gpupci{number}x"), "half".repeat(100)))
            .expect("a row");
    }
    let journal = |path: &Path| path.with_extension("db-journal");
    fs::copy(&path, &crashed).expect("a copy");
    fs::copy(journal(&path), journal(&crashed)).expect("a journal");

    let host = using(&crashed);
    assert_eq!(answer(&host, "report"), "gpupci1:pci_0000_02_00_0\n");
    run_all(&host, &["set alpha gpupci1 03:00.0"]);
    assert_eq!(answer(&host, "report"), "gpupci1:pci_0000_03_00_0\n");
}

#[test]
fn killed_command_leaves_a_whole_change_or_none() {
    let host = TestHost::named("alpha");
    run_all(
        &host,
        &["add alpha gpupci1 01:00.0", "set alpha gpupci1 02:00.0"],
    );
    for turn in 0..40_u64 {
        let value = format!("{:02x}:00.0", 3 + turn);
        let mut command = host.command();
        let mut child = command
            .args(["host", "set", "alpha", "gpupci1", &value])
            .spawn()
            .expect("it starts");
        // Killed a little later each time, until the command ends before.
        thread::sleep(Duration::from_micros(250 * turn));
        child.kill().expect("it may have ended");
        child.wait().expect("it ends");
        let dump = answer(&host, "dump");
        let rows: Vec<&str> = dump
            .lines()
            .map(|line| line.rsplit(' ').next().unwrap_or_default())
            .collect();
        assert_eq!(rows.len(), 2, "{dump}");
        assert!(rows[1] < rows[0], "the former value is older: {dump}");
    }
}

#[test]
fn concurrent_adds_create_one_host_with_all_cards() {
    let host = TestHost::named("alpha");
    thread::scope(|scope| {
        for number in 1..=20 {
            let host = &host;
            scope.spawn(move || {
                run_all(
                    host,
                    &[&format!("add new gpupci{number} {number:02x}:00.0")],
                );
            });
        }
    });
    let expected: String = (1..=20)
        .map(|number| format!("gpupci{number}:pci_0000_{number:02x}_00_0\n"))
        .collect();
    assert_eq!(answer(&host, "report"), expected);
    assert_eq!(answer(&host, "conflicts"), "");
}

#[test]
fn reader_during_table_creation_sees_all_or_nothing() {
    for _ in 0..30 {
        let host = TestHost::named("alpha");
        thread::scope(|scope| {
            let writer = scope.spawn(|| run_all(&host, &["add alpha gpupci1 02:00.0"]));
            for _ in 0..2 {
                scope.spawn(|| {
                    while !host.path(FILE).exists() {
                        thread::yield_now();
                    }
                    for _ in 0..4 {
                        let report = answer(&host, "report");
                        assert!(["", "gpupci1:pci_0000_02_00_0\n"].contains(&report.as_str()));
                    }
                });
            }
            writer.join().expect("it is made");
        });
    }
}

#[test]
fn one_of_many_concurrent_adds_of_one_card_succeeds() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let won = thread::scope(|scope| {
        let line = |number: u32| format!("host add alpha gpupci2 {number:02x}:00.0");
        let all: Vec<_> = (3..13)
            .map(|number| {
                let host = &host;
                scope.spawn(move || host.line(&line(number)))
            })
            .collect();
        let said = all.into_iter().map(|said| said.join().expect("it ends"));
        said.filter(|said| {
            let exists = said.stderr.starts_with("gpupci: gpu \"gpupci2\" exists\n");
            assert!(
                said.code == Some(0) || said.code == Some(1) && exists,
                "{}",
                said.stderr
            );
            said.code == Some(0)
        })
        .count()
    });
    assert_eq!(won, 1);
}

#[test]
fn command_ends_after_the_deadline_if_the_file_stays_locked() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let connection = open(&host.path(FILE));
    connection.execute_batch("begin exclusive").expect("a lock");
    let waiting = ["host set alpha gpupci1 03:00.0", "host list"].map(|line| {
        let host = using(&host.path(FILE));
        thread::spawn(move || {
            let start = Instant::now();
            (host.line(line), start.elapsed())
        })
    });
    for waiting in waiting {
        let (said, took) = waiting.join().expect("it ends");
        assert_eq!(
            (said.code, said.text().as_str()),
            (Some(1), ""),
            "{}",
            said.stderr
        );
        assert!(
            said.stderr.contains("database is locked"),
            "{}",
            said.stderr
        );
        assert!(
            (Duration::from_secs(4)..Duration::from_secs(9)).contains(&took),
            "{took:?}"
        );
    }
    drop(connection);
    assert_eq!(answer(&host, "dump").lines().count(), 1);
}

#[test]
fn select_cannot_change_the_file() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let before = fs::read(host.path(FILE)).expect("the file");
    let attached = host.path("stolen.db");
    let attach = format!("select 'alpha'; attach '{}' as x", attached.display());
    for statement in [
        "select 'alpha'; drop table attributes",
        "select 'alpha'; delete from attributes; --",
        "select load_extension('/tmp/x.so')",
        "select * from nosuch",
        "select",
        attach.as_str(),
    ] {
        let said = host.gpupci(&["host", "list", statement]);
        assert!(
            matches!(said.code, Some(2 | 3)),
            "{statement}: {:?} {}",
            said.code,
            said.stderr
        );
        assert_eq!(said.text(), "", "{statement}");
    }
    assert!(fs::read(host.path(FILE)).expect("the file") == before);
    assert!(!attached.exists());
    let named = host.gpupci(&[
        "host",
        "list",
        "select upper(Name) from nodes",
        "output-header=no",
    ]);
    assert_eq!(named.answer(), "alpha: gpupci1 pci_0000_02_00_0\n");
}

#[test]
fn endless_select_ends_after_the_deadline() {
    let host = TestHost::named("alpha");
    run_all(&host, &["add alpha gpupci1 02:00.0"]);
    let endless = "select x from (with recursive c(x) as (select 1 union all select x + 1 from c) \
         select x from c where x < 0)";
    let start = Instant::now();
    let said = host.gpupci(&["host", "list", endless]);
    assert!(matches!(said.code, Some(1 | 2)), "{}", said.stderr);
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "{:?}",
        start.elapsed()
    );
}

/// As with `gpupci host list | head -1`.
#[test]
fn closed_standard_output_is_no_error() {
    let stage = TestCluster::embedded();
    let host = stage.frontend();
    // More output than a pipe holds.
    stage.execute(
        "insert into attributes (Attr, Value, Category, Catindex) \
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) \
         select 'gpupci' || i, 'pci_0000_02_00_0', 5, 16 from n",
    );
    for line in ["list", "report", "dump", "list --json"] {
        let mut command = host.command();
        command
            .args(format!("host {line}").split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut first = String::new();
        let mut reader = BufReader::with_capacity(64, child.stdout.take().expect("a pipe"));
        reader.read_line(&mut first).expect("a line");
        assert!(first.len() > 1, "{first}");
        drop(reader);
        let mut errors = String::new();
        child
            .stderr
            .take()
            .expect("a pipe")
            .read_to_string(&mut errors)
            .expect("text");
        let status = child.wait().expect("it ends");
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{line}");
    }
}
