//! The operations of the hook, and the guest's identity and name.

use std::path::{Path, PathBuf};

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::silence;
use crate::stage::Stage;
use crate::support::run;

/// The bindings of the card at 02:00 while a guest has it.
const READY: [&str; 2] = [
    "0000:02:00.0 vfio-pci vfio-pci",
    "0000:02:00.1 vfio-pci vfio-pci",
];

#[test]
fn prepare_detaches_the_card_and_release_attaches_it() {
    let stage = Stage::manual();
    let guest = Guest::with(&hostdev("02", 0));
    let reasons = [
        "-",
        "unknown",
        "shutdown",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from snapshot",
        "daemon",
        "one that is to come",
    ];
    for reason in reasons {
        stage.hook_ok(&guest, "prepare");
        assert_eq!(stage.changed_bindings(), READY);
        assert_eq!(stage.records(), ["0000:02:00.json"]);
        let mut release = stage.command_of(&[&guest.name, "release", "end", reason]);
        assert_eq!(run(&mut release, guest.xml().as_bytes()), silence());
        stage.assert_restored(reason);
    }
}

#[test]
fn other_steps_do_nothing() {
    let stage = Stage::manual();
    let guest = Guest::with(&hostdev("02", 0));
    let others = [
        "start", "started", "stopped", "attach", "new", "", "PREPARE", "prepare ", "--help",
    ];
    for operation in others {
        stage.hook_ok(&guest, operation);
        assert_eq!(stage.kernel.writes(), [""; 0], "{operation}");
        stage.assert_restored(operation);
    }
    stage.hook_ok(&guest, "prepare");
    let (ready, writes) = (stage.bindings(), stage.kernel.writes());
    for operation in others.into_iter().chain(["reconnect", "prepare"]) {
        stage.hook_ok(&guest, operation);
        assert_eq!(stage.bindings(), ready, "{operation}");
        assert_eq!(stage.kernel.writes(), writes, "{operation}");
    }
    for words in [&[][..], &["rocks-33"]] {
        let mut hook = stage.command_of(words);
        assert_eq!(
            run(&mut hook, guest.xml().as_bytes()),
            silence(),
            "{words:?}"
        );
    }
    assert_eq!(stage.bindings(), ready);
    stage.hook_ok(&guest, "release");
    stage.assert_restored("release");
}

#[test]
fn guest_is_identified_by_its_uuid() {
    let stage = Stage::manual();
    let guest = Guest::with(&hostdev("02", 0));
    stage.hook_ok(&guest, "prepare");
    let namesake = Guest::other(1, &hostdev("02", 0)).named("rocks-33");
    stage.hook_ok(&namesake, "release");
    assert_eq!(stage.changed_bindings(), READY, "it is not the namesake's");
    let renamed = guest.clone().named("rocks-34");
    stage.hook_ok(&renamed, "prepare");
    let shouted = Guest {
        uuid: guest.uuid.to_uppercase(),
        ..renamed
    };
    stage.hook_ok(&shouted, "release");
    stage.assert_restored("renamed, and its uuid in capitals");
}

#[test]
fn guest_without_a_valid_uuid_is_refused_if_it_claims_a_device() {
    let stage = Stage::manual();
    for uuid in [
        "",
        "../../../../etc/passwd",
        "c7a5fdbdedaf9455926ad65c16db1809",
    ] {
        let guest = Guest {
            uuid: uuid.to_owned(),
            ..Guest::with(&hostdev("02", 0))
        };
        assert_eq!(stage.hook(&guest, "prepare").code, Some(1), "{uuid}");
        for operation in ["release", "reconnect", "migrate", "restore"] {
            stage.hook_ok(&guest, operation);
        }
        let claims_nothing = Guest {
            devices: String::new(),
            ..guest
        };
        stage.hook_ok(&claims_nothing, "prepare");
        stage.assert_restored(uuid);
    }
    assert_eq!(stage.kernel.writes(), [""; 0]);
}

#[test]
fn guest_may_have_any_name() {
    let stage = Stage::manual();
    let files = files(&stage);
    for name in [
        "..",
        "-x",
        "a b",
        "it's \"quoted\"",
        "a\nb",
        "\u{202e}x",
        "gäste ☃",
        "$(touch owned)",
        "`touch owned`; touch owned",
        "%s%n",
        "<x>&amp;",
        "../../../../tmp/owned",
        "",
    ] {
        let guest = Guest::with(&hostdev("02", 0)).named(name);
        stage.hook_ok(&guest, "prepare");
        assert_eq!(stage.changed_bindings(), READY, "{name:?}");
        let record = stage.host.path("run/gpupt/cards/0000:02:00.json");
        let record = std::fs::read_to_string(record).expect("a record");
        let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
        assert_eq!(record["holder"]["guest"], name);
        let second = Guest::other(1, &hostdev("02", 0)).named(name);
        let shown = second.shown();
        let why = crate::stage::because(
            &[&format!("guest {shown} has this card")],
            &[&format!(
                "shut down guest {shown}; if it is not running, run `gpupci recover`"
            )],
        );
        stage.assert_refused(&second, &why);
        stage.hook_ok(&guest, "release");
        stage.assert_restored(name);
    }
    assert_eq!(self::files(&stage), files, "nothing is left elsewhere");
}

/// All files of a host except gpupt's own.
fn files(stage: &Stage) -> Vec<PathBuf> {
    let root = stage.host.root.path();
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let is_folder = entry.file_type().expect("a kind").is_dir();
            let path = entry.path();
            match path.strip_prefix(root).expect("it is below") {
                ours if ours == Path::new("run/gpupt") => (),
                _ if is_folder => folders.push(path),
                _ => found.push(path),
            }
        }
    }
    found.sort();
    found
}
