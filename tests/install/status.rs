//! `gpupci hook status`.

use std::time::{SystemTime, UNIX_EPOCH};

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;
use crate::{BACKUP, INSIDE, PACKAGED, SINGLE, foreign, new_libvirt, old_libvirt, program};

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

/// Adds a libvirtd that was started at this time.
fn daemon(host: &TestHost, started_at: u64) {
    daemon_called(host, "run/libvirtd.pid", "libvirtd", started_at);
}

fn daemon_called(host: &TestHost, file: &str, name: &str, started_at: u64) {
    host.write(file, "812\n");
    host.write(
        "proc/stat",
        &format!("cpu 1 2\nbtime {}\nprocesses 9\n", started_at - 50),
    );
    let rest = "S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 21 0 5000 0 0";
    host.write("proc/812/stat", &format!("812 ({name}) {rest}\n"));
}

/// Asserts the output of `hook status`, with `PROGRAM` for the path of the packaged hook.
#[track_caller]
fn assert_status(host: &TestHost, code: i32, lines: &[&str]) {
    let said = host.line("hook status");
    let text = said.text();
    let program = host.path(PACKAGED).display().to_string();
    let text = text.replace(&program, "PROGRAM");
    let told: Vec<&str> = text.lines().collect();
    assert_eq!(told, lines);
    assert_eq!((said.code, said.stderr.as_str()), (Some(code), ""));
}

#[test]
fn status_says_when_the_daemon_last_ran_the_hook() {
    let host = new_libvirt();
    host.line("hook install").answer();
    let hook = "hook:     /etc/libvirt/hooks/qemu.d/gpupt, up to date";
    let version = "libvirt:  9.0.0";
    let quiet = "last run: never; libvirtd is not running";
    assert_status(&host, 0, &[hook, version, quiet]);
    daemon(&host, now() - 5000);
    let unseen = "last run: not since libvirtd (pid 812) started";
    let reload = "          try: systemctl reload libvirtd, then start a guest";
    assert_status(&host, 0, &[hook, version, unseen, reload]);
    // An earlier daemon ran it.
    host.write("run/gpupt/hook-seen", &(now() - 6000).to_string());
    assert_status(&host, 0, &[hook, version, unseen, reload]);
    host.write("run/gpupt/hook-seen", &(now() - 190).to_string());
    let seen = "last run: 3 min ago, by libvirtd (pid 812)";
    assert_status(&host, 0, &[hook, version, seen]);
    daemon(&host, now() + 5000);
    let later =
        "last run: not yet by libvirtd (pid 812), which started after the hook was installed";
    assert_status(&host, 0, &[hook, version, later]);
    // Another process has this pid now.
    host.write("proc/812/stat", "812 (a) libvirtd) S 1 1\n");
    let gone = "last run: 3 min ago; libvirtd is not running";
    assert_status(&host, 0, &[hook, version, gone]);
}

#[test]
fn status_finds_libvirtd_and_virtqemud() {
    for (file, name) in [
        ("run/libvirtd.pid", "libvirtd"),
        ("run/libvirt/libvirtd.pid", "libvirtd"),
        ("run/virtqemud.pid", "virtqemud"),
        ("run/libvirt/virtqemud.pid", "virtqemud"),
    ] {
        let host = new_libvirt();
        host.line("hook install").answer();
        daemon_called(&host, file, name, now() - 5000);
        let said = host.line("hook status").answer();
        let unseen = format!("last run: not since {name} (pid 812) started\n");
        assert!(said.contains(&unseen), "{file}: {said}");
        assert!(
            said.contains(&format!("try: systemctl reload {name},")),
            "{said}"
        );
        host.write("run/gpupt/hook-seen", &(now() - 190).to_string());
        let said = host.line("hook status").answer();
        let seen = format!("last run: 3 min ago, by {name} (pid 812)\n");
        assert!(said.contains(&seen), "{file}: {said}");
    }
}

#[test]
fn status_reports_a_missing_hook() {
    let host = new_libvirt();
    let line = "hook:     not installed in /etc/libvirt/hooks";
    let install = "          try: gpupci hook install";
    assert_status(&host, 1, &[line, install, "libvirt:  9.0.0"]);
    foreign(&host, INSIDE);
    let other = "other:    /etc/libvirt/hooks/qemu.d/gpupt, not a gpupt hook";
    assert_status(&host, 1, &[line, install, "libvirt:  9.0.0", other]);
    std::fs::remove_dir_all(host.path("etc/libvirt")).expect("it goes");
    let line = "hook:     not installed: this host has no libvirt";
    let check = "          try: install libvirt and QEMU (`gpupci check` shows the command)";
    assert_status(&host, 1, &[line, check, "libvirt:  9.0.0"]);
}

#[test]
fn status_reports_a_hook_that_libvirt_does_not_run() {
    let host = new_libvirt();
    host.line("hook install").answer();
    host.set_mode(INSIDE, 0o644);
    let line = "hook:     /etc/libvirt/hooks/qemu.d/gpupt is not executable, so libvirt ignores it";
    let install = "          try: gpupci hook install";
    assert_status(&host, 1, &[line, install, "libvirt:  9.0.0"]);
    let host = old_libvirt();
    host.write_bytes(INSIDE, &program("gpupt"));
    host.set_mode(INSIDE, 0o755);
    let line =
        "hook:     /etc/libvirt/hooks/qemu.d/gpupt: libvirt 4.5.0 does not run hooks in qemu.d";
    assert_status(&host, 1, &[line, install, "libvirt:  4.5.0"]);
}

#[test]
fn status_reports_an_outdated_hook_and_the_other_hooks() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    host.line("hook install").answer();
    host.write_bytes(PACKAGED, &program("gpupt, second build"));
    let virsh = "etc/libvirt/hooks/qemu.d/10-\x1b[2J";
    host.write(virsh, "#!/bin/sh\nvirsh list\n");
    host.set_mode(virsh, 0o755);
    host.write("etc/libvirt/hooks/qemu.d/readme", "text");
    let lines = [
        "hook:     /etc/libvirt/hooks/qemu, not up to date: PROGRAM differs",
        "          try: gpupci hook install",
        "libvirt:  4.5.0",
        "last run: never; libvirtd is not running",
        "other:    /etc/libvirt/hooks/qemu.before-gpupt, run by /etc/libvirt/hooks/qemu after the gpupt hook",
        "other:    /etc/libvirt/hooks/qemu.d/10-\\u{1b}[2J, calls virsh: the start of a guest can hang for ever",
        "          try: remove the virsh calls from /etc/libvirt/hooks/qemu.d/10-\\u{1b}[2J",
        "other:    /etc/libvirt/hooks/qemu.d/readme, not executable",
    ];
    assert_status(&host, 0, &lines);
}

#[test]
fn status_reports_a_hook_that_runs_twice() {
    let host = new_libvirt();
    host.line("hook install").answer();
    host.write_bytes(SINGLE, &program("gpupt"));
    host.set_mode(SINGLE, 0o755);
    let text = host.line("hook status").text();
    let copy = "other:    /etc/libvirt/hooks/qemu.d/gpupt is a second copy of the gpupt hook, so the hook runs twice\n";
    assert!(text.contains(copy), "{text}");
}

#[test]
fn status_prints_json() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    host.line("hook install").answer();
    daemon(&host, now() - 500);
    let seen = now() - 7;
    host.write("run/gpupt/hook-seen", &seen.to_string());
    let said = host.line("hook status --json").answer();
    let value: Value = serde_json::from_str(&said).expect("JSON");
    let ours = json!({
        "path": format!("/{SINGLE}"),
        "is_ours": true,
        "is_current": true,
        "is_executable": true,
        "is_run": true,
        "run_by": null,
        "is_open_to_all": false,
        "calls_virsh": false,
        "unread": null,
        "is_seen": true,
        "seen_at": seen,
    });
    let mut kept = ours.clone();
    kept["path"] = json!(format!("/{BACKUP}"));
    kept["is_ours"] = json!(false);
    kept["run_by"] = json!(format!("/{SINGLE}"));
    for word in ["is_current", "is_seen", "seen_at"] {
        kept[word] = Value::Null;
    }
    assert_eq!(value["hooks"], json!([ours, kept]));
    let said = TestHost::named("empty").line("hook status --json");
    let value: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(
        (&value["version"], &value["hooks"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(said.code, Some(1));
}
