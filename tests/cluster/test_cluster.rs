//! The recorded cluster, on either database.

use std::fs;

use gpupt::rocks::Text;
use mysql::prelude::Queryable;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::TestHost;
use crate::support::mariadb::{MariaDb, sql};

/// A database with the hosts and guests of the recorded cluster, and no card.
pub struct TestCluster {
    url: String,
    file: Option<TempDir>,
}

/// Runs `test` on both databases.
pub fn on_both(test: impl Fn(&TestCluster)) {
    test(&TestCluster::rocks());
    test(&TestCluster::embedded());
}

impl TestCluster {
    /// The cluster on Rocks' database.
    pub fn rocks() -> Self {
        let server = MariaDb::shared();
        Self {
            url: server.url("root", &server.cluster()),
            file: None,
        }
    }

    /// The cluster on the embedded database.
    pub fn embedded() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cluster.db");
        let stage = Self {
            url: format!("sqlite:{}", path.display()),
            file: Some(folder),
        };
        let first = stage.machine("fe").line("host add first gpupci1 02:00.0");
        assert_eq!(first.code, Some(0), "{}", first.stderr);
        let tables = "attributes catindex resolvechain categories vm_nodes networks subnets \
             aliases nodes memberships appliances";
        for table in tables.split(' ') {
            stage.execute(&format!("delete from {table}"));
        }
        stage.execute(&sql("world.sql"));
        stage
    }

    /// Whether this is Rocks' database.
    pub fn is_rocks(&self) -> bool {
        self.file.is_none()
    }

    /// The frontend.
    pub fn frontend(&self) -> TestHost {
        self.machine("fe.example.org")
    }

    /// The host of the manual, with its cards: `vm-container-0-15`.
    pub fn vm_container(&self) -> TestHost {
        TestHost::unpacked("manual.tree").with_database(&self.url)
    }

    /// A host of this name.
    pub fn machine(&self, name: &str) -> TestHost {
        let host = TestHost::named(name).with_database(&self.url);
        host.write("etc/hosts", "127.0.0.1 localhost\n");
        host
    }

    /// Runs SQL statements that both databases understand.
    pub fn execute(&self, statements: &str) {
        match &self.file {
            None => {
                let (_, database) = self.url.split_once("@localhost/").expect("a database");
                let database = database.split('?').next().unwrap_or_default();
                let mut root = MariaDb::shared().root(database);
                root.query_drop(statements).expect(statements);
            }
            Some(folder) => {
                let connection = open(&folder.path().join("cluster.db"));
                connection.execute_batch(statements).expect(statements);
            }
        }
    }

    /// Inserts an attribute for a member of a category, by its id, without any check.
    pub fn insert(&self, member: u32, name: &str, value: &str) {
        self.execute(&format!(
            "insert into attributes (Attr, Value, Category, Catindex) \
             select '{name}', '{value}', Category, ID from catindex where ID = {member}"
        ));
    }
}

/// The embedded database at `path`, with its own collation.
pub fn open(path: &std::path::Path) -> Connection {
    assert!(fs::metadata(path).is_ok(), "{}", path.display());
    let connection = Connection::open(path).expect("the file opens");
    connection
        .create_collation("latin1_swedish_ci", |a: &str, b: &str| {
            Text::from(a).collate(&Text::from(b))
        })
        .expect("a collation");
    connection
}
