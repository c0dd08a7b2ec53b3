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

use pretty_assertions::assert_eq;
use support::frontend::{Frontend, with_every_python, xml};
use support::mariadb::MariaDb;

const REPORT: [&str; 4] = ["report", "host", "vm", "config"];

/// The report of a guest on a frontend where nothing of gpupt works: its exit status and its output.
fn without_gpupt(frontend: &Frontend, server: &MariaDb, guest: &str) -> (Option<i32>, String) {
    let folder = frontend.root.path().join("etc");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("gpupt.toml"), "no = 'settings'\n").expect("a file");
    let mut command = frontend.command(server, &[&REPORT[..], &[guest]].concat());
    let said = command
        .env("GPUPT_LIBRARY", "/nonexistent/libgpupt.so")
        .env("GPUPT_DATABASE", "mysql://nobody@127.0.0.1:1/none")
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
