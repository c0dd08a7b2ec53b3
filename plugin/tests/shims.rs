//! The Rocks commands as a frontend runs them: with every Python that is installed, a stand-in for
//! `rocks.commands`, the built library and `gpupci`, and a real MariaDB with Rocks' tables.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

mod support;

use std::fs;

use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;
use support::frontend::{with_every_python, xml};
use support::repository;

#[test]
fn rocks_commands_of_the_manual_print_its_lines() {
    with_every_python(|frontend, server| {
        let rocks = |words| frontend.rocks(server, words);
        assert_eq!(rocks("report host vm config rocks-33"), xml("rocks-33.xml"));
        assert_eq!(
            rocks("add host gpu vm-container-0-15 gpupci1 pci_0000_02_00_0"),
            ""
        );
        assert_eq!(
            rocks("add host gpu vm-container-0-15 gpu=gpupci2 value=0000:03:00.0"),
            ""
        );
        assert_eq!(
            rocks("list host gpu"),
            "HOST               GPU     PCI_BUS         \n\
             vm-container-0-15: gpupci1 pci_0000_02_00_0\n\
             vm-container-0-15: gpupci2 pci_0000_03_00_0\n"
        );
        assert_eq!(rocks("add host gpu rocks-33 gpupci pci_0000_02_00_0"), "");
        assert_eq!(
            rocks("report host vm config rocks-33"),
            xml("rocks-33-with-card.xml")
        );
        assert_eq!(
            rocks("report host gpu rocks-33"),
            "gpupci:pci_0000_02_00_0\n"
        );
        assert_eq!(
            rocks("report host gpu rocks-33 pydict=true"),
            "{'gpupci': 'pci_0000_02_00_0'}\n"
        );
        assert_eq!(rocks("set host gpu rocks-33 gpupci gpupci2"), "");
        assert!(rocks("report host vm config rocks-33").contains("bus='0x03'"));
        assert_eq!(
            rocks("dump host gpu rocks-33"),
            "/opt/rocks/bin/rocks add host gpu rocks-33 gpupci gpupci2\n\
             /opt/rocks/bin/rocks add host gpu rocks-33 gpupci_old pci_0000_02_00_0\n"
        );
        assert_eq!(rocks("remove host gpu rocks-33 gpupci"), "");
        assert_eq!(rocks("report host vm config rocks-33"), xml("rocks-33.xml"));
    });
}

#[test]
fn errors_are_printed_as_rocks_prints_them() {
    with_every_python(|frontend, server| {
        let rocks = |words: &[&str]| frontend.rocks_fails(server, words);
        assert_eq!(
            rocks(&["list", "host", "gpu", "nosuch"]),
            "Error: cannot resolve host \"nosuch\"\n[host]\n"
        );
        frontend.rocks(server, "add host gpu rocks-34 gpupci 02:00.0");
        assert_eq!(
            rocks(&["add", "host", "gpu", "rocks-34", "gpupci", "03:00.0"]),
            "Error: gpu \"gpupci\" exists\n  try:   replace it with `rocks set host gpu`\n\
             {host} {gpu} {value} [gpu=string] [value=string]\n"
        );
        let hostile = rocks(&[
            "set",
            "host",
            "gpu",
            "rocks-34",
            "gpupci",
            "pci_0000_02_00_0'/><x",
        ]);
        assert!(
            hostile.starts_with("Error: invalid value for attribute gpupci of rocks-34\n"),
            "{hostile}"
        );
        assert!(rocks(&["remove", "host", "gpu"]).contains("must supply one host"));
        assert!(rocks(&["report", "host", "gpu", "-x"]).contains("cannot resolve host \"-x\""));
    });
}

/// Rocks itself fails before it calls a command, so no command can say it better.
#[test]
fn empty_word_is_rocks_own_traceback() {
    with_every_python(|frontend, server| {
        for words in [
            &["add", "host", "gpu", "rocks-34", "gpupci", ""][..],
            &["report", "host", "vm", "config", "rocks-34", " "],
            &["list", "host", "gpu", ""],
        ] {
            let said = frontend.command(server, words).output();
            let said = said.expect("Python starts");
            let stderr = String::from_utf8_lossy(&said.stderr);
            let stdout = String::from_utf8_lossy(&said.stdout);
            assert_eq!((said.status.code(), &*stdout), (Some(1), ""), "{words:?}");
            assert!(stderr.starts_with("Traceback "), "{words:?}: {stderr}");
        }
        assert_eq!(frontend.rocks(server, "list host gpu"), "");
    });
}

/// The library gets `<devices>` alone, so its lines are counted in that.
#[test]
fn report_names_the_guest_and_the_attributes_of_malformed_xml() {
    with_every_python(|frontend, server| {
        frontend.rocks(server, "add host gpu rocks-33 gpupci 02:00.0");
        let words = ["report", "host", "vm", "config", "rocks-33"];
        let mut command = frontend.command(server, &words);
        command.env("ROCKS_STANDIN_KVM_DEVICE_0", "    <a></b>");
        let said = command.output().expect("Python starts");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        for part in [
            "Error: cannot add the cards of rocks-33: its <devices> is invalid (line 1 is <devices>)\n",
            "  cause: the domain XML is not well-formed at line ",
            "check the attributes kvm_device_0, kvm_device_1, … with `rocks list host attr rocks-33`",
        ] {
            assert!(said.contains(part), "{said}");
        }
    });
}

/// Values that were inserted without any check.
#[test]
fn report_fails_with_a_message_on_an_unusable_value() {
    with_every_python(|frontend, server| {
        for value in [
            "nonsense",
            "pci_0000_02_00",
            "pci_zz_<&>_00_0",
            "'/><x",
            "",
            "gpupci9",
        ] {
            let mut root = server.root(&frontend.database);
            let member = "(select ID from catindex where Name = 'rocks-33')";
            root.exec_drop(
                format!("delete from attributes where Attr = 'gpupci' and Catindex = {member}"),
                (),
            )
            .expect("the old value goes");
            root.exec_drop(
                format!("insert into attributes (Attr, Value, Category, Catindex) select 'gpupci', ?, Category, ID from catindex where ID = {member}"),
                (value,),
            )
            .expect("the value is stored");
            let said =
                frontend.rocks_fails(server, &["report", "host", "vm", "config", "rocks-33"]);
            assert!(
                said.starts_with("Error: ") && said.contains("rocks-33"),
                "{value}: {said}"
            );
            assert!(
                said.contains("gpupci") && said.ends_with("{host}...\n"),
                "{value}: {said}"
            );
            assert!(!said.contains("gpupci host"), "{value}: {said}");
        }
    });
}

#[test]
fn missing_or_wrong_library_is_reported() {
    with_every_python(|frontend, server| {
        frontend.rocks(server, "add host gpu rocks-33 gpupci 02:00.0");
        let words = ["report", "host", "vm", "config", "rocks-33"];
        let with = |library: &str| {
            let mut command = frontend.command(server, &words);
            let said = command
                .env("GPUPT_LIBRARY", library)
                .output()
                .expect("Python starts");
            assert_eq!(said.status.code(), Some(1));
            String::from_utf8_lossy(&said.stdout).into_owned()
        };
        assert!(
            with("/nonexistent/libgpupt.so").starts_with("Error: cannot load the gpupt library")
        );
        assert!(with("/etc/passwd").starts_with("Error: cannot load the gpupt library"));
    });
}

/// The shim names the version of the interface that it expects.
#[test]
fn shim_expects_the_version_of_the_library() {
    let shim = repository().join("plugin/rocks/gpupt_library.py");
    let shim = fs::read_to_string(shim).expect("the shim is there");
    let version = env!("CARGO_PKG_VERSION")
        .rsplit_once('.')
        .expect("a version has a patch")
        .0;
    assert!(
        shim.contains(&format!("\nVERSION = '{version}'\n")),
        "{version}"
    );
}
