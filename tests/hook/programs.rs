//! Programs below `--root` are never run: a tree of files may come from a stranger.

use std::fs;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::HOOK;
use crate::guests::{Guest, hostdev};
use crate::host_tree::script;
use crate::stage::Stage;
use crate::support::run;

/// Programs that gpupt runs on a real machine, and where a tree could have them.
const PROGRAMS: [&str; 12] = [
    "usr/bin/gpupci",
    "usr/bin/virsh",
    "usr/bin/journalctl",
    "usr/bin/systemctl",
    "bin/systemctl",
    "sbin/modprobe",
    "usr/sbin/modprobe",
    "sbin/restorecon",
    "usr/sbin/restorecon",
    "usr/sbin/libvirtd",
    "usr/sbin/virtqemud",
    "opt/rocks/bin/rocks",
];

/// The manual's host with a program at every such path; each writes a file when it is run.
fn hostile(mark: &Path) -> Stage {
    let stage = Stage::manual();
    for program in PROGRAMS {
        let path = stage.host.path(program);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        let text = format!("#!/bin/sh\necho {program} >>{}\n", mark.display());
        script(&path, &text);
    }
    for folder in ["run/systemd/system", "sys/fs/selinux", "etc/libvirt/hooks"] {
        fs::create_dir_all(stage.host.path(folder)).expect("folders");
    }
    stage.host.write("run/libvirtd.pid", "77\n");
    stage.host.write("proc/77/stat", "77 (libvirtd) S 1\n");
    stage
        .host
        .write("etc/libvirt/qemu/rocks-33.xml", &guest().xml());
    stage
}

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

#[test]
fn no_program_of_a_tree_is_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("run");
    let stage = hostile(&mark);
    let url = format!("sqlite:{}", folder.path().join("cluster.db").display());
    let settings = format!("database = \"{url}\"\n");
    stage.host.write("etc/gpupt.toml", &settings);
    let added = stage.host.line("host add rocks-33 gpupci 02:00.0");
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    for operation in ["prepare", "start", "started", "reconnect", "restore"] {
        stage.hook(&guest(), operation);
    }
    for line in [
        "recover",
        "list -v",
        "check",
        "status",
        "groups",
        "why rocks-33",
        "hook status",
        "hook install",
        "hook uninstall",
        "attach gpupci1",
        "detach gpupci2",
        "host list",
    ] {
        stage.host.line(line);
    }
    stage.hook(&guest(), "release");
    assert_eq!(fs::read_to_string(&mark).unwrap_or_default(), "");
}

#[test]
fn hook_in_a_tree_does_not_run_the_gpupci_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("run");
    let stage = hostile(&mark);
    stage
        .host
        .write("etc/gpupt.toml", "database = \"sqlite:/x\"\n");
    let hook = stage.host.path("usr/bin/qemu");
    fs::copy(HOOK, &hook).expect("a copy");
    let mut command = Command::new(hook);
    command.args(["rocks-33", "prepare", "begin", "-"]);
    stage.host.select(&mut command);
    let said = run(&mut command, guest().xml().as_bytes());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let why = "rocks-33: the cluster's attributes were not checked: /usr/bin/gpupci: not run in a \
               tree of files";
    assert_eq!(stage.journal()[0]["MESSAGE"], why);
    assert_eq!(fs::read_to_string(&mark).unwrap_or_default(), "");
}
