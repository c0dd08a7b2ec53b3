//! Accounts and permissions, discovery of the server, and passwords that must not be printed.

use std::os::unix::fs::symlink;

use mysql::prelude::Queryable;
use nix::unistd::geteuid;
use pretty_assertions::assert_eq;

use crate::support::mariadb::MariaDb;
use crate::support::{RunOutput, TestHost};
use crate::{checksums, frontend, own_attributes, pairs, rocks};

const NOBODY_MAY: &str = "\n  try:   run this as root, on a Rocks cluster on its frontend\n";

#[test]
fn wrong_password_exits_with_9() {
    let server = rocks();
    for account in ["root:s3cret-no", "root", "apache:apache"] {
        let url = server.url(account, "cluster");
        let said = frontend(&url).line("host list");
        let user = account.split(':').next().unwrap_or_default();
        let shown = server.url(user, "cluster");
        let expected = format!(
            "gpupci: {shown} refused the login\n  \
             cause: Access denied for user '{user}'@'localhost' (using password: {}) (error 1045)\n  \
             state: nothing was changed\n  \
             try:   check the user and the password; on Rocks, root's password is in /root/.rocks.my.cnf\n",
            if account.contains(':') { "YES" } else { "NO" }
        );
        assert_eq!((said.code, said.stderr), (Some(9), expected));
    }
}

#[test]
fn database_without_access_exits_with_9() {
    let said = frontend(&rocks().tcp_url("nobody", "mysql")).line("host list");
    assert_eq!(
        (said.code, said.text().as_str()),
        (Some(9), ""),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains(" (error 1044)\n"), "{}", said.stderr);
}

#[test]
fn anonymous_user_may_only_read_and_apache_may_write() {
    let server = rocks();
    let mut root = server.root_with("cluster", Some(MariaDb::ROOT_PASSWORD));
    let apache = frontend(&server.url("apache:apache.pw", "cluster"));
    let nobody = frontend(&server.tcp_url("whoever", "cluster"));
    for line in [
        "add compute-0-0 gpupci1 02:00.0",
        "set compute-0-0 gpupci1 03:00.0",
    ] {
        assert_eq!(apache.line(&format!("host {line}")).answer(), "");
    }
    let rows = pairs(&[
        ("gpupci1", "pci_0000_03_00_0"),
        ("gpupci1_old", "pci_0000_02_00_0"),
    ]);
    assert_eq!(own_attributes(&mut root, "compute-0-0"), rows);
    for line in [
        "add compute-0-0 gpupci2 02:00.0",
        "set compute-0-0 gpupci1 02:00.0",
        "remove compute-0-0 gpupci1",
    ] {
        let said = nobody.line(&format!("host {line}"));
        let first = format!(
            "gpupci: permission denied on {}\n",
            server.tcp_url("whoever", "cluster")
        );
        assert!(said.stderr.starts_with(&first), "{}", said.stderr);
        assert!(said.stderr.contains(" denied to user "), "{}", said.stderr);
        assert!(said.stderr.ends_with(NOBODY_MAY), "{}", said.stderr);
        assert_eq!((said.code, said.text().as_str()), (Some(9), ""));
        assert_eq!(own_attributes(&mut root, "compute-0-0"), rows, "{line}");
    }
    assert_eq!(
        nobody.line("host report compute-0-0").answer(),
        "gpupci1:pci_0000_03_00_0\n"
    );
    assert_eq!(apache.line("host remove compute-0-0 gpupci1").answer(), "");
    assert_eq!(own_attributes(&mut root, "compute-0-0"), vec![]);
}

#[test]
fn change_on_a_read_only_server_exits_with_9() {
    let server = MariaDb::start();
    let database = server.cluster();
    let mut root = server.root(&database);
    let create = "create user writer; grant select, insert, update, delete on *.* to writer";
    for statement in create.split(';').chain(["set global read_only = 1"]) {
        root.query_drop(statement).expect(statement);
    }
    let before = checksums(&mut root);
    let host = frontend(&server.url("writer", &database));
    let said = host.line("-q host add rocks-33 gpupci 02:00.0");
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    assert!(said.stderr.contains("read-only"), "{}", said.stderr);
    assert_eq!(host.line("host list").answer(), "");
    assert_eq!(checksums(&mut root), before);
}

/// A host on which Rocks is installed.
fn with_rocks(name: &str) -> TestHost {
    let host = TestHost::named(name);
    host.write("opt/rocks/bin/rocks", "#!/opt/rocks/bin/python\n");
    host.write("etc/hosts", "127.0.0.1 localhost\n");
    host
}

/// The account that gpupci uses for a discovered database.
fn own_user() -> String {
    let user = nix::unistd::User::from_uid(geteuid()).expect("users are known");
    user.map_or_else(|| "nobody".to_owned(), |user| user.name)
}

#[test]
fn frontend_finds_its_own_server_and_password() {
    let server = rocks();
    let host = with_rocks("fe.example.org");
    host.write("var/opt/rocks/mysql/note", "");
    symlink(server.socket(), host.path("var/opt/rocks/mysql/mysql.sock")).expect("a link");
    let password = format!("[client]\npassword\t= {}\n", MariaDb::ROOT_PASSWORD);
    host.write("root/.rocks.my.cnf", &password);
    host.write(
        "opt/rocks/mysql/my.cnf",
        "[client]\nuser = rocksdb\npassword\t= apache.pw\n",
    );
    let may_write = ["root", "apache"].contains(&own_user().as_str());

    let mut root = server.root_with("cluster", Some(MariaDb::ROOT_PASSWORD));
    let said = host.line("-q host add fe gpupci7 02:00.0");
    let rows = if may_write {
        pairs(&[("gpupci7", "pci_0000_02_00_0")])
    } else {
        vec![]
    };
    assert_eq!(
        said.code,
        Some(if may_write { 0 } else { 9 }),
        "{}",
        said.stderr
    );
    assert_eq!(own_attributes(&mut root, "fe"), rows);
    let shown = if may_write {
        "gpupci7:pci_0000_02_00_0\n"
    } else {
        ""
    };
    assert_eq!(host.line("host report localhost").answer(), shown);
    if may_write {
        assert_eq!(host.line("host remove fe gpupci7").answer(), "");
    }
}

#[test]
fn outdated_password_names_the_file_that_keeps_it() {
    let server = rocks();
    let host = with_rocks("fe.example.org");
    host.write("var/opt/rocks/mysql/note", "");
    symlink(server.socket(), host.path("var/opt/rocks/mysql/mysql.sock")).expect("a link");
    for file in ["root/.rocks.my.cnf", "opt/rocks/mysql/my.cnf"] {
        host.write(file, "password = yesterdays\n");
    }
    let said = host.line("host list");
    if ["root", "apache"].contains(&own_user().as_str()) {
        assert_eq!(said.code, Some(9), "{}", said.stderr);
        assert!(
            said.stderr.contains("/root/.rocks.my.cnf"),
            "{}",
            said.stderr
        );
    } else {
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
    assert!(!said.stderr.contains("yesterdays"), "{}", said.stderr);
}

#[test]
fn node_connects_to_the_host_named_in_the_rocks_library() {
    let host = with_rocks("vm-container-0-15.local");
    let library = "opt/rocks/lib/python2.7/site-packages/rocks/__init__.py";
    host.write("var/cluster/frontend", "127.0.0.3\n");
    assert_refused_by(&host, "127.0.0.3");
    host.write(library, "import os\n\nDatabaseHost = \"127.0.0.2\"\n");
    assert_refused_by(&host, "127.0.0.2");
    // A host with the socket is the frontend itself, whatever the library names.
    host.write("var/opt/rocks/mysql/mysql.sock", "no socket");
    let said = host.line("host list");
    let socket = host.path("var/opt/rocks/mysql/mysql.sock");
    let first = format!(
        "gpupci: cannot connect to mysql://{}@localhost/cluster?socket={}\n",
        own_user(),
        socket.display()
    );
    assert!(said.stderr.starts_with(&first), "{}", said.stderr);
}

#[track_caller]
fn assert_refused_by(host: &TestHost, address: &str) {
    let said = host.line("host list");
    let first = format!(
        "gpupci: cannot connect to mysql://{}@{address}:40000/cluster\n",
        own_user()
    );
    assert!(said.stderr.starts_with(&first), "{}", said.stderr);
    assert!(
        said.stderr.contains("Connection refused"),
        "{}",
        said.stderr
    );
    assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
}

#[test]
fn database_option_precedes_environment_settings_and_rocks() {
    let host = with_rocks("fe.example.org");
    let names = ["file", "environment", "option"];
    let url = |name: &str| format!("sqlite:{}", host.path(name).display());
    for name in names {
        let add = [
            "--database",
            &url(name),
            "-q",
            "host",
            "add",
            name,
            "gpupci1",
            "02:00.0",
        ];
        assert_eq!(host.gpupci(&add).answer(), "");
    }
    let hosts = |said: RunOutput| said.answer();
    let columns = ["host", "list", "output-col=host", "output-header=no"];
    assert_eq!(
        host.gpupci(&columns).code,
        Some(1),
        "Rocks has no server here"
    );
    host.write("etc/gpupt.toml", "database = \"sqlite:/file\"\n");
    assert_eq!(
        hosts(host.gpupci(&columns)),
        "file:\n",
        "its path is one of this machine"
    );
    let environment = url("environment");
    let host = host.with_database(&environment);
    assert_eq!(hosts(host.gpupci(&columns)), "environment:\n");
    let url = format!("sqlite:{}", host.path("option").display());
    let said = host.gpupci(&[&["--database", &url], columns.as_slice()].concat());
    assert_eq!(hosts(said), "option:\n");
}

#[test]
fn url_without_a_database_is_refused() {
    let host = TestHost::named("fe");
    host.write("etc/gpupt.toml", "database = \"postgres://fe/cluster\"\n");
    let said = host.line("host list");
    assert!(matches!(said.code, Some(1 | 2)), "{}", said.stderr);
    assert!(
        said.stderr
            .contains("invalid database URL: expected mysql://"),
        "{}",
        said.stderr
    );
    assert_eq!(said.text(), "");
    for url in [
        "postgres://root@fe/cluster",
        "mysql://root@fe",
        "mysql://fe/cluster",
        "sqlite:",
    ] {
        let said = TestHost::named("fe").with_database(url).line("host list");
        assert_eq!(
            (said.code, said.text().as_str()),
            (Some(2), ""),
            "{}",
            said.stderr
        );
    }
}

/// In every error of a connection or its configuration.
#[test]
fn passwords_are_never_printed() {
    let secret = "s3cret.Az";
    let server = rocks();
    let port = server.port;
    let urls = [
        format!(
            "mysql://root:{secret}@localhost/cluster?socket={}",
            server.socket().display()
        ),
        format!("mysql://root:{secret}@127.0.0.1:{port}/cluster"),
        format!("mysql://root:{secret}@127.0.0.1:{port}/mysql"),
        format!("mysql://root:{secret}@127.0.0.1:1/cluster"),
        format!("mysql://root:{secret}@127.0.0.1:99999/cluster"),
        format!("mysql://root:{secret}@nosuch.invalid/cluster"),
        format!("mysql://root:{secret}@/cluster"),
        format!("mysql://root:{secret}@fe"),
        format!("mysql://root:{secret}@fe/cluster?password={secret}"),
        format!("mysq://root:{secret}@fe/cluster"),
        format!("mysql:root:{secret}@fe/cluster"),
    ];
    for url in &urls {
        let file = TestHost::named("fe");
        file.write("etc/gpupt.toml", &format!("database = {url:?}\n"));
        let broken = TestHost::named("fe");
        broken.write(
            "etc/gpupt.toml",
            &format!("database = {url:?} # and\nvendors = 7\n"),
        );
        let unclosed = TestHost::named("fe");
        unclosed.write("etc/gpupt.toml", &format!("database = \"{url}\n"));
        let mistyped = TestHost::named("fe");
        mistyped.write("etc/gpupt.toml", &format!("databse = {url:?}\n"));
        let option = TestHost::named("fe");
        for (host, more) in [
            (frontend(url), None),
            (file, None),
            (broken, None),
            (unclosed, None),
            (mistyped, None),
            (option, Some(url)),
        ] {
            let option = more.map(|url| ["--database", url.as_str()]);
            let words = option.into_iter().flatten();
            let said = host.gpupci(
                &words
                    .chain(["host", "set", "fe", "gpupci1", "02:00.0"])
                    .collect::<Vec<_>>(),
            );
            assert_ne!(said.code, Some(0), "{url}");
            assert!(!said.stderr.contains(secret), "{}", said.stderr);
            assert_eq!(said.text(), "");
        }
    }
    for line in ["--help", "host --help", "host list --nosuch"] {
        let said = frontend(&urls[0]).line(line);
        assert!(
            !format!("{}{}", said.text(), said.stderr).contains(secret),
            "{line}"
        );
    }
}
