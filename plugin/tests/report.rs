//! `rocks report host vm config` with the plugin: what it needs, what it asks, and what it says.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mysql::Conn;
use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;
use support::frontend::{Frontend, pythons, with_every_python, xml};
use support::mariadb::MariaDb;
use support::{gpupci, output, repository};

const REPORT: [&str; 4] = ["report", "host", "vm", "config"];

/// The report of a guest on a frontend where nothing of gpupt works: its exit status and its output.
fn without_gpupt(frontend: &Frontend, server: &MariaDb, guest: &str) -> (Option<i32>, String) {
    let folder = frontend.root.path().join("etc");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("gpupt.toml"), "no = 'settings'\n").expect("a file");
    let mut command = frontend.command(server, &[&REPORT[..], &[guest]].concat());
    let said = command
        .env("GPUPT_LIBRARY", "/nonexistent/libgpupt.so")
        .env_remove("GPUPT_DATABASE")
        .output();
    fs::remove_dir_all(folder).expect("it was there");
    let said = said.expect("Python starts");
    (
        said.status.code(),
        String::from_utf8_lossy(&said.stdout).into_owned(),
    )
}

#[test]
fn guest_without_the_attribute_needs_nothing_of_gpupt() {
    with_every_python(|frontend, server| {
        frontend.rocks(server, "add host gpu rocks-34 gpupci 02:00.0");
        let report = without_gpupt(frontend, server, "rocks-33");
        assert_eq!(report, (Some(0), xml("rocks-33.xml")));
        let (code, said) = without_gpupt(frontend, server, "rocks-34");
        assert_eq!(code, Some(1));
        assert!(
            said.starts_with("Error: cannot load the gpupt library\n"),
            "{said}"
        );
    });
}

/// Rocks' own database knows nothing of the cards in another one.
#[test]
fn guest_gets_its_card_from_another_database_than_that_of_rocks() {
    with_every_python(|frontend, server| {
        let other = server.cluster();
        let statement = "insert into attributes (Attr, Value, Category, Catindex) \
             select 'gpupci', 'pci_0000_02_00_0', Category, ID from catindex where ID = 16";
        server.root(&other).query_drop(statement).expect("a row");
        let url = server.url("root", &other);
        let words = [&REPORT[..], &["rocks-33"]].concat();
        let mut named = frontend.command(server, &words);
        let with_card = xml("rocks-33-with-card.xml");
        assert_eq!(output(named.env("GPUPT_DATABASE", &url)), with_card);
        // What the settings name is below the root.
        let below = |path: &Path| {
            frontend
                .root
                .path()
                .join(path.strip_prefix("/").unwrap_or(path))
        };
        let socket = below(&server.socket());
        fs::create_dir_all(socket.parent().expect("a folder")).expect("it is made");
        std::os::unix::fs::symlink(server.socket(), socket).expect("a link");
        let folder = frontend.root.path().join("etc");
        fs::create_dir_all(&folder).expect("a folder");
        for key in [
            "database",
            " \tdatabase",
            "'database'",
            "stub = 'auto'\r\n\"database\"",
        ] {
            let settings = format!("{key} = '{url}'\n");
            fs::write(folder.join("gpupt.toml"), settings).expect("a file");
            let mut set = frontend.command(server, &words);
            assert_eq!(output(set.env_remove("GPUPT_DATABASE")), with_card, "{key}");
        }
    });
}

/// Whatever may give a guest a card lets it through to the library.
#[test]
fn attribute_counts_in_every_category_and_as_the_tables_compare_names() {
    with_every_python(|frontend, server| {
        let mut root = server.root(&frontend.database);
        let set = |root: &mut Conn, name: &str, member: i64| {
            let statement = "insert into attributes (Attr, Value, Category, Catindex) \
                 select ?, 'pci_0000_02_00_0', Category, ID from catindex where ID = ?";
            root.query_drop("delete from attributes where Attr like 'gpupci%'")
                .expect("none");
            root.exec_drop(statement, (name, member)).expect("a row");
        };
        // All hosts, those with Linux, hosted-vm, rocks-33 itself.
        for member in [1, 2, 12, 16] {
            for name in ["gpupci", "gpupci  ", "GpuPCI"] {
                set(&mut root, name, member);
                let (code, _) = without_gpupt(frontend, server, "rocks-33");
                assert_eq!(code, Some(1), "{name} of {member}");
            }
            set(&mut root, "gpupci", member);
            let report = frontend.rocks(server, "report host vm config rocks-33");
            assert_eq!(report, xml("rocks-33-with-card.xml"), "{member}");
        }
        root.query_drop("update catindex set Name = 'ROCKS-33 ' where ID = 16")
            .expect("a name");
        let report = frontend.rocks(server, "report host vm config rocks-33");
        assert_eq!(report, xml("rocks-33-with-card.xml"));
        // Those with another system, VM containers, another guest.
        for member in [3, 11, 17] {
            set(&mut root, "gpupci", member);
            let report = without_gpupt(frontend, server, "rocks-33");
            assert_eq!(report, (Some(0), xml("rocks-33.xml")), "{member}");
        }
    });
}

/// What the account of a test has done so far: connections, and statements of any kind.
fn done_by(root: &mut Conn, account: &str) -> (u64, u64) {
    let query = "select total_connections, select_commands + update_commands + other_commands \
         from information_schema.user_statistics where user = ?";
    let row = root.exec_first(query, (account,)).expect("root may look");
    row.unwrap_or_default()
}

#[test]
fn report_of_500_guests_connects_once_and_only_if_one_has_a_card() {
    let server = MariaDb::shared();
    let pythons = pythons();
    let frontend = Frontend::new(pythons.first().expect("a Python"), server);
    let mut root = server.root(&frontend.database);
    for statement in [
        "set global userstat = 1",
        "create user counted@localhost",
        "insert into nodes (Name, Membership, CPUs, OS) select concat('guest-', seq), 8, 4, 'linux' from seq_1_to_500",
        "insert into vm_nodes (PhysNode, Node, Mem, Virt_Type) select 2, ID, 8192, 'hvm' from nodes where Name like 'guest-%'",
        "insert into catindex (Name, Category) select Name, 5 from nodes where Name like 'guest-%'",
    ] {
        root.query_drop(statement).expect(statement);
    }
    root.query_drop(format!(
        "grant select on {}.* to counted@localhost",
        frontend.database
    ))
    .expect("a grant");
    let (code, said) = without_gpupt(&frontend, server, "guest-%");
    assert_eq!((code, said.matches("<hostdev").count()), (Some(0), 0));
    assert_eq!(said.matches("<domain ").count(), 500);
    let report = || {
        let mut command = frontend.command(server, &[&REPORT[..], &["guest-%"]].concat());
        let url = server.url("counted", &frontend.database);
        output(command.env("GPUPT_DATABASE", url))
            .matches("<hostdev")
            .count()
    };
    let all = "insert into attributes (Attr, Value, Category, Catindex) \
         select 'gpupci', 'pci_0000_02_00_0', 5, ID from catindex where Name like 'guest-%'";
    root.query_drop(all).expect("500 rows");
    // One statement sets up the connection, one reads the cluster.
    assert_eq!((report(), done_by(&mut root, "counted")), (500, (1, 2)));
}

#[test]
fn plugin_asks_newdb_first_and_the_library_when_in_doubt() {
    let server = MariaDb::shared();
    for python in pythons() {
        let frontend = Frontend::new(&python, server);
        let mut check = Command::new(&python);
        let packages = frontend.root.path().join("site-packages");
        output(
            check
                .arg("-B")
                .arg(repository().join("plugin/tests/plugin_device.py"))
                .arg(packages),
        );
    }
}

#[test]
fn missing_module_of_the_plugin_is_reported() {
    with_every_python(|frontend, server| {
        frontend.rocks(server, "add host gpu rocks-33 gpupci 02:00.0");
        fs::remove_file(frontend.package("gpupt_library.py")).expect("it was there");
        let said = frontend.rocks_fails(server, &[&REPORT[..], &["rocks-33"]].concat());
        assert!(
            said.starts_with("Error: cannot load rocks/gpupt_library.py"),
            "{said}"
        );
    });
}

/// The former gpupt had a second plugin, which Rocks goes on to run if its file stays.
#[test]
fn leftover_plugin_global_is_named_once_per_report() {
    const FORMER: &str = "EMULATOR = '/opt/gpupt-qemu/bin/qemu-system-x86_64'\n";
    with_every_python(|frontend, server| {
        let words = [&REPORT[..], &["rocks-33", "rocks-34"]].concat();
        let report = || {
            let said = frontend
                .command(server, &words)
                .output()
                .expect("Python starts");
            assert!(said.status.success());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(&said.stdout), text(&said.stderr))
        };
        let (usual, silence) = report();
        assert_eq!(silence, "");
        let folder = frontend.package("commands/report/host/vm/config");
        let (source, compiled) = (
            folder.join("plugin_global.py"),
            folder.join("plugin_global.pyc"),
        );
        let remedy = format!(
            "  try:   rm -f {} {}\n",
            source.display(),
            compiled.display()
        );
        for file in [&source, &compiled] {
            fs::write(file, FORMER).expect("a file");
            let (stdout, stderr) = report();
            assert_eq!(stdout, usual);
            let named = format!("gpupt: {} ", file.display());
            assert!(
                stderr.starts_with(&named) && stderr.ends_with(&remedy),
                "{stderr}"
            );
            assert_eq!(stderr.matches("gpupt: ").count(), 1);
            fs::remove_file(file).expect("it was there");
        }
        fs::write(&source, "# A plugin of this site.\n").expect("a file");
        assert_eq!(report(), (usual, String::new()));
    });
}

/// What the hook says when it refuses a start, as libvirt passes it on.
fn refusal(frontend: &Frontend) -> String {
    let mut hook = Command::new(gpupci().with_file_name("qemu"));
    hook.args(["rocks-33", "prepare", "begin", "-"])
        .env("GPUPT_ROOT", frontend.root.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut hook = hook.spawn().expect("the hook starts");
    let mut stdin = hook.stdin.take().expect("a pipe");
    stdin.write_all(b"<nonsense").expect("it reads");
    drop(stdin);
    let said = hook.wait_with_output().expect("it ends");
    assert_eq!(said.status.code(), Some(1));
    String::from_utf8_lossy(&said.stderr).trim_end().to_owned()
}

/// Rocks hides an error of libvirt that looks to it like a missing disk.
#[test]
fn refusal_of_the_hook_reaches_the_administrator_of_rocks() {
    with_every_python(|frontend, server| {
        let start = |error: &str| {
            let mut start = frontend.command(server, &["start", "host", "vm", "rocks-33"]);
            let error = format!("Hook script execution failed: internal error: {error}");
            let said = start.env("ROCKS_STANDIN_LIBVIRT", error).output();
            let said = said.expect("Python starts");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(&said.stdout), text(&said.stderr))
        };
        let refusal = refusal(frontend);
        let (stdout, stderr) = start(&refusal);
        assert!(
            stdout.contains("rocks-33 cannot start") && stdout.contains(&refusal),
            "{stdout}"
        );
        assert_eq!(stderr, "");
        let (stdout, stderr) = start(&format!("{refusal} No such file or directory"));
        assert_eq!(
            stdout,
            "Error: unable to boot the virtual machine\n{host}...\n"
        );
        assert_eq!(stderr, "rocks-create-vm-disks --hostname=rocks-33\n");
    });
}
