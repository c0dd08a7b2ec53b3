//! The names of a host: aliases, addresses, patterns, racks, appliances.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::test_cluster::{TestCluster, on_both};
use crate::{assert_error, run_all};

/// The recorded cluster, with one card on each host that the tests look up.
fn with_cards(stage: &TestCluster) -> TestHost {
    let host = stage.frontend();
    run_all(
        &host,
        &[
            "add rocks-33 gpupci 02:00.0",
            "add fe gpupci1 03:00.0",
            "add vm-container-0-15 gpupci1 04:00.0",
        ],
    );
    stage.execute("update networks set Name = 'eth-of-33' where ID = 8");
    stage.execute("update networks set Name = 'dns-of-33' where ID = 9");
    host.write(
        "etc/hosts",
        "127.0.0.1 localhost\n10.1.255.251 faraway faraway.example.net\n10.1.9.9 outsider dns-of-33\n\
         10.1.255.254 gpuvm 0a:64:33:80:00:00 rocks-33.local\n127.0.1.1 fe.example.org\n",
    );
    host
}

#[track_caller]
fn assert_named(host: &TestHost, word: &str, bus: &str) {
    let report = host
        .gpupci(&["host", "report", word, "output-header=no"])
        .answer();
    let value = report.trim_end().rsplit(':').next().unwrap_or_default();
    assert_eq!(value, format!("pci_0000_{bus}_00_0"), "{word}");
}

#[test]
fn host_is_found_by_each_of_its_names() {
    on_both(|stage| {
        let host = with_cards(stage);
        for word in [
            "rocks-33",
            "ROCKS-33",
            "rocks-33 ",
            "GPUVM",
            "0A:64:33:80:00:00",
            "0a:64:33:80:00:01",
            "10.1.255.251",
            "198.51.100.33",
            "rocks-33.local",
            "Rocks-33.LOCAL",
            "rocks-33.example.org",
            "eth-of-33.local",
            "dns-of-33",
            "faraway",
            "faraway.example.net",
        ] {
            assert_named(&host, word, "02");
        }
        for word in [
            "fe",
            "localhost",
            "127.0.0.1",
            "127.0.1.1",
            "::1",
            "fe.local",
            "fe.example.org",
            "10.1.1.1",
        ] {
            assert_named(&host, word, "03");
        }
        assert_named(&host, "big", "04");
    });
}

/// `/etc/hosts` maps these names to vm-container-0-15. If DNS is down, a query for them would take
/// long.
#[test]
fn rocks_tables_are_searched_before_dns() {
    on_both(|stage| {
        let host = with_cards(stage);
        for word in ["gpuvm", "0a:64:33:80:00:00", "rocks-33.local"] {
            assert_named(&host, word, "02");
        }
    });
}

#[test]
fn unknown_and_ambiguous_names_are_not_found() {
    on_both(|stage| {
        let host = with_cards(stage);
        stage.execute("insert into aliases (Node, Name) values (2, 'twice'), (3, 'twice')");
        for (word, first) in [
            ("nosuch", "cannot resolve host \"nosuch\""),
            // The name of an interface alone, which DNS does not know.
            ("eth-of-33", "cannot resolve host \"eth-of-33\""),
            ("twice", "cannot resolve host \"twice\""),
            (
                "rocks-33.nosuch.org",
                "cannot resolve host \"rocks-33.nosuch.org\"",
            ),
            ("10.1.9.9", "host \"10.1.9.9\" is not in cluster"),
            ("outsider", "host \"outsider\" is not in cluster"),
            ("rack7", "cannot resolve host \"rack7\""),
            ("rack", "cannot resolve host \"rack\""),
            (
                "00:00:00:00:00:00",
                "cannot resolve host \"00:00:00:00:00:00\"",
            ),
        ] {
            for command in ["list", "report", "dump"] {
                assert_error(
                    &host.line(&format!("host {command} rocks-33 {word}")),
                    3,
                    first,
                );
            }
        }
        assert_error(
            &host.gpupci(&["host", "list", ""]),
            2,
            "a host name is empty",
        );
    });
}

#[test]
fn patterns_and_appliances_select_many_hosts() {
    on_both(|stage| {
        let host = with_cards(stage);
        let hosts = |words: &[&str]| {
            let words = [
                &["host", "list", "output-col=host", "output-header=no"],
                words,
            ]
            .concat();
            host.gpupci(&words)
                .answer()
                .replace(":\n", " ")
                .replace(':', "")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(hosts(&[]), "fe vm-container-0-15 rocks-33");
        assert_eq!(hosts(&["%"]), "fe vm-container-0-15 rocks-33");
        assert_eq!(hosts(&["%-%"]), "vm-container-0-15 rocks-33");
        assert_eq!(hosts(&["rocks-33", "gpuvm", "ROCKS-%"]), "rocks-33");
        assert_eq!(
            hosts(&["rack0"]),
            "vm-container-0-15 rocks-33",
            "a rack is without frontends"
        );
        assert_eq!(hosts(&["vm-container"]), "vm-container-0-15");
        assert_eq!(hosts(&["hosted-vm", "frontend"]), "fe rocks-33");
        assert_eq!(hosts(&["compute"]), "", "hosts without cards");
        assert_eq!(hosts(&["nas"]), "", "an appliance without hosts");
        assert_eq!(hosts(&["nosuch%"]), "");
        assert_eq!(
            hosts(&["select Name from nodes where Name like 'r%'"]),
            "rocks-33"
        );
    });
}

#[test]
fn change_refuses_a_word_that_selects_many_hosts() {
    on_both(|stage| {
        let host = with_cards(stage);
        let before = host.line("host dump").answer();
        for (words, first) in [
            ("%", "must supply one host: \"%\" matches 6 hosts"),
            ("rack0", "must supply one host: \"rack0\" matches 5 hosts"),
            (
                "vm-container",
                "must supply one host: \"vm-container\" matches 2 hosts",
            ),
            (
                "rocks-33 rocks-34",
                "must supply one host: \"rocks-33 rocks-34\" matches 2 hosts",
            ),
            ("nas", "must supply one host: \"nas\" matches 0 hosts"),
        ] {
            for command in ["add", "set"] {
                let said = host.line(&format!("host {command} {words} gpupci9 05:00.0"));
                assert_error(&said, 2, first);
            }
            assert_error(
                &host.line(&format!("host remove {words} gpupci1")),
                2,
                first,
            );
        }
        assert_eq!(host.line("host dump").answer(), before);
    });
}
