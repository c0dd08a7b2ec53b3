//! Records that are unreadable or of another boot, and the lock.

use std::fs;
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::FakeKernel;
use crate::{DEVICES, manual, refuses};

const RECORD: &str = "run/gpupt/cards/0000:02:00.json";

fn unreadable(verb: &str, host: &TestHost, causes: &[&str]) -> String {
    let path = host.path(RECORD);
    let remedy = match causes[0].starts_with("version") {
        // The record is the way back to the host drivers.
        true => {
            "upgrade gpupt: a newer release wrote this record, and can restore the card".to_owned()
        }
        false => format!("check {}, move it away, then try again", path.display()),
    };
    let causes: String = causes.iter().map(|c| format!("  cause: {c}\n")).collect();
    format!(
        "gpupci: cannot {verb} gpupci1 (0000:02:00)\n  \
         cause: cannot parse {0}\n{causes}  \
         state: nothing was changed\n  \
         try:   {remedy}\n",
        path.display()
    )
}

#[test]
fn card_with_displays_of_two_vendors_is_the_recorded_one_whichever_vendor_counts() {
    let host = TestHost::unpacked("manual.tree");
    let second = "sys/bus/pci/devices/0000:02:00.1";
    host.write(&format!("{second}/vendor"), "0x1002\n");
    host.write(&format!("{second}/class"), "0x030000\n");
    let _kernel = FakeKernel::on(&host);
    host.line("list").answer();
    host.write("etc/gpupt.toml", "vendors = [\"amd\"]\n");
    host.line("detach gpupci1 --dry-run").answer();
}

#[test]
fn unreadable_record_is_refused_and_kept() {
    let (host, kernel) = manual();
    host.line("detach gpupci1").answer();
    let good = fs::read_to_string(host.path(RECORD)).expect("a record");
    let version = good.replace("\"version\": 1", "\"version\": 2");
    let newer = version.replacen('{', "{\"new_field\": [1],", 1);
    for (content, causes) in [
        (
            "{",
            &[
                "not a valid record of a card",
                "EOF while parsing an object at line 1 column 1",
            ][..],
        ),
        (
            "",
            &[
                "not a valid record of a card",
                "EOF while parsing a value at line 1 column 0",
            ],
        ),
        (
            &newer,
            &["version 2 is not supported; this program reads version 1"],
        ),
        (
            &version,
            &["version 2 is not supported; this program reads version 1"],
        ),
    ] {
        host.write(RECORD, content);
        for verb in ["detach", "attach"] {
            let text = unreadable(verb, &host, causes);
            refuses(&host, &kernel, &format!("{verb} gpupci1"), 1, &text);
        }
        let text = unreadable("recover", &host, causes);
        refuses(&host, &kernel, "recover", 1, &text);
        assert_eq!(host.line("status").code, Some(0));
        host.line("detach gpupci2").answer();
        host.line("attach gpupci2").answer();
    }
    host.write(RECORD, &good);
    host.line("attach gpupci1").answer();
}

#[test]
fn record_of_an_earlier_boot_is_ignored() {
    let (host, _kernel) = manual();
    let before = host.bindings();
    host.write("proc/sys/kernel/random/boot_id", "one\n");
    host.line("detach gpupci1").answer();
    let record = fs::read_to_string(host.path(RECORD)).expect("a record");
    host.write(RECORD, &record.replace("nvidia", "nouveau"));
    host.write("proc/sys/kernel/random/boot_id", "two\n");
    // As if the card had been bound to vfio-pci since boot.
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);

    host.write(RECORD, &record);
    let gone = "0000:02:00 is not on this host any more; its record was removed\n";
    assert_eq!(host.line("recover").answer(), gone);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn recover_leaves_foreign_files_alone() {
    let (host, kernel) = manual();
    host.write("run/gpupt/cards/README", "not ours\n");
    host.write("run/gpupt/cards/02:00.json", "not ours\n");
    let said = host.line("recover");
    assert_eq!(said.stderr, "gpupci: nothing to recover\n");
    assert_eq!((said.text(), said.code), (String::new(), Some(0)));
    assert_eq!(host.records(), ["02:00.json", "README"]);
    assert_eq!(kernel.writes(), [""; 0]);
}

#[test]
fn timeout_at_the_lock_names_the_holder() {
    let (host, kernel) = manual();
    fs::create_dir_all(host.path("run/gpupt")).expect("a folder");
    let lock = host.path("run/gpupt/lock");
    let mut holder = Command::new("flock")
        .arg(&lock)
        .args(["sh", "-c", "echo $$ >\"$0\"; echo held; read -r line"])
        .arg(&lock)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock(1)");
    let mut held = [0; 5];
    let out = holder.stdout.as_mut().expect("a pipe");
    std::io::Read::read_exact(out, &mut held).expect("it is held");
    let pid = fs::read_to_string(&lock).expect("a lock");
    let text = format!(
        "gpupci: another gpupci or hook (pid {}) is running and did not finish within 1 s\n  \
         state: nothing was changed\n  \
         try:   wait until that command has ended, then try again\n",
        pid.trim()
    );
    for line in ["detach gpupci1", "attach all", "recover"] {
        refuses(&host, &kernel, &format!("--timeout 0.25 {line}"), 4, &text);
    }
    // Commands that only read do not wait.
    host.line("detach gpupci1 --dry-run").answer();
    host.line("status").answer();
    drop(holder.stdin.take());
    holder.wait().expect("it ends");
    host.line("detach gpupci1").answer();
}

#[test]
fn attach_restores_a_recorded_function_that_is_not_part_of_the_card_now() {
    for is_detached_again in [false, true] {
        let (host, kernel) = manual();
        let before = host.bindings();
        host.line("detach gpupci1").answer();
        // An earlier release took the functions of all vendors in the slot.
        host.write(&format!("{DEVICES}/0000:02:00.1/vendor"), "0x1b21\n");
        if is_detached_again {
            kernel
                .administrator_overrides("0000:02:00.0", None)
                .administrator_binds("0000:02:00.0", Some("nvidia"));
            host.line("detach gpupci1").answer();
        }
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before, "{is_detached_again}");
        assert_eq!(host.records(), [""; 0]);
    }
}
