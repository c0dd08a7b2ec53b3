//! Runs every recorded command of the original with gpupci, on MariaDB and on SQLite.
//!
//! The answers are equal byte by byte, except for the differences in `docs/compatibility.md`: a
//! case that differs has the name of the difference and our own answer.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;
use rusqlite::Connection;
use support::mariadb::{MariaDb, sql};
use support::{RunOutput, TestHost, fixture, shell_words};

/// A command in a replay file, with its recorded answer.
#[derive(Debug, Default)]
struct Case {
    /// `@ reset`, `$ host list`, ….
    line: String,
    recorded: Recorded,
    /// The difference's name and our own answer.
    ours: Option<(String, Recorded)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Recorded {
    stdout: Vec<u8>,
    /// The start of standard error; that of the original was not recorded.
    stderr: Option<String>,
    status: i32,
    traceback: bool,
}

fn cases(file: &Path) -> Vec<Case> {
    let content = fs::read(file).expect("the fixture is there");
    let mut cases: Vec<Case> = Vec::new();
    for line in content.split(|b| *b == b'\n') {
        let (mark, rest) = line.split_at(line.len().min(2));
        let text = String::from_utf8_lossy(rest).into_owned();
        if matches!(mark, b"@ " | b"$ " | b"% ") {
            let line = String::from_utf8_lossy(line).into_owned();
            cases.push(Case {
                line,
                ..Case::default()
            });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            continue;
        };
        let answer = case
            .ours
            .as_mut()
            .map_or(&mut case.recorded, |(_, ours)| ours);
        match mark {
            b"1|" => answer.stdout.extend([rest, b"\n"].concat()),
            b"1\\" => answer.stdout.extend(rest),
            b"2|" if text == "traceback" => answer.traceback = true,
            b"2|" => answer.stderr = Some(text),
            b"= " => answer.status = text.parse().expect("a status is a number"),
            b"~ " => case.ours = Some((text, Recorded::default())),
            _ => {}
        }
    }
    cases
}

impl Recorded {
    fn is_met_by(&self, said: &RunOutput) -> bool {
        let starts = |start: &String| said.stderr.starts_with(start);
        said.stdout == self.stdout
            && said.code == Some(self.status)
            && !self.traceback
            && self.stderr.as_ref().is_none_or(starts)
    }
}

/// Our expected answer to a recorded case. Errors go to standard error without a usage line and
/// have their own exit codes; this difference applies to all cases and is not marked.
fn expected(case: &Case) -> Recorded {
    if let Some((_, ours)) = &case.ours {
        return ours.clone();
    }
    let text = String::from_utf8_lossy(&case.recorded.stdout).into_owned();
    let Some(message) = text.strip_prefix("Error: ") else {
        return case.recorded.clone();
    };
    let message = message.trim_end_matches('\n');
    let status = match message {
        m if m.starts_with("cannot resolve host") || m.ends_with("is not in cluster") => 3,
        m if m.ends_with("exists") => 1,
        _ => 2,
    };
    Recorded {
        stdout: Vec::new(),
        stderr: Some(format!("gpupci: {message}")),
        status,
        traceback: false,
    }
}

/// A database for the replay, and access to its rows.
trait TestDatabase {
    fn reset(&mut self);
    /// Whether the first card of an unknown host creates the host, as it does without Rocks.
    fn makes_nodes(&self) -> bool {
        false
    }
    fn frontend(&self) -> TestHost;
    fn node(&self) -> TestHost;
    fn execute(&mut self, statement: &str);
    fn rows(&mut self, query: &str) -> Vec<u8>;
}

struct OnMariaDb {
    server: &'static MariaDb,
    database: String,
}

impl TestDatabase for OnMariaDb {
    fn reset(&mut self) {
        self.database = self.server.cluster();
    }

    fn frontend(&self) -> TestHost {
        machine("fe.example.org").with_database(&self.server.url("root", &self.database))
    }

    fn node(&self) -> TestHost {
        machine("vm-container-0-15.local").with_database(&self.server.url("root", &self.database))
    }

    fn execute(&mut self, statement: &str) {
        self.server
            .root(&self.database)
            .query_drop(statement)
            .expect(statement);
    }

    fn rows(&mut self, query: &str) -> Vec<u8> {
        rows_of(&mut self.server.root(&self.database), query)
    }
}

fn rows_of(conn: &mut mysql::Conn, query: &str) -> Vec<u8> {
    let rows: Vec<mysql::Row> = conn.query(query).expect(query);
    let cell = |value: mysql::Value| match value {
        mysql::Value::Bytes(bytes) => bytes,
        mysql::Value::NULL => b"NULL".to_vec(),
        other => other.as_sql(true).into_bytes(),
    };
    let lines = rows.into_iter().map(|row| {
        let cells: Vec<Vec<u8>> = row.unwrap().into_iter().map(cell).collect();
        [cells.join(&b'\t'), b"\n".to_vec()].concat()
    });
    lines.collect::<Vec<_>>().concat()
}

struct OnSqlite {
    folder: tempfile::TempDir,
}

impl OnSqlite {
    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("cluster.db").display())
    }

    fn connection(&self) -> Connection {
        let connection =
            Connection::open(self.folder.path().join("cluster.db")).expect("the file opens");
        let collate =
            |a: &str, b: &str| gpupt::rocks::Text::from(a).collate(&gpupt::rocks::Text::from(b));
        connection
            .create_collation("latin1_swedish_ci", collate)
            .expect("a collation");
        connection
    }
}

impl TestDatabase for OnSqlite {
    fn makes_nodes(&self) -> bool {
        true
    }

    fn reset(&mut self) {
        let _ = fs::remove_file(self.folder.path().join("cluster.db"));
        let host = machine("fe").with_database(&self.url());
        assert_eq!(host.line("host add first gpupci1 02:00.0").code, Some(0));
        let connection = self.connection();
        let tables = "attributes catindex resolvechain categories vm_nodes networks subnets aliases nodes memberships appliances";
        for table in tables.split(' ') {
            connection
                .execute(&format!("delete from {table}"), [])
                .expect("rows go");
        }
        connection.execute_batch("create table vm_disks (ID, Vm_Node, VBD_Type, Prefix, Name, Device, Mode, Size); create table boot (ID, Node, Action)").expect("tables that only Rocks needs");
        connection
            .execute_batch(&sql("world.sql"))
            .expect("the world is made");
    }

    fn frontend(&self) -> TestHost {
        machine("fe.example.org").with_database(&self.url())
    }

    fn node(&self) -> TestHost {
        machine("vm-container-0-15.local").with_database(&self.url())
    }

    fn execute(&mut self, statement: &str) {
        self.connection().execute_batch(statement).expect(statement);
    }

    fn rows(&mut self, query: &str) -> Vec<u8> {
        let connection = self.connection();
        let mut prepared = connection.prepare(query).expect(query);
        let width = prepared.column_count();
        let mut rows = prepared.query([]).expect(query);
        let mut out = Vec::new();
        while let Some(row) = rows.next().expect(query) {
            let cell = |column| match row.get_ref(column).expect("a column") {
                rusqlite::types::ValueRef::Null => b"NULL".to_vec(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string().into_bytes(),
                other => other.as_bytes().expect("text").to_vec(),
            };
            let cells: Vec<Vec<u8>> = (0..width).map(cell).collect();
            out.extend(cells.join(&b'\t'));
            out.push(b'\n');
        }
        out
    }
}

/// A host of the recorded cluster: its name, and an `/etc/hosts` with an unknown host.
fn machine(name: &str) -> TestHost {
    let host = TestHost::named(name);
    host.write(
        "etc/hosts",
        "127.0.0.1 localhost\n10.1.9.9 outsider.example.net\n",
    );
    host
}

/// Replays a file; gives the differences that occurred and the number of cases.
fn replay(file: &str, stage: &mut dyn TestDatabase) -> (BTreeSet<String>, usize) {
    let mut differences = BTreeSet::new();
    let mut replayed = 0;
    let mut refused = false;
    let mut answers: Vec<Option<RunOutput>> = Vec::new();
    let all = cases(&fixture("rocks/replay").join(file));
    for case in &all {
        let (kind, rest) = case.line.split_at(2);
        match (kind, rest.split_once(' ').unwrap_or((rest, ""))) {
            ("@ ", ("reset", _)) => stage.reset(),
            ("@ ", ("sql", statement)) => stage.execute(&shell_words::expand(statement)),
            ("@ ", ("host", _)) => {
                assert_eq!(stage.frontend().line(rest).code, Some(0), "{}", case.line);
            }
            ("@ ", ("force", statement)) => {
                if refused {
                    let statement = statement.strip_prefix("sql ").expect("force sql");
                    stage.execute(&shell_words::expand(statement));
                }
            }
            ("$ ", ("sql", query)) => {
                let recorded = case.ours.as_ref().map_or(&case.recorded, |(_, ours)| ours);
                let rows = stage.rows(query);
                assert_eq!(
                    shown(&rows),
                    shown(&recorded.stdout),
                    "{file}: {}",
                    case.line
                );
                differences.extend(case.ours.as_ref().map(|(name, _)| name.clone()));
                replayed += 1;
            }
            (_, ("host", _)) => {
                let host = if kind == "% " {
                    stage.node()
                } else {
                    stage.frontend()
                };
                let said = host.line(rest);
                refused = said.code != Some(0);
                let mut expected = expected(case);
                if rest.starts_with("host add nosuch ") && stage.makes_nodes() {
                    expected = Recorded::default();
                    unmake(stage, "nosuch");
                }
                let first = said.stderr.lines().next().unwrap_or_default().to_owned();
                if std::env::var_os(REGENERATE).is_some() {
                    answers.push((!expected.is_met_by(&said)).then_some(said));
                    continue;
                }
                let ours = (shown(&said.stdout), said.code, expected.traceback);
                let theirs = (shown(&expected.stdout), Some(expected.status), false);
                assert_eq!(ours, theirs, "{file}: {}\n{}", case.line, said.stderr);
                if let Some(start) = &expected.stderr {
                    assert!(
                        first.starts_with(start),
                        "{file}: {}\n{first}\n{start}",
                        case.line
                    );
                }
                differences.extend(case.ours.as_ref().map(|(name, _)| name.clone()));
                replayed += 1;
                answers.push(None);
                continue;
            }
            other => panic!("{file}: what is {other:?}?"),
        }
        answers.push(None);
    }
    if std::env::var_os(REGENERATE).is_some() {
        write_answers(&fixture("rocks/replay").join(file), &answers);
    }
    (differences, replayed)
}

/// If this variable is set, our answers to cases that differ are written to the fixtures. Fill in
/// the name of each difference by hand.
const REGENERATE: &str = "GPUPT_REGENERATE";

fn write_answers(path: &Path, answers: &[Option<RunOutput>]) {
    let content = fs::read(path).expect("the fixture is there");
    let mut out = Vec::new();
    let mut case = 0_usize;
    let mut is_ours = false;
    for line in content.split_inclusive(|b| *b == b'\n') {
        if matches!(line.get(..2), Some(b"@ " | b"$ " | b"% ")) {
            case += 1;
        }
        let answer = case
            .checked_sub(1)
            .and_then(|index| answers[index].as_ref());
        is_ours = (is_ours || line.starts_with(b"~ ")) && line != b"\n";
        if !(is_ours && answer.is_some() && !line.starts_with(b"~ ")) {
            out.extend(line);
        }
        let ends = line.starts_with(b"= ") && !is_ours || line.starts_with(b"~ ");
        if let Some(said) = answer.filter(|_| ends) {
            if !line.starts_with(b"~ ") {
                out.extend(b"~ unnamed\n");
            }
            for line in said.stdout.split_inclusive(|b| *b == b'\n') {
                out.extend(b"1|");
                out.extend(line);
            }
            for line in said.stderr.lines().take(1) {
                out.extend(format!("2|{line}\n").bytes());
            }
            out.extend(format!("= {}\n", said.code.unwrap_or(-1)).bytes());
        }
    }
    fs::write(path, out).expect("the fixture is written");
}

/// Deletes a node that the original would not have created.
fn unmake(stage: &mut dyn TestDatabase, name: &str) {
    for statement in [
        "delete from attributes where Catindex in (select ID from catindex where Name = 'NAME')",
        "delete from catindex where Name = 'NAME'",
        "delete from vm_nodes where Node in (select ID from nodes where Name = 'NAME')",
        "delete from nodes where Name = 'NAME'",
    ] {
        stage.execute(&statement.replace("NAME", name));
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\n", "\n")
}

fn files() -> Vec<String> {
    let entries = fs::read_dir(fixture("rocks/replay")).expect("the fixtures are there");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a plain name")
        })
        .collect();
    names.sort();
    names
}

/// The recordings that need database accounts, which SQLite does not have.
const WITH_ACCOUNTS: &str = "60-who.replay";

fn replay_all(stage: &mut dyn TestDatabase) -> (BTreeSet<String>, usize) {
    let mut differences = BTreeSet::new();
    let mut replayed = 0;
    for file in files().iter().filter(|file| *file != WITH_ACCOUNTS) {
        let (met, count) = replay(file, stage);
        differences.extend(met);
        replayed += count;
    }
    (differences, replayed)
}

#[test]
fn mariadb_answers_as_the_original_did() {
    let server = MariaDb::shared();
    let mut stage = OnMariaDb {
        server,
        database: String::new(),
    };
    let (differences, replayed) = replay_all(&mut stage);
    assert_eq!(replayed, 359, "no recorded case is left out");
    assert_eq!(differences, listed_differences());
}

#[test]
fn sqlite_answers_as_the_original_did() {
    let mut stage = OnSqlite {
        folder: tempfile::tempdir().expect("a folder"),
    };
    let (differences, replayed) = replay_all(&mut stage);
    assert_eq!(replayed, 359, "no recorded case is left out");
    assert_eq!(differences, listed_differences());
}

struct WithAccounts {
    server: MariaDb,
}

impl TestDatabase for WithAccounts {
    fn reset(&mut self) {}

    fn frontend(&self) -> TestHost {
        let account = format!("root:{}", MariaDb::ROOT_PASSWORD.replace('/', "%2F"));
        machine("fe.example.org").with_database(&self.server.url(&account, "cluster"))
    }

    fn node(&self) -> TestHost {
        machine("vm-container-0-15.local").with_database(&self.server.tcp_url("root", "cluster"))
    }

    fn execute(&mut self, statement: &str) {
        let mut root = self
            .server
            .root_with("cluster", Some(MariaDb::ROOT_PASSWORD));
        root.query_drop(statement).expect(statement);
    }

    fn rows(&mut self, query: &str) -> Vec<u8> {
        rows_of(
            &mut self
                .server
                .root_with("cluster", Some(MariaDb::ROOT_PASSWORD)),
            query,
        )
    }
}

#[test]
fn node_may_read_but_not_write() {
    let mut stage = WithAccounts {
        server: MariaDb::as_rocks_leaves_it(),
    };
    let (_, replayed) = replay(WITH_ACCOUNTS, &mut stage);
    assert_eq!(replayed, 12, "no recorded case is left out");
}

/// The names of the differences that `docs/compatibility.md` marks as recorded.
fn listed_differences() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let text = fs::read_to_string(path).expect("the list is there");
    let name = |line: &str| {
        let row = line.strip_prefix("| `")?;
        let (name, rest) = row.split_once('`')?;
        rest.contains("recorded").then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}
