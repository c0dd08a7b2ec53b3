//! Concurrent installs and uninstalls.

use std::process::{Child, Stdio};

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{BACKUP, INSIDE, SINGLE, foreign, new_libvirt, old_libvirt, program};

fn start(host: &TestHost, line: &str) -> Child {
    let mut command = host.command();
    command.args(line.split(' ')).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// Runs these commands concurrently; gives their outputs, sorted.
fn all(host: &TestHost, lines: &[&str]) -> Vec<String> {
    let all: Vec<Child> = (0..20)
        .map(|index| start(host, lines[index % lines.len()]))
        .collect();
    let said = all.into_iter().map(|child| {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("text")
    });
    let mut said: Vec<String> = said.collect();
    said.sort();
    said
}

#[test]
fn one_of_twenty_concurrent_installs_writes_the_hook() {
    for (host, place) in [(new_libvirt(), INSIDE), (old_libvirt(), SINGLE)] {
        let said = all(&host, &["hook install"]);
        let mut expected = vec![format!("installed the libvirt hook as /{place}\n")];
        expected.extend(vec![
            format!("the libvirt hook /{place} is up to date\n");
            19
        ]);
        expected.sort();
        assert_eq!(said, expected);
        host.assert_hook(place, &program("gpupt, first build"));
        let said = all(&host, &["hook uninstall"]);
        let gone = |line: &&String| line.starts_with("removed ");
        assert_eq!(said.iter().filter(gone).count(), 1, "{said:?}");
        assert!(!host.has(place));
    }
}

#[test]
fn concurrent_installs_and_uninstalls_keep_the_other_hook() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    let before = host.snapshot();
    all(&host, &["hook install", "hook uninstall"]);
    host.line("hook uninstall").answer();
    assert_eq!(host.snapshot(), before);
    assert!(!host.has(BACKUP));
}
