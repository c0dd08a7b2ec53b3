//! The output of `--json` of every command matches `docs/schema.json`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "json/commands.rs"]
mod commands;
#[path = "json/schema_refusals.rs"]
mod schema_refusals;

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};
use support::RunOutput;

/// `docs/schema.json`.
fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.json");
    let text = fs::read_to_string(path).expect("the schema is there");
    serde_json::from_str(&text).expect("the schema is JSON")
}

/// A validator for one kind of document, such as `cards`.
fn validator(document: &str) -> Validator {
    let mut schema = schema();
    let definition = schema["$defs"].get(document);
    assert!(definition.is_some(), "the schema has no {document}");
    let root = schema.as_object_mut().expect("an object");
    root.remove("anyOf");
    root.insert("$ref".into(), json!(format!("#/$defs/{document}")));
    jsonschema::draft202012::new(&schema).expect("a schema of 2020-12")
}

/// The errors of the schema for this value.
fn complaints(document: &str, value: &Value) -> Vec<String> {
    let validator = validator(document);
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The list in a command's output, which must be one valid document of this kind.
#[track_caller]
fn list_of(said: &RunOutput, document: &str) -> Vec<Value> {
    let value: Value = serde_json::from_slice(&said.stdout).expect("it is JSON");
    assert_eq!(complaints(document, &value), [""; 0], "{value:#}");
    // The schema as a whole must accept it too.
    let whole = jsonschema::draft202012::new(&schema()).expect("a schema");
    assert!(whole.is_valid(&value));
    assert!(said.stdout.ends_with(b"}\n"), "{}", said.text());
    let mut lists = value.as_object().expect("an object").clone();
    lists.remove("not_counted");
    let mut lists = lists.values().filter_map(Value::as_array);
    lists.next().expect("it has a list").clone()
}
