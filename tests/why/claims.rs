//! The hook's own judgement, for each way in which a guest can claim a card.

use std::fs;

use pretty_assertions::assert_eq;

use crate::{GUEST, Host, UUID, hostdev, run};

/// Every form of a claim for function 0 of the card at 03:00.
fn forms() -> Vec<(&'static str, String)> {
    let source =
        "<source><address type='pci' domain='0' bus='0x03' slot='0' function='0'/></source>";
    vec![
        ("hostdev", hostdev("03")),
        (
            "interface",
            format!("<interface type='hostdev' managed='yes'>{source}</interface>"),
        ),
        (
            "nvme",
            "<disk type='nvme' device='disk'><source type='pci' managed='yes' namespace='1'>\
             <address domain='0' bus='0x03' slot='0' function='0'/></source></disk>"
                .to_owned(),
        ),
    ]
}

#[test]
fn why_judges_every_form_of_a_claim() {
    for (form, devices) in forms() {
        let host = Host::with_guest(&devices);
        host.write("etc/driverctl.d/0000:03:00.0", "nvidia\n");
        assert_eq!(
            host.why(),
            "now:        gpupci2 (0000:03:00): driverctl has set the driver of 0000:03:00.0 to nvidia\n            \
             try: driverctl unset-override 0000:03:00.0\n",
            "{form}"
        );
    }
}

#[test]
fn why_judges_a_card_that_an_option_of_qemu_claims() {
    let host = Host::new();
    let xml = format!(
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  \
         <name>{GUEST}</name>\n  <uuid>{UUID}</uuid>\n  <devices/>\n  <qemu:commandline>\n    \
         <qemu:arg value='-device'/>\n    <qemu:arg value='vfio-pci,host=03:00.0'/>\n  \
         </qemu:commandline>\n</domain>\n"
    );
    host.write("etc/libvirt/qemu/rocks-33.xml", &xml);
    host.write("etc/driverctl.d/0000:03:00.1", "snd_hda_intel\n");
    let reasons = host.why();
    let first = "now:        gpupci2 (0000:03:00): driverctl has set the driver of 0000:03:00.1";
    assert!(reasons.starts_with(first), "{reasons}");
}

#[test]
fn why_says_that_a_guest_claims_a_card_and_a_part_of_it() {
    let host = Host::new();
    let uuid = "11111111-2222-3333-4444-555555555555";
    let device = fs::canonicalize(host.path("sys/bus/pci/devices/0000:02:00.0")).expect("a card");
    fs::create_dir_all(device.join(uuid)).expect("a folder");
    fs::create_dir_all(host.path("sys/bus/mdev/devices")).expect("a folder");
    let link = host.path(&format!("sys/bus/mdev/devices/{uuid}"));
    std::os::unix::fs::symlink(device.join(uuid), link).expect("a link");
    let mediated = format!(
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='{uuid}'/>\
         </source></hostdev>"
    );
    host.define(GUEST, UUID, &format!("{}{mediated}", hostdev("02")));
    let codes: Vec<String> = host
        .reasons()
        .iter()
        .map(|r| r["codes"].to_string())
        .collect();
    assert!(
        codes.contains(&"[\"claimed-in-parts\"]".to_owned()),
        "{codes:?}"
    );
}

#[test]
fn several_functions_with_the_same_problem_are_one_reason() {
    let host = Host::with_guest(&hostdev("02"));
    for function in ["0000:02:00.0", "0000:02:00.1"] {
        let group = host.path(&format!("sys/bus/pci/devices/{function}/iommu_group"));
        fs::remove_file(group).expect("a link");
    }
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["codes"], serde_json::json!(["no-iommu-group"]));
    assert_eq!(reasons[0]["state"], "nothing was changed");
    let text = reasons[0]["text"].as_str().expect("text");
    assert!(text.contains("0000:02:00.0 has no IOMMU group"), "{text}");
    assert!(text.contains("0000:02:00.1 has no IOMMU group"), "{text}");
}

#[test]
fn settings_with_an_error_are_a_reason_like_any_other() {
    let host = Host::with_guest(&hostdev("02"));
    host.write("etc/gpupt.toml", "vendors = \"1234\"\n");
    let reasons = host.why();
    assert!(reasons.contains("cannot parse"), "{reasons}");
    assert!(reasons.contains("etc/gpupt.toml"), "{reasons}");
}

#[test]
fn card_that_is_not_the_recorded_one_is_a_reason() {
    let host = Host::with_guest(&hostdev("02"));
    host.line("list").answer();
    let path = host.path("var/lib/gpupt/cards.json");
    let names = fs::read_to_string(&path).expect("names");
    let device = names.split("\"device\": \"").nth(1).expect("a device");
    let names = names.replacen(&device[..4], "2222", 1);
    fs::write(path, names).expect("names");
    let reasons = host.why();
    assert!(
        reasons.contains("gpupci1 was recorded as 10de:2222"),
        "{reasons}"
    );
    assert!(reasons.contains("gpupci renumber"), "{reasons}");
}

#[test]
fn card_that_the_cluster_gives_to_another_guest_is_a_reason() {
    let host = Host::with_guest(&hostdev("02"));
    let own = fs::read_to_string(host.path("proc/sys/kernel/hostname")).expect("a name");
    let own = own.trim();
    host.line(&format!("host add {own} gpupci1 0000:02:00.0"));
    host.line("host add owner gpupci gpupci1");
    let database = host.path("var/lib/gpupt/cluster.db");
    assert!(database.exists());
    let reasons = host.why();
    assert!(
        reasons.contains("the cluster gives it to owner"),
        "{reasons}"
    );
    assert!(
        reasons.contains("assign it to this guest in the cluster"),
        "{reasons}"
    );
    // Rocks' words for those who use Rocks.
    for arguments in ["why rocks-33", "why rocks-33 --json"] {
        let mut command = host.command();
        command.args(arguments.split(' '));
        command.env("GPUPT_ASKED_BY", "rocks");
        let reasons = run(&mut command, b"").text();
        assert!(reasons.contains("`rocks list host gpu`"), "{reasons}");
        assert!(!reasons.contains("gpupci host "), "{reasons}");
    }
}

#[test]
fn why_changes_nothing() {
    let host = Host::with_guest(&hostdev("02"));
    let before = host.bindings();
    host.line("why rocks-33");
    assert_eq!(host.bindings(), before);
    for path in [
        "run/gpupt/cards",
        "run/gpupt/lock",
        "run/gpupt/guests",
        "var/lib/gpupt",
    ] {
        assert!(!host.path(path).exists(), "{path}");
    }
}
