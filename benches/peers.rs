//! How fast, beside programs that everybody has, in one run on the same input: `make bench`.
//!
//! Figures are medians of whole runs, the two sides taking turns; the ratio is what counts.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

#[path = "peers/hook.rs"]
mod hook;
#[path = "peers/look.rs"]
mod look;
#[path = "peers/report.rs"]
mod report;
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gpupt::domain_xml::splice;
use gpupt::pci::PciAddress;
use mysql::prelude::Queryable;
use support::mariadb::MariaDb;
use support::{fixture, gpupci};

const TURNS: usize = 15;
const HOSTS: usize = 10_000;
const CARDS: usize = 4;

/// What `gpupci host list` shows, by one query of somebody who knows that nothing is inherited.
const SAME_ROWS: &str = "select n.Name, a.Attr, a.Value from nodes n \
    join catindex c on c.Name = n.Name \
    join categories g on g.ID = c.Category and g.Name = 'host' \
    join attributes a on a.Catindex = c.ID and a.Category = g.ID \
    where a.Attr like 'gpupci%' order by n.ID, a.Attr";

fn main() {
    hook::measure();
    look::measure();
    cards();
    splicing();
    listing();
    report::measure();
}

/// Finding the cards of a host, beside the program that the original asked for them.
fn cards() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = large_host(folder.path());
    let bus = root.join("sys/bus/pci");
    let functions = give_config(&bus.join("devices"));
    let (ours, theirs) = medians(
        || quietly(gpupci().arg("-l").env("GPUPT_ROOT", &root)),
        || {
            let mut lspci = Command::new("lspci");
            let path = format!("sysfs.path={}", bus.display());
            lspci.args(["-A", "linux-sysfs", "-O", &path, "-D", "-d", "10de:"]);
            quietly(&mut lspci);
        },
    );
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("finding the cards among {functions} PCI functions");
    println!(
        "  gpupci -l                     {:8.1} ms",
        ours.as_secs_f64() * 1e3
    );
    println!(
        "  lspci -D -d 10de:             {:8.1} ms",
        theirs.as_secs_f64() * 1e3
    );
    println!("  ratio                         {ratio:8.2} x  (wanted: at most 1)");
}

/// A host with 8 cards and 200 PCI functions, made of files in `folder`: its root.
fn large_host(folder: &Path) -> PathBuf {
    let (tree, root) = (folder.join("tree"), folder.join("root"));
    let large = Command::new("sh").arg(fixture("hosts/large.sh")).output();
    fs::write(&tree, large.expect("a tree").stdout).expect("the tree is kept");
    let mut unpack = Command::new("sh");
    quietly(unpack.arg(fixture("hosts/unpack.sh")).args([&tree, &root]));
    root
}

/// Gives each function the configuration space that `lspci` asks for (and wakes cards by); we read
/// none. How many functions there are.
fn give_config(devices: &Path) -> usize {
    let folders = fs::read_dir(devices).expect("a bus");
    let give = |entry: std::io::Result<fs::DirEntry>| {
        let folder = entry.expect("an entry").path();
        let fact = |name| {
            let text = fs::read_to_string(folder.join(name)).expect(name);
            u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).expect("a number")
        };
        let mut config = [0; 64];
        let ids = fact("vendor") | fact("device") << 16;
        config[..4].copy_from_slice(&ids.to_le_bytes());
        config[8..12].copy_from_slice(&(fact("class") << 8).to_le_bytes());
        fs::write(folder.join("config"), config).expect("a file");
        fs::write(folder.join("irq"), "0\n").expect("a file");
        fs::write(folder.join("resource"), "0x0 0x0 0x0\n".repeat(7)).expect("a file");
    };
    folders.map(give).count()
}

/// The median times of two pieces of work that take turns, after one turn that does not count.
fn medians(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (Duration, Duration) {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..=TURNS {
        let start = Instant::now();
        ours();
        let middle = Instant::now();
        theirs();
        times.0.push(middle - start);
        times.1.push(middle.elapsed());
    }
    let median = |mut times: Vec<Duration>| {
        times.remove(0);
        times.sort();
        times[times.len() / 2]
    };
    (median(times.0), median(times.1))
}

fn splicing() {
    let folder = std::env::var_os("GPUPT_CORPUS").map_or_else(|| fixture("domains"), PathBuf::from);
    let mut files = Vec::new();
    find_xml(&folder, &mut files);
    let documents: Vec<Vec<u8>> = files
        .iter()
        .map(|file| fs::read(file).expect("a file is read"))
        .collect();
    let bytes: usize = documents.iter().map(Vec::len).sum();
    let card: PciAddress = "0000:02:00.0".parse().expect("an address");
    let mut spliced = 0;
    let (ours, theirs) = medians(
        || {
            spliced = documents
                .iter()
                .filter(|xml| splice(xml, &[card]).is_ok())
                .count();
        },
        || {
            let mut xmllint = Command::new("xmllint");
            xmllint.arg("--noout").args(&files).stderr(Stdio::null());
            xmllint.status().expect("xmllint is installed");
        },
    );
    let rate = |time: Duration| bytes as f64 / time.as_secs_f64() / 1e6;
    println!(
        "splicing {} files, {bytes} bytes, {spliced} of them domains",
        files.len()
    );
    println!("  gpupt, all in memory          {:8.1} MB/s", rate(ours));
    println!("  xmllint --noout, one process  {:8.1} MB/s", rate(theirs));
    println!(
        "  ratio                         {:8.1} x  (wanted: at least 2.5)",
        rate(ours) / rate(theirs)
    );
}

fn find_xml(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_xml(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "xml") {
            files.push(path);
        }
    }
}

fn listing() {
    let server = MariaDb::shared();
    for hosts in [HOSTS / 10, HOSTS] {
        let database = server.cluster();
        fill(server, &database, hosts);
        let url = server.url("root", &database);
        let ours = || quietly(gpupci().args(["--database", &url, "host", "list"]));
        let theirs = || {
            let mut client = Command::new("mysql");
            client.args(["--no-defaults", "-uroot", "-N", "-e", SAME_ROWS]);
            client.arg("-S").arg(server.socket()).arg(&database);
            quietly(&mut client);
        };
        let (ours, theirs) = medians(ours, theirs);
        println!("listing {hosts} hosts with {CARDS} cards each");
        println!(
            "  gpupci host list              {:8.1} ms",
            ours.as_secs_f64() * 1e3
        );
        println!(
            "  mysql -N -e                   {:8.1} ms",
            theirs.as_secs_f64() * 1e3
        );
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        println!("  ratio                         {ratio:8.2} x  (wanted: at most 2)");
    }
}

fn quietly(command: &mut Command) {
    let status = command
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "{command:?}");
}

fn fill(server: &MariaDb, database: &str, hosts: usize) {
    let mut root = server.root(database);
    root.query_drop("set foreign_key_checks = 0; delete from vm_nodes; delete from attributes where Category = 5")
        .expect("the world is emptied");
    for start in (0..hosts).step_by(1000) {
        let ids = || (start..hosts.min(start + 1000)).map(|host| (host, 1000 + host));
        let nodes: Vec<String> = ids()
            .map(|(host, id)| {
                format!(
                    "({id}, 'vm-container-{host}', 3, 16, {}, {host}, 'linux')",
                    host / 40
                )
            })
            .collect();
        let members: Vec<String> = ids()
            .map(|(host, id)| format!("({id}, 'vm-container-{host}', 5)"))
            .collect();
        let cards: Vec<String> = ids()
            .flat_map(|(_, id)| {
                (1..=CARDS)
                    .map(move |card| format!("('gpupci{card}', 'pci_0000_0{card}_00_0', 5, {id})"))
            })
            .collect();
        for (table, rows) in [
            (
                "nodes (ID, Name, Membership, CPUs, Rack, `Rank`, OS)",
                nodes,
            ),
            ("catindex (ID, Name, Category)", members),
            ("attributes (Attr, Value, Category, Catindex)", cards),
        ] {
            root.query_drop(format!("insert into {table} values {}", rows.join(",")))
                .expect(table);
        }
    }
    root.query_drop("analyze table nodes, catindex, attributes")
        .expect("statistics are made");
}
