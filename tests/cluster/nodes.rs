//! How nodes are created, which names they may have, and on which host a guest is.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::test_cluster::TestCluster;
use crate::{answer, assert_error, list_in, run_all};

#[test]
fn add_creates_its_host_only_on_the_embedded_database() {
    let rocks = TestCluster::rocks().frontend();
    let said = rocks.line("host add nosuch gpupci1 02:00.0");
    assert_error(&said, 3, "cannot resolve host \"nosuch\"");
    assert_eq!(answer(&rocks, "list"), "");

    let embedded = TestHost::named("fe");
    run_all(&embedded, &["add nosuch gpupci1 02:00.0"]);
    assert_eq!(
        answer(&embedded, "report nosuch"),
        "gpupci1:pci_0000_02_00_0\n"
    );
    for line in [
        "set other gpupci1 02:00.0",
        "remove other gpupci1",
        "list other",
        "dump other",
    ] {
        let said = embedded.line(&format!("host {line}"));
        assert_error(&said, 3, "cannot resolve host \"other\"");
    }
}

#[test]
fn node_with_gpupci_is_a_guest_and_with_a_numbered_card_a_host() {
    let host = TestHost::named("fe");
    run_all(
        &host,
        &[
            "add alpha gpupci1 02:00.0",
            "add beta gpupci 02:00.0",
            "add gamma gpupci2 03:00.0",
        ],
    );
    let json = answer(&host, "list --json");
    let is_guest = |gpu: &serde_json::Value| (gpu["host"].to_string(), gpu["is_guest"] == true);
    let kinds: Vec<_> = list_in(&json, "gpus").iter().map(is_guest).collect();
    let expected = [
        ("\"alpha\"", false),
        ("\"beta\"", true),
        ("\"gamma\"", false),
    ];
    assert_eq!(
        kinds,
        expected.map(|(name, is_guest)| (name.to_owned(), is_guest))
    );
    let said = host.line("host add delta gpupci1 gpupci1");
    assert_error(&said, 2, "invalid value for attribute gpupci1 of delta");
    let said = host.line("host list delta");
    assert_error(&said, 3, "cannot resolve host \"delta\"");
}

/// Names that mean something else in a command, or that no command could name again.
#[test]
fn add_refuses_a_host_name_that_means_something_else() {
    let long = "x".repeat(65);
    for name in [
        "",
        " ",
        "rack0",
        "rack17",
        "vm-container",
        "hosted-vm",
        "-x",
        "--json",
        ".",
        "..",
        ".hidden",
        "a%b",
        "%",
        "a/b",
        "../b",
        "a\\b",
        "a'b",
        "a\"b",
        "a`b",
        "a\nb",
        "a\u{1b}[1m",
        " a",
        "a ",
        "a\u{a0}",
        "localhost",
        "127.0.0.1",
        "10.1.2.3",
        "::1",
        "fe80::1",
        "00:25:90:c1:0f:15",
        "select x",
        "a=b",
        long.as_str(),
    ] {
        let host = TestHost::named("fe");
        host.write("etc/hosts", "127.0.0.1 localhost\n");
        let said = host.gpupci(&["host", "add", "--", name, "gpupci1", "02:00.0"]);
        assert!(
            matches!(said.code, Some(2 | 3)),
            "{name:?}: {:?} {}",
            said.code,
            said.stderr
        );
        assert_eq!(said.text(), "", "{name:?}");
        assert!(said.stderr.starts_with("gpupci: "), "{}", said.stderr);
        let made = fs::metadata(host.path("var/lib/gpupt")).is_ok();
        assert!(!made, "{name:?}: nothing is made, not even the file");
    }
}

#[test]
fn add_accepts_any_other_host_name() {
    let longest = "x".repeat(64);
    let host = TestHost::named("fe");
    for name in [
        "node-1.example.org",
        "knoten-ü",
        "a b",
        "rack",
        "rack-1",
        "racks",
        "7",
        "selected",
        &longest,
    ] {
        let words = ["-q", "host", "add", name, "gpupci1", "02:00.0"];
        assert_eq!(host.gpupci(&words).answer(), "", "{name}");
        let report = host.gpupci(&["host", "report", name]).answer();
        assert_eq!(report, "gpupci1:pci_0000_02_00_0\n", "{name}");
        let again = host.gpupci(&["host", "add", name, "gpupci1", "03:00.0"]);
        assert_error(&again, 1, "gpu \"gpupci1\" exists");
    }
    assert_eq!(answer(&host, "conflicts"), "");
}

/// Without Rocks, host names are usually in `/etc/hosts` or in DNS; the host's own name always is.
#[test]
fn add_creates_a_host_whose_name_is_in_dns() {
    let host = TestHost::named("myhost.example.org");
    host.write(
        "etc/hosts",
        "127.0.0.1 localhost\n127.0.1.1 myhost.example.org myhost\n10.1.9.9 guest7\n",
    );
    run_all(
        &host,
        &["add myhost gpupci1 02:00.0", "add guest7 gpupci gpupci1"],
    );
    let spliced = host
        .gpupci_reading(&["splice", "guest7"], b"<devices/>")
        .answer();
    assert!(spliced.contains("bus='0x02'"), "{spliced}");
    assert_eq!(
        answer(&host, "report localhost"),
        "gpupci1:pci_0000_02_00_0\n"
    );
}

/// Two hosts with a card at different addresses, and a guest without a host.
fn two_hosts() -> TestHost {
    let host = TestHost::named("alpha.example.org");
    run_all(
        &host,
        &[
            "add alpha gpupci1 02:00.0",
            "add beta gpupci1 05:00.0",
            "add guest gpupci gpupci1",
        ],
    );
    host
}

fn bus_of_guest(host: &TestHost) -> String {
    let spliced = host
        .gpupci_reading(&["splice", "guest"], b"<devices/>")
        .answer();
    let (_, bus) = spliced.split_once("bus='0x").expect("a card");
    bus[..2].to_owned()
}

#[test]
fn guest_without_a_host_is_on_this_host() {
    let alpha = two_hosts();
    assert_eq!(bus_of_guest(&alpha), "02");
    let file = format!(
        "sqlite:{}",
        alpha.path("var/lib/gpupt/cluster.db").display()
    );
    let beta = TestHost::named("beta").with_database(&file);
    assert_eq!(bus_of_guest(&beta), "05");
    let stranger = TestHost::named("gamma").with_database(&file);
    let said = stranger.gpupci_reading(&["splice", "guest"], b"<devices/>");
    assert_error(
        &said,
        3,
        "cannot look up card gpupci1 of guest: the guest has no physical host",
    );
}

#[test]
fn placed_guest_gets_the_card_of_the_same_name_on_its_host() {
    let host = two_hosts();
    run_all(&host, &["place guest beta"]);
    assert_eq!(bus_of_guest(&host), "05");
    run_all(&host, &["place GUEST localhost"]);
    assert_eq!(bus_of_guest(&host), "02");
    run_all(&host, &["set beta gpupci1 06:00.0", "place guest beta"]);
    assert_eq!(bus_of_guest(&host), "06");
}

#[test]
fn place_refuses_all_but_a_guest_and_a_host() {
    let host = two_hosts();
    run_all(&host, &["add other gpupci 05:00.0"]);
    for (words, code, first) in [
        ("guest other", 2, "other is a guest, not a host"),
        ("alpha beta", 2, "alpha is not a guest"),
        ("nosuch beta", 3, "cannot resolve host \"nosuch\""),
        ("guest nosuch", 3, "cannot resolve host \"nosuch\""),
        ("guest %", 2, "must supply one host: \"%\" matches 4 hosts"),
    ] {
        assert_error(&host.line(&format!("host place {words}")), code, first);
    }
    assert_eq!(bus_of_guest(&host), "02");
}

#[test]
fn place_refuses_on_a_rocks_database() {
    let host = TestCluster::rocks().frontend();
    let url = host.database.clone().unwrap_or_default();
    let said = host.line("host place rocks-33 vm-container-0-2");
    assert_error(
        &said,
        1,
        &format!("cannot set the host of a guest in {url}: Rocks manages its hosts and guests"),
    );
    assert!(
        said.stderr.contains("`rocks set host vm`"),
        "{}",
        said.stderr
    );
}
