//! Standard input of all kinds, and standard input that does not come.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use gpupt::domain_xml::BYTES_MAX;
use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::Stage;
use crate::support::run;
use crate::{GPUPCI, HOOK, silence};

#[test]
fn input_that_is_no_domain_xml_is_accepted() {
    let stage = Stage::manual();
    let xml = Guest::with(&hostdev("02", 0)).xml();
    let (half, _) = xml.split_at(xml.len() / 2);
    for input in [
        &b""[..],
        b"\n",
        b"<domain/>",
        b"<domain",
        b"no XML",
        b"\xff\xfe<\0d\0",
        half.as_bytes(),
        xml.replace("domain", "network").as_bytes(),
        format!("<!DOCTYPE domain [<!ENTITY a 'a'>]>{xml}").as_bytes(),
    ] {
        for operation in ["prepare", "release", "reconnect", "migrate", "restore"] {
            let mut hook = stage.command_of(&["rocks-33", operation, "begin", "-"]);
            let what = input.escape_ascii();
            assert_eq!(run(&mut hook, input), silence(), "{operation} {what}");
        }
    }
    assert_eq!(stage.kernel.writes(), [""; 0]);
    stage.assert_restored("nothing to do");
}

#[test]
fn xml_of_more_than_ten_megabytes_is_ignored() {
    let stage = Stage::manual();
    let guest = Guest::with(&hostdev("02", 0));
    let padded = |length: usize| {
        let xml = guest.xml();
        let padding = length - xml.len() - "<!---->".len();
        format!("{xml}<!--{}-->", "x".repeat(padding))
    };
    let of_length = |operation: &str, length: usize| {
        let mut hook = stage.command(&guest, operation);
        let said = run(&mut hook, padded(length).as_bytes());
        assert_eq!(said, silence(), "{operation} {length}");
    };
    of_length("started", BYTES_MAX + 1);
    of_length("prepare", BYTES_MAX + 1);
    stage.assert_restored("more than libvirt reads itself");
    of_length("prepare", BYTES_MAX);
    assert_eq!(stage.changed_bindings().len(), 2);
    of_length("release", BYTES_MAX);
    stage.assert_restored("release");
}

/// The journal's message if the input does not end.
const LATE: &str = "the domain XML from libvirt did not arrive in time, so no card was checked";

/// Writes this many bytes of the XML slowly and never closes the pipe. The hook must end by itself,
/// or the test hangs.
fn assert_ends_without_eof(stage: &Stage, bytes: usize) {
    let guest = Guest::with(&hostdev("02", 0));
    let mut hook = stage.command(&guest, "prepare");
    hook.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = hook.spawn().expect("the hook starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeder = thread::spawn(move || {
        for byte in guest.xml().bytes().take(bytes) {
            thread::sleep(Duration::from_millis(200));
            if stdin.write_all(&[byte]).is_err() {
                break;
            }
        }
        stdin
    });
    let mut said = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut said).expect("it ends");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(said, "");
    assert_eq!(stage.journal()[0]["MESSAGE"], LATE);
    drop(feeder.join());
    stage.assert_restored("nothing was looked at");
}

#[test]
fn hook_ends_if_no_input_comes() {
    assert_ends_without_eof(&Stage::manual(), 0);
}

#[test]
fn hook_ends_if_input_comes_slowly_without_end() {
    assert_ends_without_eof(&Stage::manual(), 100);
}

#[test]
fn hook_binary_contains_no_database_client() {
    let hook = fs::read(HOOK).expect("the hook is there");
    let gpupci = fs::read(GPUPCI).expect("gpupci is there");
    let has = |binary: &[u8], text: &str| memchr::memmem::find(binary, text.as_bytes()).is_some();
    for trace in [
        "resolvechain",
        "SQLite format 3",
        "latin1_swedish_ci",
        "Packets out of sync",
    ] {
        assert!(has(&gpupci, trace), "{trace} is what a database leaves");
        assert!(!has(&hook, trace), "{trace}");
    }
}
