//! `gpupci` against a real MariaDB: its answers, and its errors if the server fails.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    clippy::panic,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "mariadb/accounts.rs"]
mod accounts;
#[path = "mariadb/collation.rs"]
mod collation;
#[path = "mariadb/concurrent.rs"]
mod concurrent;
#[path = "mariadb/hostile_input.rs"]
mod hostile_input;
#[path = "mariadb/malicious_server.rs"]
mod malicious_server;
#[path = "mariadb/precedence.rs"]
mod precedence;
#[path = "mariadb/proxy.rs"]
mod proxy;
#[path = "mariadb/server_failures.rs"]
mod server_failures;
#[path = "mariadb/statements.rs"]
mod statements;

use std::sync::OnceLock;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use gpupt::database::Database;
use mysql::Conn;
use mysql::prelude::Queryable;
use support::TestHost;
use support::mariadb::MariaDb;

/// The time limit of a command whose server never answers: the deadline of 5 s, and a slow machine.
const PATIENCE: Duration = Duration::from_secs(9);
/// Far more time than any test needs: work that takes longer hangs.
const HANGS: Duration = Duration::from_secs(25);

/// The server with Rocks' accounts, which all tests share. They only read there, or each writes to
/// a host of its own.
fn rocks() -> &'static MariaDb {
    static SERVER: OnceLock<MariaDb> = OnceLock::new();
    SERVER.get_or_init(MariaDb::as_rocks_leaves_it)
}

/// The frontend of the recorded cluster, using the database at `url`.
fn frontend(url: &str) -> TestHost {
    let host = TestHost::named("fe.example.org").with_database(url);
    host.write("etc/hosts", "127.0.0.1 localhost\n");
    host
}

/// The frontend with a fresh database of the shared server, and a connection of root to it.
fn fresh() -> (TestHost, Conn) {
    let server = MariaDb::shared();
    let name = server.cluster();
    (frontend(&server.url("root", &name)), server.root(&name))
}

/// The library's view of the database that `host` uses.
fn library(host: &TestHost) -> Database {
    let url = host.database.as_deref().expect("it has a database");
    Database::at(url.parse().expect("a URL"))
}

/// Runs `work` and gives its result and its time; fails if it hangs.
#[track_caller]
fn timed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> (T, Duration) {
    let start = Instant::now();
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || sender.send(work()));
    let done = receiver.recv_timeout(HANGS).expect("it ends");
    (done, start.elapsed())
}

/// Polls until `happened` is true; fails if it never is.
#[track_caller]
fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + HANGS;
    while !happened() {
        assert!(Instant::now() < end, "{what}: never");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The number of other connections to this database that run a statement which starts so.
fn carried_out(root: &mut Conn, statement: &str) -> u64 {
    let query = "select count(*) from information_schema.processlist \
         where db = database() and id <> connection_id() and info like concat(?, '%')";
    let count = root.exec_first(query, (statement,));
    count.expect("root may look").expect("a count")
}

/// The number of other connections to this database.
fn connections(root: &mut Conn) -> u64 {
    let query = "select count(*) from information_schema.processlist \
         where db = database() and id <> connection_id()";
    root.query_first(query)
        .expect("root may look")
        .expect("a count")
}

/// The checksums of all tables.
fn checksums(root: &mut Conn) -> Vec<(String, Option<u64>)> {
    let tables: Vec<(String, String)> = root
        .query("show full tables where table_type = 'BASE TABLE'")
        .expect("there are tables");
    assert!(tables.len() > 10, "all tables of Rocks are there");
    let names: Vec<&str> = tables.iter().map(|(name, _)| name.as_str()).collect();
    let sums = root.query(format!("checksum table {}", names.join(", ")));
    sums.expect("tables have checksums")
}

/// The host's own attributes, as name and value, sorted.
fn own_attributes(root: &mut Conn, host: &str) -> Vec<(String, String)> {
    let query = "select a.Attr, a.Value from attributes a join catindex c on c.ID = a.Catindex \
         where a.Category = 5 and c.Name = ? and a.Attr like '%gpupci%' order by 1, 2";
    root.exec(query, (host,)).expect("root may look")
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    rows.iter().map(owned).collect()
}

/// Pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn one_of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}
