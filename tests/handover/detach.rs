//! `detach`: cards go to the stub driver.

use pretty_assertions::assert_eq;

use crate::{manual, with_kernel};

#[test]
fn detach_binds_all_functions_display_first() {
    let (host, kernel) = manual();
    assert_eq!(
        host.line("-d gpupci1").answer(),
        "Detached GPU card 'gpupci1' video device 0000:02:00.0\n\
         Detached GPU card 'gpupci1' audio device 0000:02:00.1\n"
    );
    assert_eq!(
        kernel.writes(),
        [
            "/sys/bus/pci/devices/0000:02:00.0/driver_override <- vfio-pci",
            "/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0",
            "/sys/bus/pci/drivers_probe <- 0000:02:00.0",
            "/sys/bus/pci/devices/0000:02:00.1/driver_override <- vfio-pci",
            "/sys/bus/pci/drivers/snd_hda_intel/unbind <- 0000:02:00.1",
            "/sys/bus/pci/drivers_probe <- 0000:02:00.1",
        ]
    );
    assert_eq!(kernel.modprobes(), [""; 0], "vfio-pci is there");
    assert_eq!(
        host.line("-s gpupci1").answer(),
        "GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/vfio-pci driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/vfio-pci driver\n"
    );
    assert_eq!(
        host.bindings_of("0000:03:00"),
        [
            "0000:03:00.0 nvidia (null)",
            "0000:03:00.1 snd_hda_intel (null)"
        ],
        "its twin stays"
    );
    assert_eq!(host.records(), ["0000:02:00.json"]);
}

#[test]
fn detach_of_a_detached_card_writes_nothing() {
    let (host, kernel) = manual();
    host.line("detach gpupci1").answer();
    let written = kernel.writes();
    assert_eq!(
        host.line("detach gpupci1").answer(),
        "GPU card 'gpupci1' video device 0000:02:00.0 is already detached\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is already detached\n"
    );
    assert_eq!(kernel.writes(), written);
}

#[test]
fn detach_binds_the_audio_function_last() {
    let (host, _kernel) = with_kernel("four-functions.tree");
    assert_eq!(
        host.line("detach gpupci1").answer(),
        "Detached GPU card 'gpupci1' video device 0000:17:00.0\n\
         Detached GPU card 'gpupci1' usb device 0000:17:00.2\n\
         Detached GPU card 'gpupci1' serial device 0000:17:00.3\n\
         Detached GPU card 'gpupci1' audio device 0000:17:00.1\n"
    );
}

#[test]
fn dry_run_prints_exactly_the_writes() {
    for (tree, words) in [
        ("manual.tree", "detach all"),
        ("four-functions.tree", "detach gpupci1 gpupci2 gpupci3"),
        ("manual.tree", "detach gpupci2"),
    ] {
        let (host, kernel) = with_kernel(tree);
        let before = host.bindings();
        let told = host.line(&format!("-q {words} --dry-run")).answer();
        assert_eq!(kernel.writes(), [""; 0]);
        assert_eq!(kernel.modprobes(), [""; 0]);
        assert_eq!(host.bindings(), before);
        assert!(!host.path("run/gpupt/cards").exists());
        host.line(words).answer();
        let done: String = kernel.writes().iter().map(|w| format!("{w}\n")).collect();
        assert_eq!(told, done, "{tree} {words}");

        let words = words.replace("detach", "attach");
        let told = host.line(&format!("{words} --dry-run")).answer();
        let so_far = kernel.writes().len();
        host.line(&words).answer();
        let done = kernel.writes().split_off(so_far);
        let done: String = done.iter().map(|w| format!("{w}\n")).collect();
        assert_eq!(told, done, "{tree} {words}");
        assert_eq!(host.bindings(), before);
    }
}

#[test]
fn record_is_complete_before_the_first_write() {
    let (host, kernel) = manual();
    kernel.administrator_overrides("0000:02:00.0", Some("nvidia"));
    let record = host.path("run/gpupt/cards/0000:02:00.json");
    let copy = host.path("copy.json");
    kernel.before_write(1, move |_| {
        std::fs::copy(record, copy).expect("a record");
    });
    host.line("detach gpupci1").answer();
    let copy = std::fs::read_to_string(host.path("copy.json")).expect("a copy");
    let mut copy: serde_json::Value = serde_json::from_str(&copy).expect("JSON");
    let former = |function, driver: &str, overridden| {
        serde_json::json!({
            "function": function,
            "driver": driver,
            "module": driver,
            "driver_override": overridden,
        })
    };
    assert_eq!(copy["phase"], "detaching");
    assert_eq!(
        copy["functions"],
        serde_json::json!([
            former("0000:02:00.0", "nvidia", Some("nvidia")),
            former("0000:02:00.1", "snd_hda_intel", None)
        ])
    );
    copy["phase"] = "detached".into();
    assert_eq!(host.record("0000:02:00"), copy, "then only that it is done");
}
