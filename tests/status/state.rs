//! The state of a card.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::DEVICES;
use crate::support::TestHost;
use crate::unreadable::json_of;

#[test]
fn status_has_the_state_of_every_card() {
    let host = TestHost::unpacked("manual.tree");
    let states = || {
        let told = json_of(&host, "status --json");
        ["/cards/0/state", "/cards/1/state"].map(|at| {
            let state = told.pointer(at).and_then(Value::as_str);
            state.expect("a state").to_owned()
        })
    };
    assert_eq!(states(), ["host", "host"]);
    host.bind("0000:02:00.0", "vfio-pci");
    assert_eq!(states(), ["host", "host"], "its audio is not");
    host.bind("0000:02:00.1", "vfio-pci");
    assert_eq!(states(), ["detached", "host"]);
    // A VFIO driver may have any name; this folder shows that it is one.
    for function in ["0000:03:00.0", "0000:03:00.1"] {
        host.bind(function, "mlx5_vfio_pci");
        let folder = host.path(&format!("{DEVICES}/{function}/vfio-dev"));
        fs::create_dir(folder).expect("the folder is made");
    }
    assert_eq!(states(), ["detached", "detached"]);
    for function in ["0000:02:00.0", "0000:02:00.1"] {
        host.bind(function, "pci-stub");
    }
    assert_eq!(states(), ["host", "detached"]);
    // A VFIO driver counts whatever the settings say.
    host.write("etc/gpupt.toml", "stub = \"pci-stub\"\n");
    assert_eq!(states(), ["detached", "detached"]);
    fs::remove_file(host.path("etc/gpupt.toml")).expect("the settings");
    let record = |phase: &str, rest: &str| {
        format!("{{\"version\":1,\"boot\":\"\",\"phase\":\"{phase}\",\"functions\":[]{rest}}}")
    };
    let file = "run/gpupt/cards/0000:03:00.json";
    for (text, state) in [
        (record("detached", ""), "detached"),
        (record("detaching", ""), "unfinished"),
        (record("attaching", ""), "unfinished"),
        (record("detached", ",\"poisoned\":\"x\""), "poisoned"),
        (record("attaching", ",\"poisoned\":\"x\""), "poisoned"),
    ] {
        host.write(file, &text);
        assert_eq!(states(), ["host", state], "{text}");
    }
}
