//! Arguments that try to inject SQL, shell or XML, and bytes that are not UTF-8.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use mysql::prelude::Queryable;
use mysql::{Conn, Value};
use pretty_assertions::assert_eq;
use serde_json::Value as Json;

use crate::support::TestHost;
use crate::{checksums, fresh};

/// Hostile arguments in place of a name, a host or a value.
fn hostile() -> Vec<OsString> {
    let long = "a".repeat(65_536);
    let texts = [
        "'",
        "\"",
        "`",
        "a'; drop table attributes; --",
        "a'; drop table attributes; -- ",
        "rocks-33' or '1'='1",
        "rocks-33\\",
        "rocks-33\\' or 1=1 #",
        "rocks-33'#",
        "0x726f636b732d3333",
        "<hostdev/>",
        "]]><x>&amp;&#0;",
        "rocks-33\n",
        "\nrocks-33",
        "\u{1b}[31mred",
        "$(touch stolen)",
        "`touch stolen`",
        "../../etc/passwd",
        "?",
        "??",
        "_ocks-33",
        "ŕocks-33",
        "rocks-33\u{202e}",
        "rocks-33\u{a0}",
        long.as_str(),
    ];
    let mut all: Vec<OsString> = texts.into_iter().map(OsString::from).collect();
    all.extend([b"\xff\xfe".to_vec(), b"rocks-33\xff".to_vec()].map(OsString::from_vec));
    // In Big5 and GBK these two bytes are one character, so that the quote is not escaped.
    all.push(OsString::from_vec(b"\xbf' or 1=1 #".to_vec()));
    all
}

/// Runs `gpupci host WORDS`, which must be refused and change nothing.
#[track_caller]
fn assert_refused(
    host: &TestHost,
    words: &[&OsStr],
    root: &mut Conn,
    before: &[(String, Option<u64>)],
) {
    let said = host.gpupci(&[&[OsStr::new("host")], words].concat());
    assert!(
        matches!(said.code, Some(2 | 3)),
        "{words:?}: {:?} {}",
        said.code,
        said.stderr
    );
    assert_eq!(said.text(), "", "{words:?}");
    assert!(
        said.stderr.len() < 2_000,
        "{} bytes of error",
        said.stderr.len()
    );
    let is_plain = |c: char| c == '\n' || !c.is_control();
    assert!(said.stderr.chars().all(is_plain), "{:?}", said.stderr);
    assert_eq!(checksums(root), before, "{words:?}");
}

#[test]
fn hostile_arguments_are_refused_and_change_nothing() {
    let (host, mut root) = fresh();
    for line in [
        "add rocks-33 gpupci 02:00.0",
        "add vm-container-0-15 gpupci1 02:00.0",
    ] {
        assert_eq!(host.line(&format!("-q host {line}")).answer(), "");
    }
    let before = checksums(&mut root);
    let word = OsStr::new;
    for hostile in &hostile() {
        let is_long = hostile.len() > 60_000;
        let prefixed = OsString::from_vec([b"gpupci'", hostile.as_bytes()].concat());
        let refused: [&[&OsStr]; 10] = [
            &[word("list"), hostile],
            &[word("report"), hostile],
            &[word("dump"), hostile],
            &[word("add"), hostile, word("gpupci9"), word("02:00.0")],
            &[word("set"), hostile, word("gpupci9"), word("02:00.0")],
            &[word("remove"), hostile, word("gpupci1")],
            &[word("set"), word("rocks-33"), &prefixed, word("02:00.0")],
            &[word("remove"), word("rocks-33"), hostile],
            &[word("set"), word("rocks-33"), word("gpupci"), hostile],
            &[
                word("set"),
                word("vm-container-0-15"),
                word("gpupci1"),
                hostile,
            ],
        ];
        for words in refused
            .iter()
            .filter(|words| !(is_long && words[0] == word("remove")))
        {
            assert_refused(&host, words, &mut root, &before);
        }
    }
}

#[test]
fn remove_with_a_hostile_name_deletes_no_other_row() {
    let (host, mut root) = fresh();
    assert_eq!(
        host.line("-q host add rocks-33 gpupci 02:00.0").answer(),
        ""
    );
    let before = checksums(&mut root);
    for name in [
        "gpupci' or '1'='1",
        "gpupci%",
        "gpupc_",
        "gpupci'; drop table attributes; --",
        "gpupci\\",
        "gpupci\n",
    ] {
        let said = host.gpupci(&["host", "remove", "rocks-33", name]);
        assert!(matches!(said.code, Some(0 | 2)), "{name}: {}", said.stderr);
        let lines = said.stderr.lines().count();
        assert_eq!(
            (said.text().as_str(), lines),
            ("", 1),
            "{name}: {}",
            said.stderr
        );
        assert_eq!(checksums(&mut root), before, "{name}");
    }
}

#[test]
fn hostile_name_in_the_tables_can_be_removed() {
    let (host, mut root) = fresh();
    let before = checksums(&mut root);
    for name in [
        "gpupci' or '1'='1",
        "gpupci 3",
        "gpupci;rm -rf",
        "gpupci\n",
        "gpupcié",
    ] {
        insert(&mut root, "rocks-33", name.as_bytes(), b"x");
        assert_eq!(
            host.gpupci(&["host", "remove", "rocks-33", name]).answer(),
            "",
            "{name}"
        );
    }
    assert_eq!(checksums(&mut root), before);
}

/// Inserts an attribute without any check.
fn insert(root: &mut Conn, host: &str, name: &[u8], value: &[u8]) {
    let statement = "insert into attributes (Attr, Value, Category, Catindex) \
         select ?, ?, 5, ID from catindex where Category = 5 and Name = ?";
    let parameters = (
        Value::Bytes(name.to_vec()),
        Value::Bytes(value.to_vec()),
        host,
    );
    root.exec_drop(statement, parameters).expect("a row");
}

#[test]
fn utf8_values_are_printed_unchanged() {
    let (host, mut root) = fresh();
    let value = "Grüße, 世界 🎮";
    insert(&mut root, "rocks-33", b"gpupci1", value.as_bytes());
    assert_eq!(
        host.line("host report rocks-33").answer(),
        format!("gpupci1:{value}\n")
    );
    let table = host.line("host list rocks-33 output-header=no").answer();
    assert_eq!(table, format!("rocks-33: gpupci1 {value}\n"));
    let json: Json = serde_json::from_str(&host.line("host list --json").answer()).expect("JSON");
    assert_eq!(json["gpus"][0]["value"], value);
}

#[test]
fn values_that_are_not_utf8_are_printed_escaped() {
    let (host, mut root) = fresh();
    insert(
        &mut root,
        "rocks-33",
        b"gpupci1",
        b"caf\xe9 \x80\x1b[31m\nend",
    );
    let shown = "caf\\xe9 \\x80\\u{1b}[31m\\nend";
    assert_eq!(
        host.line("host report rocks-33").answer(),
        format!("gpupci1:{shown}\n")
    );
    let table = host.line("host list rocks-33 output-header=no").answer();
    assert_eq!(table, format!("rocks-33: gpupci1 {shown}\n"));
    let dump = host.line("host dump rocks-33");
    let expected = b"/opt/rocks/bin/rocks add host gpu rocks-33 gpupci1 \
        caf$'\\xe9'\\ $'\\x80'$'\\x1b'\\[31m$'\\x0a'end\n";
    assert_eq!(
        dump.stdout.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn value_of_the_maximum_length_is_printed_whole() {
    let (host, mut root) = fresh();
    let value = "x".repeat(65_535);
    insert(&mut root, "rocks-33", b"gpupci1", value.as_bytes());
    assert_eq!(
        host.line("host report rocks-33").answer(),
        format!("gpupci1:{value}\n")
    );
    let said = host.line("host set rocks-33 gpupci1 gpupci7");
    assert_eq!(said.answer(), "");
    let former = format!(" gpupci1_old {value}\n");
    assert!(host.line("host dump rocks-33").answer().ends_with(&former));
}

#[test]
fn splice_refuses_a_hostile_value_without_printing_xml() {
    for value in [
        "pci_0000_02_00_0'/><script>",
        "gpupci1; rm -rf /",
        "\u{1b}[2J",
        "a,b",
        "",
    ] {
        let (host, mut root) = fresh();
        insert(&mut root, "rocks-33", b"gpupci", value.as_bytes());
        let said = host.gpupci_reading(&["splice", "rocks-33"], b"<devices/>");
        assert_eq!(
            (said.code, said.text().as_str()),
            (Some(1), ""),
            "{}",
            said.stderr
        );
        let first = "gpupci: the attribute gpupci of rocks-33 has an invalid value\n";
        assert!(said.stderr.starts_with(first), "{}", said.stderr);
        assert!(!said.stderr.contains('\u{1b}'), "{}", said.stderr);
    }
}
