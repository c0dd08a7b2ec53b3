//! `/usr/bin/gpupci`, which the hook runs.

use std::os::unix::fs::symlink;

use crate::support::TestHost;
use crate::{assert_trouble, ready};

const GPUPCI: &str = "usr/bin/gpupci";
const WITH_CLUSTER: &str = ", so the hook cannot check the cluster's attributes: a guest can start \
                            with a card of another guest";
const WITHOUT: &str = ", so a hook that AppArmor confines cannot see who uses a card, and the \
                       attributes of a cluster would not be checked";

/// A prepared host with an embedded database that knows it.
fn in_cluster() -> TestHost {
    let host = ready();
    for line in ["gpupci1 02:00.0", "gpupci2 03:00.0"] {
        let line = format!("host add vm-container-0-15 {line}");
        host.line(&line).answer();
    }
    host
}

#[test]
fn missing_gpupci_is_a_failure_with_a_cluster_and_a_warning_without() {
    let this = env!("CARGO_BIN_EXE_gpupci");
    let remedy = format!("      try: install -m 0755 {this} /usr/bin/gpupci");
    let (alone, cluster) = (ready(), in_cluster());
    for (host, word, consequence, exit) in [
        (&alone, "WARN", WITHOUT, 0),
        (&cluster, "FAIL", WITH_CLUSTER, 5),
    ] {
        assert_trouble(host, 0, &[]);
        host.remove(GPUPCI);
        let line = format!("{word}  there is no /usr/bin/gpupci{consequence}");
        assert_trouble(host, exit, &[&line, &remedy]);
        // A guest gets its card without it.
        let summary = format!("2 of 2 cards ready for guests; 1 {word}");
        assert_eq!(host.summary(), summary);
    }
}

#[test]
fn gpupci_of_rocks_is_linked() {
    let host = in_cluster();
    host.remove(GPUPCI);
    host.write_program("opt/rocks/bin/gpupci", "");
    let line = format!("FAIL  there is no /usr/bin/gpupci{WITH_CLUSTER}");
    let link = "      try: ln -s /opt/rocks/bin/gpupci /usr/bin/gpupci";
    assert_trouble(&host, 5, &[&line, link]);
    // A link stays below the root, as on the machine that the tree is of.
    symlink("/opt/rocks/bin/gpupci", host.path(GPUPCI)).expect("a link");
    assert_trouble(&host, 0, &[]);
    host.remove(GPUPCI);
    symlink("/gone", host.path(GPUPCI)).expect("a link");
    let link = "      try: ln -sf /opt/rocks/bin/gpupci /usr/bin/gpupci";
    assert_trouble(&host, 5, &[&line, link]);
}

#[test]
fn gpupci_without_execute_bit_is_as_bad_as_none() {
    let host = in_cluster();
    host.set_mode(GPUPCI, 0o644);
    let line = format!("FAIL  /usr/bin/gpupci is not executable{WITH_CLUSTER}");
    let chmod = "      try: chmod 0755 /usr/bin/gpupci";
    assert_trouble(&host, 5, &[&line, chmod]);
    host.remove(GPUPCI);
    std::fs::create_dir(host.path(GPUPCI)).expect("a folder");
    let line = format!("FAIL  /usr/bin/gpupci is not a file{WITH_CLUSTER}");
    let text = host.line("check -q").text();
    assert!(text.starts_with(&line), "{text}");
    host.remove(GPUPCI);
    symlink("gpupci", host.path(GPUPCI)).expect("a loop");
    let text = host.line("check -q").text();
    let line = "WARN  /usr/bin/gpupci, which the hook runs, could not be checked (";
    assert!(text.starts_with(line), "{text}");
}

#[test]
fn gpupci_is_not_needed_without_the_hook() {
    let host = in_cluster();
    host.remove(GPUPCI);
    host.remove("etc/libvirt/hooks/qemu");
    let text = host.line("check -q").text();
    assert!(!text.contains("/usr/bin/gpupci"), "{text}");
}
