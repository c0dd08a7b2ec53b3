//! Which file is installed as the hook.

use std::fs;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{TestHost, run};
use crate::{HOOKS, INSIDE, PACKAGED, new_libvirt, program};

#[track_caller]
fn refuses(host: &TestHost, line: &str, cause: &str) {
    let said = host.refusal(line);
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: cannot install the libvirt hook\n  \
             cause: {cause}\n  \
             state: nothing was changed\n  \
             try:   name the hook program: gpupci hook install --from FILE\n"
        )
    );
    assert_eq!(said.code, Some(1));
}

#[test]
fn install_uses_the_hook_beside_gpupci_if_there_is_no_package() {
    let host = new_libvirt();
    fs::remove_file(host.path(PACKAGED)).expect("it goes");
    host.line("hook install").answer();
    let built = fs::read(env!("CARGO_BIN_EXE_qemu")).expect("the hook is built");
    host.assert_hook(INSIDE, &built);
    let mut hook = Command::new(host.path(INSIDE));
    hook.args(["rocks-33", "started", "begin", "-"])
        .env("GPUPT_ROOT", host.root.path());
    assert_eq!(run(&mut hook, b"<domain/>").answer(), "");
    let said = host.line("hook status").answer();
    let line = format!("hook:     /{INSIDE}, up to date\n");
    assert!(said.starts_with(&line), "{said}");
}

#[test]
fn install_from_uses_the_named_program() {
    let host = new_libvirt();
    host.write_bytes("tmp/hook", &program("gpupt, of my own"));
    let path = host.path("tmp/hook");
    let line = format!("hook install --from {}", path.display());
    host.line(&line).answer();
    host.assert_hook(INSIDE, &program("gpupt, of my own"));
    // `--from` may name the installed hook.
    let line = format!("hook install --from {}", host.path(INSIDE).display());
    let said = host.line(&line).answer();
    assert!(said.ends_with(" is up to date\n"), "{said}");
}

#[test]
fn install_from_refuses_a_file_that_is_not_the_hook() {
    let host = new_libvirt();
    let mut foreign = program("gpupt");
    foreign[18] ^= 0x40;
    for (content, why) in [
        (&b"#!/bin/sh\nexec gpupt\n"[..], "it is not a program"),
        (b"", "it is not a program"),
        (&program("qemu"), "it is a program, but not the gpupt hook"),
        (&foreign, "it is a program for another architecture"),
    ] {
        host.write_bytes("tmp/hook", content);
        let path = host.path("tmp/hook").display().to_string();
        let cause = format!("{path} cannot be installed as the hook: {why}");
        refuses(&host, &format!("hook install --from {path}"), &cause);
    }
    let gpupci = env!("CARGO_BIN_EXE_gpupci");
    let cause = format!("{gpupci} cannot be installed as the hook: it is gpupci itself");
    refuses(&host, &format!("hook install --from {gpupci}"), &cause);
}

#[test]
fn install_from_refuses_what_is_no_regular_file() {
    let host = new_libvirt();
    let folder = host.path(HOOKS).display().to_string();
    let cause = format!("{folder} cannot be installed as the hook: it is a directory");
    refuses(&host, &format!("hook install --from {folder}"), &cause);
    let pipe = host.path("pipe").display().to_string();
    assert_eq!(run(Command::new("mkfifo").arg(&pipe), b"").answer(), "");
    let why = "it is a pipe, a socket or a device";
    let cause = format!("{pipe} cannot be installed as the hook: {why}");
    refuses(&host, &format!("hook install --from {pipe}"), &cause);
    let cause = "the hook program was not found: looked for /nowhere";
    refuses(&host, "hook install --from /nowhere", cause);
}
