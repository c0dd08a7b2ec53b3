//! The users of a device node, found on this machine with a process of the test.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use gpupt::host::{Machine, Node};

/// Runs a Python process that opens a device, then waits; gives the users of `/dev/zero`, which is
/// asked for as `asked_for`.
fn users_while(script: &str, asked_for: &str) -> Vec<(u32, String)> {
    let mut python = Command::new("python3");
    python.args(["-c", script]);
    let mut child: Child = python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it is ready");
    let node = Node {
        path: asked_for.to_owned(),
        number: Some((1, 5)),
        is_shared: false,
    };
    let users = Machine::at("/").users(&[node], &[]);
    let pid = child.id();
    drop(child.stdin.take());
    child.wait().expect("it ends");
    let found = users.found.into_iter().filter(|user| user.pid == pid);
    found.map(|user| (user.pid, user.command)).collect()
}

const WAIT: &str = "print('ready', flush=True); import sys; sys.stdin.read()";

#[test]
fn open_descriptor_counts_as_use_under_any_path() {
    let script = format!("f = open('/dev/zero'); {WAIT}");
    for name in ["/dev/zero", "/dev/dri/card0"] {
        let users = users_while(&script, name);
        assert_eq!(users.len(), 1, "{name}");
        assert!(users[0].1.starts_with("python3"), "{users:?}");
    }
}

#[test]
fn mapping_counts_as_use_after_its_descriptor_is_closed() {
    let script = format!(
        "import mmap, os; f = os.open('/dev/zero', os.O_RDWR); \
         m = mmap.mmap(f, 4096, flags=mmap.MAP_PRIVATE); os.close(f); {WAIT}"
    );
    assert_eq!(users_while(&script, "/dev/zero").len(), 1);
}

#[test]
fn process_without_the_node_is_no_user() {
    let script = format!("f = open('/dev/full'); {WAIT}");
    assert_eq!(users_while(&script, "/dev/zero"), []);
}
