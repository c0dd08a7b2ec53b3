//! The output of every command, with empty and with full lists.

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::list_of;
use crate::support::TestHost;
use crate::support::kernel::FakeKernel;

const DEVICES: &str = "sys/bus/pci/devices";

#[test]
fn json_of_list_and_status_matches_the_schema() {
    for (tree, count) in [
        ("manual.tree", 2),
        ("mixed.tree", 2),
        ("four-functions.tree", 4),
        ("old-kernel.tree", 3),
        ("eight-cards.tree", 8),
        ("laptop-asleep.tree", 1),
        ("no-cards.tree", 0),
    ] {
        let host = TestHost::unpacked(tree);
        host.write("usr/share/misc/pci.ids", "10de  NVIDIA\n\t06de  GF100GL\n");
        for line in [
            "list --json",
            "-l --json",
            "status --json",
            "-s all --json",
            "renumber --json",
            "list -v --json",
        ] {
            let said = host.line(line);
            assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{tree}");
            assert_eq!(list_of(&said, "cards").len(), count, "{tree} {line}");
        }
    }
}

#[test]
fn json_of_cards_with_missing_attributes_matches_the_schema() {
    let host = TestHost::named("little");
    for slot in ["0000:01:00", "ffffffff:ff:1f"] {
        host.write(&format!("{DEVICES}/{slot}.7/vendor"), "0x10de\n");
        host.write(&format!("{DEVICES}/{slot}.7/class"), "0x030000\n");
    }
    let cards = list_of(&host.line("list --json"), "cards");
    assert_eq!(cards[1]["address"], "ffffffff:ff:1f.7");
    assert!(cards[0]["functions"][0]["device"].is_null());
    // A card without a device node has no users. Those of another card are unknown if a process cannot be read.
    host.write("proc/9/fd", "no folder\n");
    let cards = list_of(&host.line("list --json"), "cards");
    assert_eq!(cards[0]["users"], Value::Array(Vec::new()));
    host.write(&format!("{DEVICES}/0000:01:00.7/drm/card0/dev"), "226:0\n");
    let cards = list_of(&host.line("list --json"), "cards");
    assert!(cards[0]["users"].is_null());
    let said = host.line("status gpupci2 gpupci9 --json");
    assert_eq!(said.code, Some(3));
    assert_eq!(said.stderr, "GPU card gpupci9 not found\n");
    assert_eq!(list_of(&said, "cards").len(), 1);
    let said = host.line("status gpupci9 --json");
    assert_eq!(list_of(&said, "cards"), [Value::Null; 0]);
}

#[test]
fn json_of_cards_in_use_matches_the_schema() {
    let host = TestHost::unpacked("manual.tree");
    host.write("dev/vfio/8", "");
    host.write("proc/4242/comm", "qemu-kvm\n");
    let line = "/usr/libexec/qemu-kvm\0-name\0guest=rocks-33,x=y\0";
    host.write("proc/4242/cmdline", line);
    let folder = host.path("proc/4242/fd");
    std::fs::create_dir_all(&folder).expect("the folder is made");
    let link = folder.join("7");
    std::os::unix::fs::symlink("/dev/vfio/8", link).expect("the link is made");
    let cards = list_of(&host.line("list --json"), "cards");
    assert_eq!(cards[0]["users"][0]["guest"], "rocks-33");
    let groups = list_of(&host.line("groups --json"), "groups");
    assert_eq!(groups[8]["guest"], "rocks-33");
    for (phase, state) in [("attaching", "unfinished"), ("detached", "host")] {
        host.write(
            "run/gpupt/cards/0000:02:00.json",
            &format!("{{\"version\":1,\"boot\":\"\",\"phase\":\"{phase}\",\"functions\":[]}}"),
        );
        let cards = list_of(&host.line("status --json"), "cards");
        assert_eq!(cards[0]["state"], state);
    }
}

#[test]
fn json_of_groups_matches_the_schema() {
    for (tree, count) in [
        ("manual.tree", 10),
        ("mixed.tree", 11),
        ("no-cards.tree", 0),
    ] {
        let said = TestHost::unpacked(tree).line("-q groups --json");
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        assert_eq!(list_of(&said, "groups").len(), count, "{tree}");
    }
    let host = TestHost::unpacked("manual.tree");
    std::fs::remove_file(host.path(&format!("{DEVICES}/0000:02:00.1"))).expect("it goes");
    let groups = list_of(&host.line("groups --json"), "groups");
    assert!(groups[8]["members"][1]["kind"].is_null());
}

#[test]
fn json_of_detach_and_attach_matches_the_schema() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    let handed = |line: &str, code: i32| {
        let said = host.line(line);
        assert_eq!(said.code, Some(code), "{line}: {}", said.stderr);
        list_of(&said, "handed-cards")
    };
    let cards = handed("detach all --dry-run --json", 0);
    assert_eq!(cards[1]["writes"].as_array().map(Vec::len), Some(6));
    assert_eq!(kernel.writes(), [""; 0]);
    let cards = handed("detach gpupci1 --json", 0);
    assert!(cards[0]["writes"].is_null());
    assert_eq!(cards[0]["functions"][0]["was_so"], false);
    let cards = handed("-d gpupci1 --json", 0);
    assert_eq!(cards[0]["functions"][0]["was_so"], true);
    assert_eq!(cards[0]["functions"][0]["driver"], "vfio-pci");
    assert_eq!(handed("attach all --json", 0).len(), 2);
    assert_eq!(handed("attach gpupci9 --json", 3).len(), 0);
    host.line("list").answer();
    host.write(&format!("{DEVICES}/0000:02:00.0/device"), "0x1e87\n");
    let cards = handed("-d all --json", 8);
    assert_eq!(
        (&cards[0]["exit"], &cards[1]["exit"]),
        (&8.into(), &0.into())
    );
    assert_eq!(cards[0]["error"]["state"], "nothing was changed");
}

#[test]
fn json_of_recover_matches_the_schema() {
    let host = TestHost::unpacked("manual.tree");
    let _kernel = FakeKernel::on(&host);
    let said = host.line("-q recover --json");
    assert_eq!(list_of(&said, "recovered-cards"), [Value::Null; 0]);
    host.line("detach gpupci1").answer();
    let cards = list_of(&host.line("recover --json"), "recovered-cards");
    assert_eq!(cards[0]["slot"], "0000:02:00");
    // As if a write had not ended.
    let lock = std::fs::File::open(host.path("run/gpupt/writes/0000:02:00")).expect("a lock");
    lock.lock().expect("it is free");
    let said = host.line("--timeout 0.1 recover --json");
    assert_eq!(said.code, Some(6));
    let cards = list_of(&said, "recovered-cards");
    assert_eq!(cards[0]["exit"], 6);
}

#[test]
fn json_of_check_matches_the_schema() {
    for tree in [
        "manual.tree",
        "laptop-asleep.tree",
        "no-cards.tree",
        "old-kernel.tree",
    ] {
        let said = TestHost::unpacked(tree).line("check --json");
        assert_eq!(said.stderr, "", "{tree}");
        let findings = list_of(&said, "findings");
        assert!(findings.iter().any(|f| f["card"].is_null()), "{tree}");
        // Every failure and warning has a remedy.
        for finding in findings.iter().filter(|f| f["verdict"] != "pass") {
            assert!(finding["remedy"].is_string(), "{tree}: {finding}");
        }
    }
}

#[test]
fn json_of_why_matches_the_schema() {
    let host = TestHost::unpacked("manual.tree");
    host.write(
        "etc/libvirt/qemu/rocks-33.xml",
        "<domain><name>rocks-33</name><devices>\
         <hostdev mode='subsystem' type='pci' managed='yes'><source>\
         <address domain='0' bus='0x09' slot='0' function='0'/>\
         </source></hostdev></devices></domain>",
    );
    let said = host.line("why rocks-33 --json");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_ne!(list_of(&said, "reasons"), [Value::Null; 0]);
    host.write(
        "etc/libvirt/qemu/rocks-34.xml",
        "<domain><name>rocks-34</name></domain>",
    );
    list_of(&host.line("why rocks-34 --json"), "reasons");
}

#[test]
fn json_of_host_commands_matches_the_schema() {
    let host = TestHost::unpacked("manual.tree");
    for line in ["host list --json", "host report --json", "host dump --json"] {
        assert_eq!(list_of(&host.line(line), "gpus"), [Value::Null; 0]);
    }
    let said = host.line("host conflicts --json");
    assert_eq!(list_of(&said, "conflicts"), [Value::Null; 0]);
    for line in [
        "-q host add vm-container-0-15 gpupci1 02:00.0",
        "-q host add vm-container-0-15 gpupci2 03:00.0",
        "-q host add vm-container-0-15 gpupci3 03:00.0",
        "-q host add vm-container-0-15 gpupci4 04:00.1",
        "-q host add rocks-33 gpupci 02:00.0",
        "-q host add rocks-34 gpupci 02:00.0,09:00.0",
    ] {
        host.line(line).answer();
    }
    for (line, count) in [
        ("host list --json", 6),
        ("host report --json", 6),
        ("host dump --json", 6),
        ("host list rocks-33 --json", 1),
        ("host report rocks-34 gpu=gpupci --json", 1),
        ("host report rocks-34 gpu=nosuch --json", 0),
    ] {
        assert_eq!(list_of(&host.line(line), "gpus").len(), count, "{line}");
    }
    let said = host.line("host conflicts --json");
    assert_eq!(said.code, Some(1));
    let conflicts = list_of(&said, "conflicts");
    let mut kinds: Vec<&str> = conflicts
        .iter()
        .filter_map(|c| c["kind"].as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["missing-card", "not-function-0", "shared-card", "two-names"]
    );
    for (guest, count) in [("rocks-33", 0), ("rocks-35", 1)] {
        let said = host.line(&format!("host allows {guest} all --json"));
        assert_eq!(list_of(&said, "given_away").len(), count, "{guest}");
    }
}

#[test]
fn json_of_hook_status_and_hook_install_matches_the_schema() {
    let host = TestHost::unpacked("manual.tree");
    host.write("etc/libvirt/libvirtd.conf", "");
    assert_eq!(
        list_of(&host.line("hook status --json"), "hooks"),
        [Value::Null; 0]
    );
    let hook = format!("hook install --json --from {}", env!("CARGO_BIN_EXE_qemu"));
    assert_eq!(list_of(&host.line(&hook), "hooks").len(), 1);
    host.write("etc/libvirt/hooks/qemu.d/other", "#!/bin/sh\nvirsh list\n");
    let said = host.line("hook status --json");
    let hooks = list_of(&said, "hooks");
    assert!(hooks.iter().any(|hook| hook["is_ours"] == true));
    assert!(hooks.iter().any(|hook| hook["calls_virsh"] == true));
}
