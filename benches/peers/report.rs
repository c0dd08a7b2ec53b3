//! `rocks report host vm config` of many guests with gpupt's plugin, beside the same report without it.
//!
//! Rocks is the stand-in of the tests. Per guest it sends as many statements as Rocks does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mysql::prelude::Queryable;

use crate::support::mariadb::MariaDb;
use crate::{medians, quietly};

const GUESTS: usize = 500;
const PLUGIN: &str = "rocks/commands/report/host/vm/config/plugin_device.py";
const CARDS: &str = "insert into attributes (Attr, Value, Category, Catindex) \
    select 'gpupci', 'pci_0000_02_00_0', 5, ID from catindex where Name like 'guest-%'";

pub fn measure() {
    let Some(library) = std::env::var_os("GPUPT_LIBRARY") else {
        println!(
            "the report of a Rocks cluster is not measured: GPUPT_LIBRARY names no libgpupt.so"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let site = |name: &str| merged(&folder.path().join(name));
    let (with, without) = (site("with"), site("without"));
    fs::remove_file(without.join(PLUGIN)).expect("the plugin is there");
    let server = MariaDb::shared();
    println!("rocks report host vm config of {GUESTS} guests");
    for (who, cards) in [
        ("no guest has a card", None),
        ("all have a card", Some(CARDS)),
    ] {
        let database = server.cluster();
        fill(server, &database, cards);
        let url = server.url("root", &database);
        let report = |site: &Path| {
            let mut rocks = Command::new("python3");
            rocks.arg("-B").arg(standin("rocks_command.py"));
            rocks.args(["report", "host", "vm", "config", "guest-%"]);
            rocks.env("PYTHONPATH", site).env("ROCKS_STANDIN_ROOT", "1");
            rocks.env("ROCKS_STANDIN_SOCKET", server.socket());
            rocks.env("ROCKS_STANDIN_DATABASE", &database);
            rocks.env("GPUPT_LIBRARY", &library);
            // Without settings of its own: else the plugin asks the library for every guest.
            rocks.env("GPUPT_ROOT", folder.path());
            if cards.is_some() {
                rocks.env("GPUPT_DATABASE", &url);
            }
            quietly(&mut rocks);
        };
        let (ours, theirs) = medians(|| report(&with), || report(&without));
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        println!("  {who}");
        println!("    with the plugin             {:8.1} ms", ms(ours));
        println!("    without it                  {:8.1} ms", ms(theirs));
        let ratio = ms(ours) / ms(theirs);
        println!("    ratio                       {ratio:8.2} x  (wanted: at most 1.05)");
    }
}

fn standin(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/rocks_standin")
        .join(file)
}

/// The stand-in with gpupt's commands and plugin, in `folder`.
fn merged(folder: &Path) -> PathBuf {
    let mut merge = Command::new("python3");
    quietly(merge.arg(standin("merge.py")).arg(folder));
    folder.to_owned()
}

/// Gives the cluster its guests, all on one host.
fn fill(server: &MariaDb, database: &str, cards: Option<&str>) {
    let mut root = server.root(database);
    let nodes = format!(
        "insert into nodes (Name, Membership, CPUs, OS) \
         select concat('guest-', seq), 8, 4, 'linux' from seq_1_to_{GUESTS}"
    );
    let guests = "insert into vm_nodes (PhysNode, Node, Mem, Virt_Type) \
         select 2, ID, 8192, 'hvm' from nodes where Name like 'guest-%'";
    let members = "insert into catindex (Name, Category) \
         select Name, 5 from nodes where Name like 'guest-%'";
    let analyze = "analyze table nodes, catindex, attributes, vm_nodes";
    for statement in [&nodes, guests, members]
        .into_iter()
        .chain(cards)
        .chain([analyze])
    {
        root.query_drop(statement).expect(statement);
    }
}
