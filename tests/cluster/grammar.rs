//! Advice names the commands of those who asked, and only what their host may do.

use std::fs;

use crate::support::{RunOutput, TestHost, run, shell_words};
use crate::test_cluster::TestCluster;

/// Runs `gpupci LINE` as `rocks` does, or as somebody else who sets this value.
fn asked_by(value: &str, host: &TestHost, line: &str) -> RunOutput {
    let mut command = host.command();
    command
        .args(shell_words::split(line))
        .env("GPUPT_ASKED_BY", value);
    run(&mut command, b"")
}

#[test]
fn advice_is_in_the_grammar_of_who_asked() {
    let host = TestCluster::rocks().frontend();
    host.line("-q host add rocks-33 gpupci 02:00.0").answer();
    let line = "host add rocks-33 gpupci 03:00.0";
    let end = |command: &str| format!("\n  try:   replace it with `{command}`\n");
    let ours = end("gpupci host set");
    assert!(host.line(line).stderr.ends_with(&ours));
    for hostile in ["", "ROCKS", "rocks ", "\u{1b}[31m"] {
        let said = asked_by(hostile, &host, line).stderr;
        assert!(said.ends_with(&ours), "{hostile:?}: {said}");
    }
    let said = asked_by("rocks", &host, line).stderr;
    assert!(said.ends_with(&end("rocks set host gpu")), "{said}");
}

/// A node of Rocks may read attributes and not write them.
#[test]
fn advice_on_a_node_of_rocks_says_what_to_run_on_the_frontend() {
    let node = TestHost::unpacked("manual.tree");
    node.write("opt/rocks/bin/rocks", "");
    node.write("var/cluster/frontend", "127.0.0.1\n");
    node.line("list").answer();
    let device = "sys/bus/pci/devices/0000:02:00.0/device";
    let is = fs::read_to_string(node.path(device)).expect("a card");
    node.write(device, "0x1e87\n");
    let said = node.line("check").text();
    let on_frontend = "update the attributes with `rocks set host gpu` on the frontend\n";
    assert!(said.contains(on_frontend), "{said}");
    // Whoever chooses a database himself knows what it lets him do.
    node.write("etc/gpupt.toml", "database = \"sqlite:/cluster.db\"\n");
    let said = node.line("check").text();
    let here = "update the attributes with `gpupci host set`\n";
    assert!(said.contains(here), "{said}");
    node.write(device, &is);
    let said = node.line("check").text();
    let add = "try: gpupci host add vm-container-0-15 gpupci1 pci_0000_02_00_0\n";
    assert!(said.contains(add), "{said}");
}
