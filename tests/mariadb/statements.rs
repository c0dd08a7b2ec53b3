//! The number of statements that a command sends, and what a user's `select` may do.

use std::fs;

use gpupt::guest::{GuestName, Report};
use gpupt::host::Machine;
use mysql::Conn;
use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::mariadb::MariaDb;
use crate::{PATIENCE, checksums, fresh, frontend, library, timed};

/// A server with a query log and a cluster.
fn recording() -> (MariaDb, String) {
    let server = MariaDb::start();
    let database = server.cluster();
    let mut root = server.root(&database);
    root.query_drop("set global log_output = 'TABLE'")
        .expect("root may");
    root.query_drop("set global general_log = 1")
        .expect("root may");
    (server, database)
}

/// The log of other connections than `root` since the last call: the kind of each message, and the
/// first word of its text.
fn asked(root: &mut Conn) -> Vec<String> {
    let query = "select concat(command_type, ' ', substring_index(argument, ' ', 1)) \
         from mysql.general_log where thread_id <> connection_id() order by event_time";
    let messages: Vec<String> = root.query(query).expect("root may look");
    root.query_drop("truncate table mysql.general_log")
        .expect("root may");
    let is_work =
        |message: &String| !["Connect root@localhost", "Quit "].contains(&message.as_str());
    messages.into_iter().filter(is_work).collect()
}

fn assert_each_asks_once(host: &TestHost, container: &TestHost, root: &mut Conn) {
    asked(root);
    for line in [
        "list",
        "list rocks-33",
        "list rack0",
        "report",
        "report gpu=gpupci",
        "dump",
        "conflicts",
    ] {
        let said = host.line(&format!("host {line}"));
        assert_ne!(said.text(), "", "{line}: {}", said.stderr);
        assert_eq!(asked(root), ["Query SET", "Query SELECT"], "{line}");
    }
    let once = [
        "Query SET",
        "Prepare SELECT",
        "Execute SELECT",
        "Close stmt ",
    ];
    let said = host.gpupci_reading(&["splice", "rocks-33"], b"<devices/>");
    assert!(said.answer().contains("<hostdev"));
    let is_once = |asked: Vec<String>| {
        assert!(asked == once || asked == once[..3], "{asked:?}");
    };
    is_once(asked(root));
    let said = container.line("host allows rocks-34 gpupci2");
    assert_eq!(
        (said.code, said.text()),
        (Some(0), String::new()),
        "{}",
        said.stderr
    );
    is_once(asked(root));
}

#[test]
fn every_read_is_one_statement_for_any_number_of_hosts() {
    let (server, database) = recording();
    let mut root = server.root(&database);
    let url = server.url("root", &database);
    let host = frontend(&url);
    let container = TestHost::unpacked("manual.tree").with_database(&url);
    for line in ["add rocks-33 gpupci 02:00.0", "add rocks-34 gpupci gpupci7"] {
        assert_eq!(host.line(&format!("-q host {line}")).answer(), "");
    }
    assert_each_asks_once(&host, &container, &mut root);

    for statement in [
        "insert into nodes (Name, Membership, Rack) select concat('vm-container-1-', seq), 7, 1 from seq_1_to_300",
        "insert into catindex (Name, Category) select Name, 5 from nodes where Rack = 1",
        "insert into attributes (Attr, Value, Category, Catindex) select concat('gpupci', seq), \
         concat('pci_0000_0', seq, '_00_0'), 5, c.ID from catindex c join nodes n on n.Name = c.Name \
         join seq_1_to_4 where n.Rack = 1 and c.Category = 5",
    ] {
        root.query_drop(statement).expect(statement);
    }
    assert_each_asks_once(&host, &container, &mut root);
    assert_eq!(
        host.line("host list output-header=no")
            .answer()
            .lines()
            .count(),
        1202
    );
}

#[test]
fn report_connects_once_and_asks_once_for_all_its_guests() {
    let (server, database) = recording();
    let mut root = server.root(&database);
    let host = frontend(&server.url("root", &database));
    let statement = "insert into attributes (Attr, Value, Category, Catindex) \
         values ('gpupci', 'pci_0000_02_00_0', 5, 16), ('gpupci', 'bad', 5, 17)";
    root.query_drop(statement).expect("two rows");
    asked(&mut root);
    let mut report = Report::new(library(&host), Machine::at(host.root.path()));
    let mut splice = |guest| report.splice(GuestName::Any(guest), b"<devices/>");
    for _ in 0..20 {
        assert!(splice("ROCKS-33 ").is_ok_and(|xml| xml.len() > 100));
        assert!(splice("compute-0-0").is_ok_and(|xml| xml == b"<devices/>"));
        let bad = splice("rocks-34").map_err(|error| error.to_string());
        assert!(bad.is_err_and(|error| error.contains("rocks-34")));
    }
    assert_eq!(asked(&mut root), ["Query SET", "Query SELECT"]);

    // The other names of hosts are read when one is used.
    assert!(splice("gpuvm").is_ok_and(|xml| xml.len() > 100));
    assert_eq!(asked(&mut root), ["Query SELECT"]);
}

#[test]
fn report_that_could_not_read_the_cluster_tries_again_for_the_next_guest() {
    let (host, mut root) = fresh();
    root.query_drop("rename table nodes to hidden")
        .expect("a table");
    let mut report = Report::new(library(&host), Machine::at(host.root.path()));
    let mut splice = || report.splice(GuestName::Any("rocks-33"), b"<devices/>");
    assert!(splice().is_err_and(|error| error.to_string().contains("cluster")));
    root.query_drop("rename table hidden to nodes")
        .expect("a table");
    assert!(splice().is_ok_and(|xml| xml == b"<devices/>"));
}

#[test]
fn select_selects_the_hosts_of_its_first_column() {
    let (host, _) = fresh();
    assert_eq!(
        host.line("-q host add rocks-33 gpupci 02:00.0").answer(),
        ""
    );
    let row = "HOST      GPU    PCI_BUS         \nrocks-33: gpupci pci_0000_02_00_0\n";
    for statement in [
        "select Name from nodes where Name = 'rocks-33'",
        "SELECT upper(Name), Rack FROM nodes WHERE Name LIKE 'rocks%'",
        "select n.Name from nodes n join vm_nodes v on v.Node = n.ID",
        "select NULL union select 'rocks-33' union select 'rocks-33 '",
    ] {
        assert_eq!(
            host.gpupci(&["host", "list", statement]).answer(),
            row,
            "{statement}"
        );
    }
    assert_eq!(
        host.gpupci(&["host", "list", "select Name from nodes where 0"])
            .answer(),
        ""
    );
}

#[test]
fn select_cannot_change_rows_or_write_files() {
    let (host, mut root) = fresh();
    let folder = MariaDb::shared().folder.path().join("data");
    let file = folder.join("stolen");
    for statement in [
        "create table notes (line text)",
        "create function scribble() returns varchar(20) begin insert into notes values ('x'); return 'rocks-33'; end",
        "create procedure scrawl() insert into notes values ('x')",
    ] {
        root.query_drop(statement).expect(statement);
    }
    let before = checksums(&mut root);
    let outfile = format!("select Name from nodes into outfile '{}'", file.display());
    let dumpfile = format!("select 'rocks-33' into dumpfile '{}'", file.display());
    let inner = format!("select Name into outfile '{}' from nodes", file.display());
    for statement in [
        "select Name from nodes; drop table attributes",
        "select 'rocks-33'; delete from attributes",
        "select scribble()",
        "select Name from nodes where scribble() = 'rocks-33'",
        "select 'rocks-33' from (delete from attributes returning ID) x",
        "select nosuch from nodes",
        "select",
        "select ",
        "select 'rocks-33' into @name",
        "select insert into notes values ('x')",
        outfile.as_str(),
        dumpfile.as_str(),
        inner.as_str(),
    ] {
        for command in ["list", "report", "dump"] {
            let said = host.gpupci(&["host", command, statement]);
            assert!(
                matches!(said.code, Some(2 | 3)),
                "{statement}: {:?} {}",
                said.code,
                said.stderr
            );
            assert_eq!(said.text(), "", "{statement}");
            assert!(said.stderr.starts_with("gpupci: "), "{}", said.stderr);
        }
        let change = ["host", "set", statement, "gpupci1", "02:00.0"];
        assert!(
            matches!(host.gpupci(&change).code, Some(2 | 3)),
            "{statement}"
        );
        assert_eq!(checksums(&mut root), before, "{statement}");
        assert!(fs::metadata(&file).is_err(), "{statement}");
    }
}

#[test]
fn statements_other_than_select_are_refused() {
    let (host, mut root) = fresh();
    let before = checksums(&mut root);
    for statement in [
        "drop table attributes",
        "delete from attributes",
        "update nodes set Name='x'",
        "with x as (select Name from nodes) select * from x",
        "(select Name from nodes)",
        "/* */ select Name from nodes",
        "select/**/Name from nodes",
        "insert into nodes (Name) values ('x')",
        "call scrawl()",
        "table nodes",
        "set global read_only = 1",
    ] {
        let said = host.gpupci(&["host", "list", statement]);
        assert!(
            matches!(said.code, Some(2 | 3)),
            "{statement}: {:?} {}",
            said.code,
            said.stderr
        );
        assert_eq!(checksums(&mut root), before, "{statement}");
    }
}

#[test]
fn select_of_an_unknown_host_is_an_error() {
    let (host, _) = fresh();
    let said = host.gpupci(&["host", "list", "select 'rocks-33' union select 'nosuch'"]);
    assert_eq!((said.code, said.text().as_str()), (Some(3), ""));
    assert_eq!(said.stderr, "gpupci: cannot resolve host \"nosuch\"\n");
}

#[test]
fn slow_select_ends_after_the_deadline() {
    let (host, mut root) = fresh();
    let before = checksums(&mut root);
    let (said, took) = timed(move || host.gpupci(&["host", "list", "select sleep(60)"]));
    assert!(matches!(said.code, Some(1 | 2)), "{}", said.stderr);
    assert!(
        said.stderr.contains("did not answer within 5 s"),
        "{}",
        said.stderr
    );
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(checksums(&mut root), before);
}
