//! `gpupci host` and `gpupci splice`, on Rocks' MariaDB and on the embedded database.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    clippy::panic,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "cluster/attributes.rs"]
mod attributes;
#[path = "cluster/conflicts.rs"]
mod conflicts;
#[path = "cluster/effects.rs"]
mod effects;
#[path = "cluster/embedded_file.rs"]
mod embedded_file;
#[path = "cluster/grammar.rs"]
mod grammar;
#[path = "cluster/guests.rs"]
mod guests;
#[path = "cluster/host_names.rs"]
mod host_names;
#[path = "cluster/manual.rs"]
mod manual;
#[path = "cluster/nodes.rs"]
mod nodes;
#[path = "cluster/test_cluster.rs"]
mod test_cluster;

use pretty_assertions::assert_eq;
use serde_json::Value as Json;
use support::{RunOutput, TestHost};

/// Runs `gpupci host LINE` for each line; each must succeed and print nothing but notes.
#[track_caller]
fn run_all(host: &TestHost, lines: &[&str]) {
    for line in lines {
        assert_eq!(host.line(&format!("-q host {line}")).answer(), "", "{line}");
    }
}

/// The output of `gpupci host LINE`, which must succeed.
#[track_caller]
fn answer(host: &TestHost, line: &str) -> String {
    host.line(&format!("host {line}")).answer()
}

/// Fails unless `said` is an error with this code whose first line is `first`.
#[track_caller]
fn assert_error(said: &RunOutput, code: i32, first: &str) {
    let line = said.stderr.lines().next().unwrap_or_default();
    let ours = (said.code, said.text(), line.to_owned());
    let expected = (Some(code), String::new(), format!("gpupci: {first}"));
    assert_eq!(ours, expected, "{}", said.stderr);
}

/// The list `name` of a JSON document, whose version must be right.
#[track_caller]
fn list_in(document: &str, name: &str) -> Vec<Json> {
    let json: Json = serde_json::from_str(document).expect("JSON");
    assert_eq!(json["version"], 1, "{document}");
    let keys = json.as_object().expect("an object").len();
    assert_eq!(keys, 2, "{document}");
    json[name].as_array().expect("a list").clone()
}
