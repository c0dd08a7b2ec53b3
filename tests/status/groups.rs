//! `gpupci groups`: the members of the IOMMU groups.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::DEVICES;
use crate::support::TestHost;

const IDS: &str = "\
10de  NVIDIA Corporation
\t06de  GF100GL [Tesla T20 Processor]
\t0be5  GF100 High Definition Audio Controller
8086  Intel Corporation
\t340a  5520/5500/X58 I/O Hub PCI Express Root Port 3
";
const HEADER: &str = "GROUP  ADDRESS  KIND  CARD  DRIVER  GUEST  MODEL\n";

#[test]
fn groups_lists_every_member_with_driver_and_guest() {
    let host = TestHost::unpacked("manual.tree");
    host.write("usr/share/misc/pci.ids", IDS);
    host.bind("0000:03:00.0", "vfio-pci");
    host.bind("0000:03:00.1", "vfio-pci");
    host.write("dev/vfio/9", "");
    host.write("dev/vfio/8", "");
    let line = "/usr/libexec/qemu-kvm\0-name\0guest=rocks-33,debug-threads=on\0";
    host.process(4242, "qemu-kvm", line, &["/dev/vfio/9"]);
    // A process that is no guest does not own a group.
    host.process(77, "dpdk", "/usr/bin/dpdk\0", &["/dev/vfio/8"]);
    assert_eq!(
        host.line("groups").answer(),
        "\
GROUP  ADDRESS       KIND   CARD     DRIVER         GUEST     MODEL
0      0000:00:00.0  other  -        -              -         8086:3406 (8086:0000)
1      0000:00:01.0  other  -        pcieport       -         8086:3408 (8086:0000)
2      0000:00:03.0  other  -        pcieport       -         5520/5500/X58 I/O Hub PCI Express Root Port 3
3      0000:00:05.0  other  -        pcieport       -         8086:340c (8086:0000)
4      0000:00:1e.0  other  -        -              -         8086:244e (8086:0000)
4      0000:04:03.0  video  -        mgag200        -         102b:0532 (15d9:066b)
5      0000:00:1f.0  other  -        lpc_ich        -         8086:3a16 (15d9:060d)
5      0000:00:1f.2  other  -        ahci           -         8086:3a22 (15d9:060d)
6      0000:01:00.0  other  -        igb            -         8086:10c9 (15d9:10c9)
7      0000:01:00.1  other  -        igb            -         8086:10c9 (15d9:10c9)
8      0000:02:00.0  video  gpupci1  nvidia         -         GF100GL [Tesla T20 Processor]
8      0000:02:00.1  audio  gpupci1  snd_hda_intel  -         GF100 High Definition Audio Controller
9      0000:03:00.0  video  gpupci2  vfio-pci       rocks-33  GF100GL [Tesla T20 Processor]
9      0000:03:00.1  audio  gpupci2  vfio-pci       rocks-33  GF100 High Definition Audio Controller
"
    );
    let told: Value = serde_json::from_str(&host.line("groups --json").answer()).expect("JSON");
    assert_eq!(told["version"], 1);
    let groups = told["groups"].as_array().expect("a list");
    assert_eq!(groups.len(), 10);
    assert_eq!(
        groups[0],
        json!({
            "group": 0,
            "guest": null,
            "members": [{
                "address": "0000:00:00.0",
                "kind": "other",
                "vendor": "8086",
                "device": "3406",
                "model": null,
                "card": null,
                "driver": null,
            }],
        })
    );
    let member = |address, kind, device, model| {
        json!({
            "address": address,
            "kind": kind,
            "vendor": "10de",
            "device": device,
            "model": model,
            "card": "gpupci2",
            "driver": "vfio-pci",
        })
    };
    let audio = "GF100 High Definition Audio Controller";
    assert_eq!(
        groups[9],
        json!({
            "group": 9,
            "guest": "rocks-33",
            "members": [
                member("0000:03:00.0", "video", "06de", "GF100GL [Tesla T20 Processor]"),
                member("0000:03:00.1", "audio", "0be5", audio),
            ],
        })
    );
}

#[test]
fn groups_lists_all_members_of_a_shared_group() {
    let host = TestHost::unpacked("mixed.tree");
    host.line("-q list --vendor 1002").answer();
    let text = host.line("groups --vendor 1002").answer();
    let shared: Vec<&str> = text.lines().filter(|l| l.starts_with("1  ")).collect();
    assert_eq!(
        shared,
        [
            "1      0000:00:01.0  other  -        pcieport       -      8086:1901",
            "1      0000:00:01.1  other  -        pcieport       -      8086:1905",
            "1      0000:01:00.0  other  -        pcieport       -      1002:1478",
            "1      0000:02:00.0  other  -        pcieport       -      1002:1479 (1002:1479)",
            "1      0000:03:00.0  video  gpupci1  amdgpu         -      1002:73bf (1002:0e3a)",
            "1      0000:03:00.1  audio  gpupci1  snd_hda_intel  -      1002:ab28 (1002:ab28)",
            "1      0000:04:00.0  video  gpupci2  nvidia         -      10de:1bb3 (10de:11d8)",
        ]
    );
    // Virtual functions have their own groups and are no cards. Groups are ordered by number.
    let last: Vec<&str> = text.lines().rev().take(5).collect();
    assert_eq!(
        last,
        [
            "10     0000:07:00.0  video  -        ast            -      1a03:2000 (1043:86e1)",
            "10     0000:06:00.0  other  -        -              -      1a03:1150 (1a03:1150)",
            "9      0000:05:00.5  video  -        -              -      10de:2236 (10de:1482)",
            "8      0000:05:00.4  video  -        vfio-pci       -      10de:2236 (10de:1482)",
            "7      0000:05:00.0  video  gpupci3  nvidia         -      10de:2236 (10de:1482)",
        ]
    );
}

#[test]
fn groups_reports_a_host_without_iommu() {
    let host = TestHost::unpacked("no-cards.tree");
    let said = host.line("groups");
    assert_eq!((said.code, said.text().as_str()), (Some(0), HEADER));
    assert_eq!(
        said.stderr,
        "gpupci: there are no IOMMU groups: the IOMMU is off; run `gpupci check`\n"
    );
    assert_eq!(host.line("-q groups").answer(), HEADER);
    assert_eq!(
        serde_json::from_str::<Value>(&host.line("groups --json").answer()).expect("JSON"),
        json!({"version": 1, "groups": []})
    );
}

#[test]
fn groups_skips_invalid_group_and_member_names() {
    let host = TestHost::unpacked("old-kernel.tree");
    let before = host.line("groups").answer();
    let groups = "sys/kernel/iommu_groups";
    host.write(&format!("{groups}/README"), "");
    for name in ["-1", "+7", "7a", "\u{1b}[31m", "4294967296"] {
        let folder = host.path(&format!("{groups}/{name}/devices"));
        fs::create_dir_all(folder).expect("the folder is made");
    }
    let folder = host.path(&format!("{groups}/4000000000/devices"));
    fs::create_dir_all(folder).expect("the folder is made");
    let member = host.path(&format!("{groups}/7/devices/\u{1b}[31m0000:66:00.0"));
    symlink("/nowhere", member).expect("the link is made");
    assert_eq!(host.line("groups").answer(), before);
}

#[test]
fn groups_lists_a_missing_member_with_dashes() {
    let host = TestHost::unpacked("manual.tree");
    fs::remove_file(host.path(&format!("{DEVICES}/0000:02:00.1"))).expect("its link goes");
    let text = host.line("groups").answer();
    let gone: Vec<&str> = text.lines().filter(|l| l.contains("02:00")).collect();
    assert_eq!(
        gone,
        [
            "8      0000:02:00.0  video  gpupci1  nvidia         -      10de:06de (10de:082f)",
            "8      0000:02:00.1  -      -        -              -      -",
        ]
    );
    let told: Value = serde_json::from_str(&host.line("groups --json").answer()).expect("JSON");
    assert_eq!(
        told["groups"][8]["members"][1],
        json!({
            "address": "0000:02:00.1",
            "kind": null,
            "vendor": null,
            "device": null,
            "model": null,
            "card": null,
            "driver": null,
        })
    );
}
