//! JSON documents of gpupci, and strings as Python's `json` writes them for Rocks' lists.

use gpupt::failure::{Code, Failure};
use serde_json::{Value, json};

/// `{"version": 1, NAME: [ … ]}`.
pub(crate) fn document(name: &str, list: Vec<Value>) -> String {
    print(&json!({ "version": 1, name: list }))
}

/// The same with a second value.
pub(crate) fn document_with(name: &str, list: Vec<Value>, second: (&str, Value)) -> String {
    print(&json!({ "version": 1, name: list, second.0: second.1 }))
}

fn print(document: &Value) -> String {
    let text = serde_json::to_string_pretty(document);
    text.unwrap_or_default() + "\n"
}

/// A failure: its codes, what failed, why, the state, what to do.
pub(crate) fn failure(failure: &dyn Failure) -> Value {
    json!({
        "codes": codes(&failure.codes()),
        "what": failure.to_string(),
        "causes": failure.causes(),
        "state": failure.state(),
        "remedies": failure.remedies(),
    })
}

/// The codes, as text.
pub(crate) fn codes(codes: &[Code]) -> Vec<&'static str> {
    codes.iter().map(|code| code.word()).collect()
}

/// `text` as Python's `json.dumps` writes it: quoted, and in ASCII.
pub(crate) fn python_string(text: Option<&str>) -> String {
    let quoted = Value::from(text).to_string();
    let mut out = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
