//! `gpupci list --json`: the properties of cards and their functions.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;

/// The JSON that `gpupci LINE` prints on a host of the fixtures.
fn json_of(tree: &str, line: &str) -> Value {
    let text = TestHost::unpacked(tree).line(line).answer();
    serde_json::from_str(&text).expect("this is JSON")
}

/// Address, vendor and kind of each function.
pub(crate) fn essence(functions: &Value) -> Vec<[&str; 3]> {
    let functions = functions.as_array().expect("a list");
    functions
        .iter()
        .map(|function| {
            ["address", "vendor", "kind"].map(|key| function[key].as_str().expect("a text"))
        })
        .collect()
}

#[test]
fn json_has_every_property_of_each_card() {
    let function = |address, kind, device, driver, group| {
        json!({
            "address": address,
            "kind": kind,
            "vendor": "10de",
            "device": device,
            "subsystem_vendor": "10de",
            "subsystem_device": "082f",
            "driver": driver,
            "iommu_group": group,
            "boot_vga": false,
            "power_state": null,
            "virtual_functions": [],
        })
    };
    let card = |name, video, audio, group| {
        json!({
            "name": name,
            "address": video,
            "model": null,
            "numa_node": 0,
            "state": "host",
            "users": [],
            "functions": [
                function(video, "video", "06de", "nvidia", group),
                function(audio, "audio", "0be5", "snd_hda_intel", group),
            ],
        })
    };
    let manual = json!({
        "version": 1,
        "cards": [
            card("gpupci1", "0000:02:00.0", "0000:02:00.1", 8),
            card("gpupci2", "0000:03:00.0", "0000:03:00.1", 9),
        ],
        "not_counted": [{
            "address": "0000:04:03.0",
            "vendor": "102b",
            "setting": "vendors = [\"nvidia\", \"102b\"]",
        }],
    });
    for line in ["list --json", "--json list", "-l --json", "--json --list"] {
        assert_eq!(json_of("manual.tree", line), manual, "{line}");
    }
    assert_eq!(
        json_of("no-cards.tree", "list --json --vendor amd")["cards"],
        json!([])
    );
}

#[test]
fn json_names_the_kind_of_every_function() {
    let turing = json_of("four-functions.tree", "list --json");
    assert_eq!(
        essence(&turing["cards"][2]["functions"]),
        [
            ["0000:b3:00.0", "10de", "video"],
            ["0000:b3:00.1", "10de", "audio"],
            ["0000:b3:00.2", "10de", "usb"],
            ["0000:b3:00.3", "10de", "serial"],
        ]
    );
    let behind_vmd = &turing["cards"][3];
    assert_eq!(
        (&behind_vmd["name"], &behind_vmd["address"]),
        (&json!("gpupci4"), &json!("10000:01:00.0"))
    );
    assert_eq!(
        essence(&behind_vmd["functions"]),
        [["10000:01:00.0", "10de", "video"]]
    );

    let mixed = json_of("mixed.tree", "list --json --vendor 1002");
    let functions = [
        &[
            ["0000:03:00.0", "1002", "video"],
            ["0000:03:00.1", "1002", "audio"],
        ][..],
        &[["0000:04:00.0", "10de", "video"]],
        // Its virtual functions are not among its functions.
        &[["0000:05:00.0", "10de", "video"]],
    ];
    for (index, functions) in functions.into_iter().enumerate() {
        assert_eq!(essence(&mixed["cards"][index]["functions"]), functions);
    }
    assert_eq!(
        mixed["cards"][2]["functions"][0]["virtual_functions"],
        json!([
            {"address": "0000:05:00.4", "driver": "vfio-pci", "vgpu_type": null},
            {"address": "0000:05:00.5", "driver": null, "vgpu_type": null},
        ])
    );
}

#[test]
fn table_lists_virtual_functions_below_their_card() {
    let host = TestHost::unpacked("mixed.tree");
    assert_eq!(
        host.line("status -v gpupci2").answer(),
        "NAME     ADDRESS       KIND     MODEL            DRIVER    GROUP  NUMA  USED BY\n\
         gpupci2  0000:05:00.0  video    -                nvidia    7      -     -\n         \
         0000:05:00.4  virtual  of 0000:05:00.0  vfio-pci\n         \
         0000:05:00.5  virtual  of 0000:05:00.0  -\n"
    );
}
