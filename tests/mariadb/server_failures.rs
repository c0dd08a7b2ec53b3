//! A server that is down, refuses, dies, or blocks.

use std::time::Duration;

use gpupt::database::{Database, DatabaseError};
use gpupt::rocks::{AttributeSource, Change};
use mysql::TxOpts;
use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;

use crate::proxy::{Cut, Proxy};
use crate::support::RunOutput;
use crate::support::mariadb::MariaDb;
use crate::{
    PATIENCE, carried_out, connections, fresh, frontend, library, own_attributes, pairs, timed,
    wait_until,
};

/// Shorter than any deadline.
const AT_ONCE: Duration = Duration::from_secs(4);

#[track_caller]
fn assert_failed(said: &RunOutput, first: &str, causes: &[&str]) {
    assert_eq!(
        (said.code, said.text().as_str()),
        (Some(1), ""),
        "{}",
        said.stderr
    );
    assert_eq!(said.stderr.lines().next(), Some(first), "{}", said.stderr);
    let has_cause = causes.iter().any(|cause| said.stderr.contains(cause));
    assert!(has_cause || causes.is_empty(), "{}", said.stderr);
    assert!(
        said.stderr.contains("\n  state: nothing was changed\n"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

#[test]
fn stopped_server_is_named_with_user_and_cause() {
    let mut server = MariaDb::start();
    let database = server.cluster();
    let (over_tcp, over_socket) = (
        server.tcp_url("root", &database),
        server.url("root", &database),
    );
    assert_eq!(frontend(&over_tcp).line("host list").answer(), "");
    assert_eq!(frontend(&over_socket).line("host list").answer(), "");
    server.kill();
    for line in [
        "host list",
        "host set rocks-33 gpupci 02:00.0",
        "host conflicts",
    ] {
        let said = frontend(&over_tcp).line(line);
        let expected = format!(
            "gpupci: cannot connect to {over_tcp}\n  \
             cause: Could not connect to address `127.0.0.1:{}': \
             Connection refused (os error 111)\n  \
             state: nothing was changed\n  \
             try:   check that the server is running and that the address is right \
             (--database, GPUPT_DATABASE)\n",
            server.port
        );
        assert_eq!(
            (said.code, said.stderr, said.stdout),
            (Some(1), expected, vec![])
        );
        let said = frontend(&over_socket).line(line);
        let first = format!("gpupci: cannot connect to {over_socket}");
        assert_failed(&said, &first, &["Connection refused"]);
    }
}

#[test]
fn missing_socket_is_named() {
    let url = "mysql://apache:s3cret@localhost/cluster?socket=/nowhere/mysql.sock";
    let said = frontend(url).line("host list");
    let first =
        "gpupci: cannot connect to mysql://apache@localhost/cluster?socket=/nowhere/mysql.sock";
    assert_failed(&said, first, &["No such file or directory"]);
}

#[test]
fn missing_database_is_named() {
    let url = MariaDb::shared().url("root", "nosuch");
    let said = frontend(&url).line("host list");
    let first = format!("gpupci: cannot connect to {url}");
    assert_failed(
        &said,
        &first,
        &["cause: Unknown database 'nosuch' (error 1049)"],
    );
}

#[test]
fn database_without_rocks_tables_is_refused() {
    let url = MariaDb::shared().url("root", "mysql");
    let said = frontend(&url).line("host list");
    let first = format!("gpupci: the request to {url} failed");
    assert_failed(
        &said,
        &first,
        &["cause: Table 'mysql.nodes' doesn't exist (error 1146)"],
    );
}

#[test]
fn command_ends_at_once_if_the_server_is_killed_during_a_query() {
    let mut server = MariaDb::start();
    let database = server.cluster();
    let url = server.url("root", &database);
    let host = frontend(&url);
    assert_eq!(
        host.line("-q host add rocks-33 gpupci 02:00.0").answer(),
        ""
    );
    let mut holder = server.root(&database);
    let mut held = holder
        .start_transaction(TxOpts::default())
        .expect("a transaction");
    held.query_drop("select * from attributes where Attr = 'gpupci' for update")
        .expect("a lock");
    let mut root = server.root(&database);

    let selector = frontend(&url);
    let select = ["host", "list", "select sleep(60)"];
    let selector = std::thread::spawn(move || timed(move || selector.gpupci(&select)));
    wait_until("the select sleeps", || {
        carried_out(&mut root, "select sleep") == 1
    });
    let writer =
        std::thread::spawn(move || timed(move || host.line("host set rocks-33 gpupci 03:00.0")));
    wait_until("the change waits for the row", || {
        carried_out(&mut root, "SELECT a.ID") == 1
    });
    // A reader that comes after a waiting table lock waits too.
    let mut greedy = server.root(&database);
    std::thread::spawn(move || greedy.query_drop("lock tables attributes write"));
    wait_until("the table is asked for", || {
        carried_out(&mut root, "lock tables") == 1
    });
    let host = frontend(&url);
    let reader = std::thread::spawn(move || timed(move || host.line("host list")));
    wait_until("the list waits for the table", || {
        carried_out(&mut root, "SELECT 0, n.ID") == 1
    });
    server.kill();

    for waiting in [writer, reader, selector] {
        let (said, took) = waiting.join().expect("it ends");
        let first = format!("gpupci: the request to {url} failed");
        assert_failed(&said, &first, &["cause: "]);
        assert!(took < AT_ONCE, "{took:?}");
    }
}

#[test]
fn command_ends_after_the_deadline_if_a_row_stays_locked() {
    let (host, mut root) = fresh();
    assert_eq!(
        host.line("-q host add rocks-33 gpupci 02:00.0").answer(),
        ""
    );
    let url = host.database.clone().unwrap_or_default();
    let mut held = root
        .start_transaction(TxOpts::default())
        .expect("a transaction");
    held.query_drop("select * from attributes where Attr = 'gpupci' for update")
        .expect("a lock");

    let (said, took) = timed(move || host.line("host set rocks-33 gpupci 03:00.0"));
    let first = format!("gpupci: {url} did not answer within 5 s");
    assert_failed(
        &said,
        &first,
        &["try:   check what the server is doing, then try again"],
    );
    assert!(
        (Duration::from_secs(5)..PATIENCE).contains(&took),
        "{took:?}"
    );

    held.rollback().expect("the lock goes");
    wait_until("the server gives up", || connections(&mut root) == 0);
    assert_eq!(
        own_attributes(&mut root, "rocks-33"),
        pairs(&[("gpupci", "pci_0000_02_00_0")])
    );
}

/// A program that goes on after the error, as the Rocks plugin may, must not make the change later:
/// the user was told that nothing was changed.
#[test]
fn change_that_missed_its_deadline_is_not_made_later() {
    let (host, mut root) = fresh();
    assert_eq!(
        host.line("-q host add rocks-33 gpupci 02:00.0").answer(),
        ""
    );
    let mut held = root
        .start_transaction(TxOpts::default())
        .expect("a transaction");
    held.query_drop("select * from attributes where Attr = 'gpupci' for update")
        .expect("a lock");

    let mut database = library(&host).with_deadline(Duration::from_millis(300));
    let name = "gpupci".parse().expect("a name");
    let change = Change::set(name, "03:00.0", true).expect("a value");
    let failed = database.change(&"rocks-33".into(), &change);
    assert!(
        matches!(failed, Err(DatabaseError::Timeout { .. })),
        "{failed:?}"
    );

    held.rollback().expect("the lock goes");
    wait_until("the work that was left behind ends", || {
        connections(&mut root) == 0
    });
    assert_eq!(
        own_attributes(&mut root, "rocks-33"),
        pairs(&[("gpupci", "pci_0000_02_00_0")])
    );
}

#[test]
fn connection_lost_at_the_commit_exits_with_7() {
    for (cut, kept) in [(Cut::BeforeCommit, false), (Cut::AfterCommit, true)] {
        let (_, mut root) = fresh();
        let (said, database) = set_through(cut, &mut root);
        let expected = format!("gpupci: {database} did not confirm the change\n  cause: ");
        assert_eq!(
            (said.code, said.text().as_str()),
            (Some(7), ""),
            "{}",
            said.stderr
        );
        assert!(said.stderr.starts_with(&expected), "{}", said.stderr);
        let state = "state: the change was sent; it was made completely or not at all\n";
        assert!(said.stderr.contains(state), "{}", said.stderr);
        let rows = if kept {
            pairs(&[("gpupci", "pci_0000_03_00_0")])
        } else {
            vec![]
        };
        assert_eq!(own_attributes(&mut root, "rocks-33"), rows, "{cut:?}");
    }
}

#[test]
fn commit_without_an_answer_is_reported_as_unclear() {
    let (host, mut root) = fresh();
    let mut database = Database::at(
        through(Cut::CommitUnanswered, &mut root)
            .parse()
            .expect("a URL"),
    )
    .with_deadline(Duration::from_millis(800));
    let change = Change::set("gpupci".parse().expect("a name"), "03:00.0", true);
    let failed = database.change(&"rocks-33".into(), &change.expect("a value"));
    assert!(
        matches!(failed, Err(DatabaseError::Unconfirmed { .. })),
        "{failed:?}"
    );
    assert_eq!(
        host.line("host report rocks-33").answer(),
        "gpupci:pci_0000_03_00_0\n"
    );
}

#[test]
fn connection_lost_before_the_commit_changes_nothing() {
    let (_, mut root) = fresh();
    for packet in 0..30 {
        root.query_drop("delete from attributes where Attr like 'gpupci%'")
            .expect("rows go");
        let (said, _) = set_through(Cut::AnswerNumber(packet), &mut root);
        if said.code == Some(0) {
            assert!(packet > 4, "a change takes more than {packet} packets");
            return;
        }
        assert!(matches!(said.code, Some(1 | 7)), "{}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        wait_until("the server notices", || connections(&mut root) == 0);
        if said.code == Some(1) {
            assert_eq!(
                own_attributes(&mut root, "rocks-33"),
                vec![],
                "packet {packet}"
            );
        }
    }
    panic!("the change never got through");
}

/// Sets a card of rocks-33 through a proxy that does `cut`; also gives the database's name.
fn set_through(cut: Cut, root: &mut mysql::Conn) -> (RunOutput, String) {
    let url = through(cut, root);
    let host = frontend(&url);
    let (said, took) = timed(move || host.line("host set rocks-33 gpupci 03:00.0"));
    assert!(took < PATIENCE, "{took:?}");
    (said, url)
}

/// The URL of the database that `root` uses, through a proxy that does `cut`.
fn through(cut: Cut, root: &mut mysql::Conn) -> String {
    let database: Option<String> = root.query_first("select database()").expect("a name");
    let to = MariaDb::shared().port;
    let port = Proxy { to, cut }.start();
    format!(
        "mysql://root@127.0.0.1:{port}/{}",
        database.unwrap_or_default()
    )
}
