//! A MariaDB server for the tests: in a temporary folder, on a socket and on loopback. It ends with
//! the test.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use tempfile::TempDir;

/// The server's folders on Debian, Red Hat and others, if it is not in PATH.
const SERVERS: [&str; 4] = [
    "mariadbd",
    "/usr/sbin/mariadbd",
    "/usr/libexec/mariadbd",
    "mysqld",
];
const SYSTEM_TABLES: [&str; 2] = ["mysql_system_tables.sql", "mysql_system_tables_data.sql"];
/// Small and fast: the data need not survive the test.
const SMALL: [&str; 10] = [
    "--no-defaults",
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-data-file-path=ibdata1:2M:autoextend",
    "--innodb-autoextend-increment=1",
    "--innodb-temp-data-file-path=ibtmp1:2M:autoextend",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-use-native-aio=0",
];

/// The parent of the servers' folders: the path of a socket must be short.
const FOLDERS: &str = "/tmp";
/// The folder's name is this prefix and the pid of the test.
const PREFIX: &str = "gpupt-db-";

/// A running server.
pub struct MariaDb {
    pub folder: TempDir,
    pub port: u16,
    server: Child,
    databases: AtomicU32,
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
    }
}

impl MariaDb {
    /// The server that all tests of a process share.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<MariaDb> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// A server with its default accounts: root without a password.
    pub fn start() -> Self {
        sweep();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir_in(FOLDERS)
            .expect("a folder");
        bootstrap(folder.path());
        let port = free_port();
        let server = spawn(folder.path(), port);
        let started = Self {
            folder,
            port,
            server,
            databases: AtomicU32::new(0),
        };
        started.wait();
        started
    }

    /// A server as Rocks leaves it: the database `cluster`, Rocks' accounts, root with a password.
    pub fn as_rocks_leaves_it() -> Self {
        let server = Self::start();
        server.make_cluster("cluster");
        let mut root = server.root("cluster");
        root.query_drop(sql("grants.sql"))
            .expect("the grants are made");
        server
    }

    /// The password of root that [`as_rocks_leaves_it`](Self::as_rocks_leaves_it) sets.
    pub const ROOT_PASSWORD: &str = "s3cret./Az";

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    /// The URL of a database over the socket.
    pub fn url(&self, account: &str, database: &str) -> String {
        format!(
            "mysql://{account}@localhost/{database}?socket={}",
            self.socket().display()
        )
    }

    /// The URL of a database over TCP.
    pub fn tcp_url(&self, account: &str, database: &str) -> String {
        format!("mysql://{account}@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database with Rocks' tables and the recorded cluster; its name.
    pub fn cluster(&self) -> String {
        let name = format!("cluster{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.make_cluster(&name);
        name
    }

    fn make_cluster(&self, name: &str) {
        let create = format!("create database {name} character set latin1; use {name};");
        let mut root = self.root("mysql");
        root.query_drop(create).expect("the database is made");
        root.query_drop(sql("schema.sql"))
            .expect("the tables are made");
        root.query_drop(sql("world.sql"))
            .expect("the rows are made");
    }

    /// A connection as root without a password. Bytes are not converted.
    pub fn root(&self, database: &str) -> Conn {
        self.root_with(database, None)
    }

    pub fn root_with(&self, database: &str, password: Option<&str>) -> Conn {
        let options = OptsBuilder::new()
            .socket(Some(self.socket().display().to_string()))
            .user(Some("root"))
            .pass(password)
            .db_name(Some(database))
            .init(vec!["SET NAMES latin1"]);
        Conn::new(options).expect("root connects")
    }

    /// Kills the server at once, as in a crash.
    pub fn kill(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        let options = || {
            OptsBuilder::new()
                .socket(Some(self.socket().display().to_string()))
                .user(Some("root"))
        };
        while Conn::new(options()).is_err() {
            let log = log(self.folder.path());
            assert!(Instant::now() < end, "MariaDB does not start: {log}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The server's error log.
fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// Removes the folders of test runs that have ended.
fn sweep() {
    for entry in fs::read_dir(FOLDERS).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// An SQL file of the fixtures.
pub fn sql(name: &str) -> String {
    fs::read_to_string(super::fixture("rocks").join(name)).expect("the fixture is there")
}

fn program() -> &'static str {
    let works = |name: &&&str| Command::new(**name).arg("--version").output().is_ok();
    SERVERS
        .iter()
        .find(works)
        .expect("MariaDB's server is installed: see CONTRIBUTING.md")
}

fn server(folder: &Path) -> Command {
    // The server is killed when the thread that started it ends, so that none is left.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program()]).args(SMALL);
    if nix::unistd::geteuid().is_root() {
        command.arg("--user=root");
    }
    let log = File::create(folder.join("log")).expect("the log is made");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    command.arg(format!("--datadir={}", folder.join("data").display()));
    // Two servers that start at the same time would share temporary tables.
    command.arg(format!("--tmpdir={}", folder.display()));
    command
}

fn bootstrap(folder: &Path) {
    fs::create_dir_all(folder.join("data/mysql")).expect("the folder is made");
    let mut command = server(folder);
    command.args([
        "--bootstrap",
        "--enforce-storage-engine=",
        "--max-allowed-packet=8M",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut script =
        b"create database if not exists mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    for file in SYSTEM_TABLES {
        let places = ["/usr/share/mysql", "/usr/share/mariadb"];
        let found = places
            .iter()
            .find_map(|place| fs::read(Path::new(place).join(file)).ok());
        script.extend(found.expect("MariaDB's system tables are installed"));
    }
    child
        .stdin
        .take()
        .expect("stdin is a pipe")
        .write_all(&script)
        .expect("the server reads");
    let status = child.wait().expect("the server ends");
    assert!(status.success(), "{status}: {}", log(folder));
}

/// Starts the server in a thread that runs as long as this process.
fn spawn(folder: &Path, port: u16) -> Child {
    let mut command = server(folder);
    command
        .arg(format!("--socket={}", folder.join("sock").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"))
        .args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--performance-schema=OFF",
        ])
        .args([
            "--key-buffer-size=1M",
            "--aria-pagecache-buffer-size=1M",
            "--max-connections=40",
        ]);
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        sender
            .send(command.spawn().expect("the server starts"))
            .expect("somebody waits");
        loop {
            thread::park();
        }
    });
    receiver.recv().expect("the server starts")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    listener.local_addr().expect("it has an address").port()
}
