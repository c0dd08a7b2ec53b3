//! `rocks start host vm` takes an error of libvirt for a missing disk if it contains one of three phrases. So the hook
//! never prints one, whatever the machine, the guests and other programs are called or print.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::VIDEO;
use crate::guests::{Guest, hostdev};
use crate::host_tree::{class_link, regroup, script};
use crate::stage::Stage;
use crate::support::TestHost;
use crate::support::kernel::{Errno, InjectedFault};

/// What `bootVM` of Rocks' command searches for.
const PHRASES: [&str; 3] = [
    "No such file or directory",
    "Disk isn't accessible",
    "Disk image does not exist",
];

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// What the hook prints when it refuses to start the guest.
#[track_caller]
fn refusal(stage: &Stage, guest: &Guest) -> String {
    let said = stage.hook(guest, "prepare");
    assert_eq!(
        (said.text(), said.code),
        (String::new(), Some(1)),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains(" cannot start: "), "{}", said.stderr);
    for phrase in PHRASES {
        let has = said.stderr.to_lowercase().contains(&phrase.to_lowercase());
        assert!(!has, "{}", said.stderr);
    }
    said.stderr
}

/// The refusal shows `phrase`, which stands in a name, with its first blank replaced.
#[track_caller]
fn assert_broken(stage: &Stage, guest: &Guest, phrase: &str) {
    let said = refusal(stage, guest);
    assert!(said.contains(&phrase.replacen(' ', "_", 1)), "{said}");
}

#[test]
fn phrase_in_the_name_of_a_guest_is_broken() {
    for phrase in PHRASES {
        let stage = Stage::manual();
        stage.hook_ok(&Guest::other(1, &hostdev("02", 0)).named(phrase), "prepare");
        assert_broken(&stage, &guest(), phrase);
        assert_broken(&stage, &guest().named(&format!("a {phrase} b")), phrase);
    }
}

#[test]
fn phrase_in_the_name_of_a_process_is_broken() {
    for phrase in PHRASES {
        let stage = Stage::manual();
        stage.process(77, phrase, "/dev/nvidiactl");
        assert_broken(&stage, &guest(), phrase);
    }
}

#[test]
fn phrase_in_the_path_of_a_mounted_file_system_is_broken() {
    for phrase in PHRASES {
        let host = TestHost::unpacked("manual.tree");
        regroup(&host, "0000:00:1f.2", Some(8));
        class_link(&host, "block", "sda1", "0000:00:1f.2");
        let at = phrase.replace(' ', "\\040");
        host.write(
            "proc/self/mountinfo",
            &format!("22 1 226:191 / /srv/{at} rw - ext4 /dev/sda1 rw\n"),
        );
        assert_broken(&Stage::on(host), &guest(), phrase);
    }
}

#[test]
fn phrase_in_the_output_of_gpupci_is_broken() {
    for phrase in PHRASES {
        let host = TestHost::unpacked("manual.tree");
        host.write("etc/gpupt.toml", "database = \"sqlite:/x\"\n");
        script(
            &host.stand_in("gpupci"),
            &format!("#!/bin/sh\necho \"{phrase}\"; exit 4\n"),
        );
        assert_broken(&Stage::on(host), &guest(), phrase);
    }
}

#[test]
fn phrase_in_the_settings_is_broken() {
    for phrase in PHRASES {
        let stage = Stage::manual();
        let text = format!("\"{phrase}\" = 1\n");
        stage.host.write("etc/gpupt.toml", &text);
        assert_broken(&stage, &guest(), phrase);
    }
}

#[test]
fn write_that_fails_because_a_path_does_not_exist_is_refused_in_other_words() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let writes = stage.kernel.writes().len();
    assert!(writes >= 6, "{writes}");
    for nth in 1..=writes {
        let stage = Stage::manual();
        stage.kernel.fault(nth, InjectedFault::Errno(Errno::ENOENT));
        let said = refusal(&stage, &guest());
        assert!(
            said.contains("the path does not exist (os error 2)"),
            "{said}"
        );
    }
}

#[test]
fn file_that_does_not_exist_is_refused_in_other_words() {
    type Loss = fn(&Stage);
    let losses: [(&str, Loss); 5] = [
        ("names", |stage| dangle(stage, "var/lib/gpupt/cards.json")),
        ("record", |stage| {
            dangle(stage, "run/gpupt/cards/0000:02:00.json");
        }),
        ("lock", |stage| {
            fs::remove_dir_all(stage.host.path("run")).expect("a folder");
            symlink("/proc/self", stage.host.path("run")).expect("a link");
        }),
        ("processes", |stage| {
            fs::remove_dir_all(stage.host.path("proc")).expect("a folder");
        }),
        ("driver override", |stage| {
            let path = format!("/sys/bus/pci/devices/{VIDEO}/driver_override");
            stage.kernel.on_read(&path, Errno::ENOENT);
        }),
    ];
    for (what, lose) in losses {
        let stage = Stage::manual();
        lose(&stage);
        let said = refusal(&stage, &guest());
        assert!(
            said.contains("the path does not exist (os error 2)"),
            "{what}: {said}"
        );
    }
}

/// Makes this file a link to nothing.
fn dangle(stage: &Stage, path: &str) {
    let path = stage.host.path(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    symlink("/nowhere/at/all", path).expect("a link");
}
