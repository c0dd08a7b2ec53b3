//! Standard input of all kinds, and standard input that does not come.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use gpupt::domain_xml::BYTES_MAX;
use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::Stage;
use crate::support::{RunOutput, TestHost, run};
use crate::{DEVICES, GPUPCI, HOOK, silence};

/// The start of each refusal of a guest whose claims are not known.
const UNKNOWN: &str = "gpupt: guest rocks-33 cannot start: cannot tell which cards it claims: ";

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// The hook for `rocks-33`.
fn command(stage: &Stage, operation: &str) -> Command {
    stage.command(&guest(), operation)
}

/// Checks that a start with this input is refused for this reason, and that the journal has it.
#[track_caller]
fn assert_refused(stage: &Stage, input: &[u8], why: &str) {
    let what = input[..input.len().min(80)].escape_ascii().to_string();
    stage.journal();
    let said = run(&mut command(stage, "prepare"), input);
    assert_eq!((said.text(), said.code), (String::new(), Some(1)), "{what}");
    let line = format!("{UNKNOWN}{why}. State: nothing was changed. Try: ");
    assert!(said.stderr.starts_with(&line), "{what}: {}", said.stderr);
    let journal = stage.journal();
    assert_eq!(journal.len(), 1, "{what}");
    let message = said.stderr.trim_end().trim_start_matches("gpupt: ");
    assert_eq!(journal[0]["MESSAGE"], message, "{what}");
    assert_eq!(journal[0]["GPUPT_CODE"], "input", "{what}");
}

const NO_DOMAIN: &str = "its domain XML is not well-formed, or is no domain";

/// Inputs that are no domain, and why.
fn unusable() -> Vec<(Vec<u8>, &'static str)> {
    let xml = guest().xml();
    let (half, _) = xml.split_at(xml.len() / 2);
    let no_uuid = xml.replace(&guest().uuid, "");
    let mut inputs: Vec<(Vec<u8>, &str)> = [
        &b""[..],
        b"\n",
        b"<domain",
        b"no XML",
        b"\xff\xfe<\0d\0",
        half.as_bytes(),
        xml.replace("domain", "network").as_bytes(),
        format!("<!DOCTYPE domain [<!ENTITY a 'a'>]>{xml}").as_bytes(),
    ]
    .map(|input| (input.to_vec(), NO_DOMAIN))
    .to_vec();
    inputs.push((no_uuid.into_bytes(), "its domain XML has no valid uuid"));
    inputs
}

#[test]
fn guest_whose_xml_cannot_be_read_is_refused_where_a_card_may_be_claimed() {
    let stage = Stage::manual();
    for (input, why) in unusable() {
        assert_refused(&stage, &input, why);
        for operation in ["release", "reconnect", "migrate", "restore", "started"] {
            let said = run(&mut command(&stage, operation), &input);
            let what = input.escape_ascii();
            assert_eq!(said, silence(), "{operation} {what}");
        }
    }
    // A domain that claims nothing starts, with or without a uuid.
    let said = run(&mut command(&stage, "prepare"), b"<domain/>");
    assert_eq!(said, silence());
    assert_eq!(stage.kernel.writes(), [""; 0]);
    stage.assert_restored("nothing was changed");
}

#[test]
fn guest_whose_xml_cannot_be_read_starts_on_a_host_without_any_card() {
    let host = TestHost::unpacked("manual.tree");
    for function in fs::read_dir(host.path(DEVICES)).expect("a PCI bus") {
        let class = function.expect("an entry").path().join("class");
        let is_display = fs::read(&class).expect("a class").starts_with(b"0x03");
        if is_display {
            fs::write(&class, "0x020000\n").expect("a file");
        }
    }
    let stage = Stage::on(host);
    for (input, _) in unusable() {
        let said = run(&mut command(&stage, "prepare"), &input);
        assert_eq!(said, silence(), "{}", input.escape_ascii());
    }
    // A record is a card.
    stage.host.write("run/gpupt/cards/0000:02:00.json", "{}");
    assert_refused(&stage, b"", NO_DOMAIN);
}

#[test]
fn guest_whose_xml_cannot_be_read_starts_on_a_server_with_only_a_management_display() {
    for management in ["0x1a03", "0x102b"] {
        let host = TestHost::unpacked("manual.tree");
        for function in fs::read_dir(host.path(DEVICES)).expect("a PCI bus") {
            let vendor = function.expect("an entry").path().join("vendor");
            fs::write(&vendor, format!("{management}\n")).expect("a file");
        }
        let said = run(&mut command(&Stage::on(host), "prepare"), b"<domain");
        assert_eq!(said, silence(), "{management}");
    }
}

#[test]
fn release_without_usable_xml_goes_by_the_name_of_the_guest() {
    let stage = Stage::manual();
    let other = Guest::other(1, &hostdev("03", 0));
    stage.hook_ok(&other, "prepare");
    for (input, why) in unusable() {
        stage.hook_ok(&guest(), "prepare");
        stage.journal();
        let said = run(&mut command(&stage, "release"), &input);
        assert_eq!(said, silence(), "{}", input.escape_ascii());
        let line = &stage.journal()[0]["MESSAGE"];
        let expected = format!("the cards of rocks-33 are found by its name: {why}");
        assert_eq!(*line, expected);
        assert_eq!(stage.records(), ["0000:03:00.json"], "only its own card");
    }
    stage.hook_ok(&other, "release");
    stage.assert_restored("both have ended");
}

#[test]
fn xml_of_more_than_ten_megabytes_is_refused_at_the_start_and_released_by_name() {
    let stage = Stage::manual();
    let padded = |length: usize| {
        let xml = guest().xml();
        let padding = length - xml.len() - "<!---->".len();
        format!("{xml}<!--{}-->", "x".repeat(padding)).into_bytes()
    };
    let of_length = |operation: &str, length: usize| {
        let said = run(&mut command(&stage, operation), &padded(length));
        assert_eq!(said, silence(), "{operation} {length}");
    };
    of_length("started", BYTES_MAX + 1);
    assert_refused(
        &stage,
        &padded(BYTES_MAX + 1),
        "its domain XML is longer than 10 MB",
    );
    stage.assert_restored("more than libvirt reads itself");
    of_length("prepare", BYTES_MAX);
    assert_eq!(stage.changed_bindings().len(), 2);
    of_length("release", BYTES_MAX + 1);
    stage.assert_restored("release");
}

/// Runs the hook with an input that does not end in time: `bytes` of the XML, slowly. The hook must end by
/// itself, or the test hangs.
fn run_without_eof(stage: &Stage, operation: &str, bytes: usize) -> RunOutput {
    let mut hook = command(stage, operation);
    hook.env("GPUPT_INPUT_TIMEOUT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = hook.spawn().expect("the hook starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeder = thread::spawn(move || {
        for byte in guest().xml().bytes().take(bytes) {
            thread::sleep(Duration::from_millis(100));
            if stdin.write_all(&[byte]).is_err() {
                break;
            }
        }
        stdin
    });
    let said = child.wait_with_output().expect("it ends");
    drop(feeder.join());
    RunOutput {
        stdout: said.stdout,
        stderr: String::from_utf8_lossy(&said.stderr).into_owned(),
        code: said.status.code(),
    }
}

#[test]
fn start_is_refused_and_the_end_goes_by_name_if_the_input_does_not_end_in_time() {
    for bytes in [0, 30] {
        let stage = Stage::manual();
        let said = run_without_eof(&stage, "prepare", bytes);
        let why = "its domain XML did not arrive from libvirt within 1 s";
        let line = format!("{UNKNOWN}{why}. State: nothing was changed. Try: ");
        assert!(said.stderr.starts_with(&line), "{}", said.stderr);
        assert_eq!(said.code, Some(1));
        stage.assert_restored("it was refused");
        for operation in ["reconnect", "migrate", "restore"] {
            let said = run_without_eof(&stage, operation, bytes);
            assert_eq!(said, silence(), "{operation}");
        }
        stage.hook_ok(&guest(), "prepare");
        assert_eq!(run_without_eof(&stage, "release", bytes), silence());
        stage.assert_restored("its guest has ended");
    }
}

#[test]
fn input_that_takes_longer_than_five_seconds_is_judged() {
    let stage = Stage::manual();
    let mut hook = command(&stage, "prepare");
    let mut child = hook.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let xml = guest().xml();
    let (start, end) = xml.split_at(20);
    stdin.write_all(start.as_bytes()).expect("it reads");
    thread::sleep(Duration::from_secs(6));
    stdin.write_all(end.as_bytes()).expect("it still reads");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(stage.changed_bindings().len(), 2);
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
