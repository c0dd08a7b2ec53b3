//! Reasons to refuse an install: foreign files at the paths of the hook.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{TestHost, run};
use crate::{BACKUP, HOOKS, INSIDE, SINGLE, foreign, new_libvirt, old_libvirt};

/// Asserts that install is refused with these causes and changes nothing.
#[track_caller]
fn refuses(host: &TestHost, causes: &[&str]) {
    let said = host.refusal("hook install");
    let told: Vec<&str> = said
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  cause: "))
        .collect();
    assert_eq!(told, causes, "{}", said.stderr);
    assert!(
        said.stderr
            .starts_with("gpupci: cannot install the libvirt hook\n")
    );
    assert!(
        said.stderr
            .contains("\n  state: nothing was changed\n  try:   ")
    );
    assert_eq!(said.code, Some(4));
}

const REAL: &str = ", not a directory";

#[test]
fn install_refuses_a_hook_folder_that_is_a_file_or_socket() {
    for make in [
        |host: &TestHost| host.write(HOOKS, "text"),
        |host: &TestHost| {
            UnixListener::bind(host.path(HOOKS)).expect("a socket");
        },
    ] {
        let host = new_libvirt();
        fs::remove_dir(host.path(HOOKS)).expect("it goes");
        make(&host);
        let what = match host.path(HOOKS).is_file() {
            true => "a file",
            false => "a pipe, a socket or a device",
        };
        refuses(&host, &[&format!("/etc/libvirt/hooks is {what}{REAL}")]);
        let said = host.line("hook uninstall").answer();
        assert_eq!(said, "the libvirt hook is not installed\n");
    }
}

#[test]
fn install_refuses_a_hook_folder_that_is_a_link() {
    let host = new_libvirt();
    host.make_folder("srv/hooks");
    host.link("/srv\x1bhooks", "etc/libvirt/hooks/qemu.d");
    let cause = format!("/etc/libvirt/hooks/qemu.d is a link to /srv\\u{{1b}}hooks{REAL}");
    refuses(&host, &[&cause]);
    fs::remove_dir_all(host.path(HOOKS)).expect("it goes");
    let target = host.path("srv/hooks");
    host.link(target.to_str().expect("text"), HOOKS);
    let cause = format!("/etc/libvirt/hooks is a link to {}{REAL}", target.display());
    refuses(&host, &[&cause]);
}

#[test]
fn install_refuses_a_folder_at_the_path_of_the_hook() {
    let host = old_libvirt();
    host.make_folder(&format!("{SINGLE}/prepare"));
    refuses(&host, &["/etc/libvirt/hooks/qemu is a directory"]);
    let host = new_libvirt();
    host.make_folder(&format!("{INSIDE}/prepare"));
    refuses(&host, &["/etc/libvirt/hooks/qemu.d/gpupt is a directory"]);
}

#[test]
fn install_refuses_a_pipe_at_the_path_of_the_hook() {
    let host = old_libvirt();
    let pipe = host.path(SINGLE);
    assert_eq!(run(Command::new("mkfifo").arg(pipe), b"").answer(), "");
    refuses(
        &host,
        &["/etc/libvirt/hooks/qemu is a pipe, a socket or a device"],
    );
}

#[test]
fn install_refuses_a_foreign_file_named_gpupt_in_qemu_d() {
    let host = new_libvirt();
    foreign(&host, INSIDE);
    let what = "/etc/libvirt/hooks/qemu.d/gpupt is a file that is not a gpupt hook";
    refuses(&host, &[what]);
    fs::write(
        host.path(INSIDE),
        "#!/bin/sh\nexec /opt/gpupt/mine \"$@\"\n",
    )
    .expect("written");
    refuses(&host, &[what]);
}

#[test]
fn install_refuses_if_the_backup_name_is_a_folder() {
    let host = old_libvirt();
    foreign(&host, SINGLE);
    host.make_folder(BACKUP);
    refuses(
        &host,
        &[
            "/etc/libvirt/hooks/qemu is not a gpupt hook, and it cannot be kept as \
             /etc/libvirt/hooks/qemu.before-gpupt, which already exists",
        ],
    );
    // Without another hook, the backup name is not needed.
    fs::remove_file(host.path(SINGLE)).expect("it goes");
    host.line("hook install").answer();
    host.line("hook uninstall").answer();
    assert!(host.has(BACKUP) && !host.has(SINGLE));
}

#[test]
fn install_refuses_without_libvirt() {
    let host = new_libvirt();
    fs::remove_dir_all(host.path("etc/libvirt")).expect("it goes");
    let said = host.refusal("hook install");
    assert_eq!(
        said.stderr,
        "gpupci: cannot install the libvirt hook\n  \
         cause: libvirt is not installed: /etc/libvirt does not exist\n  \
         state: nothing was changed\n  \
         try:   install libvirt and QEMU (`gpupci check` shows the command), then run `gpupci hook install`\n"
    );
    assert_eq!(said.code, Some(5));
    fs::write(host.path("etc/libvirt"), "a file").expect("written");
    refuses_as_file(&host);
}

#[track_caller]
fn refuses_as_file(host: &TestHost) {
    let said = host.line("hook install");
    assert_eq!(
        (said.code, said.text().as_str()),
        (Some(1), ""),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("Not a directory"), "{}", said.stderr);
}
