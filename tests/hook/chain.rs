//! The hook that stood in our place before: it runs after ours, as libvirt would run it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use crate::guests::{Guest, hostdev};
use crate::host_tree::script;
use crate::stage::Stage;
use crate::support::{Said, run};
use crate::{HOOK, silence};

const OTHER: &str = "hooks/qemu.before-gpupt";

/// A host with libvirt's folder of hooks, in which ours is called `qemu`, and the other ends with
/// this line.
struct Place {
    stage: Stage,
    folder: TempDir,
}

impl Place {
    fn new(line: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(folder.path().join("hooks")).expect("a folder");
        symlink(HOOK, folder.path().join("hooks/qemu")).expect("a link");
        let stage = Stage::manual();
        let place = Self { stage, folder };
        place.other_ends_with(line);
        place
    }

    fn other_ends_with(&self, line: &str) {
        let text = format!(
            "#!/bin/sh\nprintf '<%s>' \"$@\" >{}\ncat >{}\n{line}\n",
            self.path("words").display(),
            self.path("stdin").display()
        );
        script(&self.path(OTHER), &text);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hook(&self, guest: &Guest, operation: &str) -> Said {
        let words = [&guest.name, operation, "begin", "-"];
        self.hook_as(&self.path("hooks/qemu"), &words, &guest.xml())
    }

    fn hook_as(&self, program: &Path, words: &[&str], xml: &str) -> Said {
        let mut hook = Command::new(program);
        hook.args(words)
            .env("GPUPT_ROOT", self.stage.host.root.path());
        run(&mut hook, xml.as_bytes())
    }

    /// What the other one was given since the last look: arguments and standard input.
    fn given(&self) -> Option<(String, String)> {
        let take = |name| {
            let text = fs::read_to_string(self.path(name)).ok()?;
            fs::remove_file(self.path(name)).expect("a file");
            Some(text)
        };
        take("words").zip(take("stdin"))
    }
}

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

#[test]
fn other_hook_gets_the_same_arguments_and_xml_at_every_step() {
    let place = Place::new("exit 0");
    for operation in [
        "prepare",
        "start",
        "started",
        "stopped",
        "release",
        "reconnect",
        "attach",
        "migrate",
        "restore",
        "new",
    ] {
        for name in ["rocks-33", "..", "-x", "a b", "a\nb", "$(false)'\""] {
            let guest = guest().named(name);
            assert_eq!(place.hook(&guest, operation), silence(), "{operation}");
            let words = format!("<{name}><{operation}><begin><->");
            assert_eq!(place.given(), Some((words, guest.xml())), "{operation}");
        }
    }
    place.stage.is_as_before("prepared and released");
    let words = ["x", "release", "end", "from snapshot", "and more"];
    let hook = place.path("hooks/qemu");
    assert_eq!(place.hook_as(&hook, &words, "no XML"), silence());
    let given = "<x><release><end><from snapshot><and more>";
    assert_eq!(place.given(), Some((given.to_owned(), "no XML".to_owned())));
}

#[test]
fn exit_code_of_the_other_hook_is_passed_on() {
    let place = Place::new("");
    for (line, code) in [
        ("exit 3", 3),
        ("exit 126", 126),
        ("kill -9 $$", 1),
        ("exec </dev/null; exit 0", 0),
    ] {
        place.other_ends_with(line);
        for operation in ["started", "prepare", "release", "restore"] {
            let said = place.hook(&guest(), operation);
            assert_eq!(
                (said.code, said.text()),
                (Some(code), String::new()),
                "{line}"
            );
        }
        place.stage.is_as_before(line);
    }
}

#[test]
fn other_hook_runs_even_if_our_hook_refuses_the_start() {
    // libvirt runs all hooks, and one that failed is enough.
    let place = Place::new("");
    place.stage.process(77, "Xorg", "/dev/nvidiactl");
    for (line, code) in [("echo mine >&2", 1), ("echo mine >&2; exit 3", 3)] {
        place.other_ends_with(line);
        let said = place.hook(&guest(), "prepare");
        assert_eq!((said.code, said.text()), (Some(code), String::new()));
        let lines: Vec<&str> = said.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("gpupt: guest rocks-33 cannot start: "));
        assert_eq!(lines[1], "mine");
        assert!(place.given().is_some());
    }
}

#[test]
fn other_hook_runs_after_the_card_is_detached() {
    let place = Place::new("");
    let link = place
        .stage
        .host
        .path("sys/bus/pci/devices/0000:02:00.0/driver");
    let text = format!(
        "#!/bin/sh\ncat >/dev/null\nreadlink {} >&2\n",
        link.display()
    );
    script(&place.path(OTHER), &text);
    let said = place.hook(&guest(), "prepare");
    assert!(said.stderr.ends_with("/vfio-pci\n"), "{}", said.stderr);
    assert_eq!(said.code, Some(0));
}

#[test]
fn other_hook_gets_the_xml_that_our_hook_rewrote() {
    let changed = guest().xml().replace("0x02", "0x03");
    // What ours makes of it is what `gpupci` says.
    let gpupci = "#!/bin/sh\nsed s/0x02/0x03/\n";
    let place = Place::new("");
    fs::create_dir_all(place.stage.host.path("usr/bin")).expect("a folder");
    for (line, ours, printed, given) in [
        ("", "#!/bin/sh\ncat\n", String::new(), guest().xml()),
        ("", gpupci, changed.clone(), changed.clone()),
        ("echo '<other/>'", gpupci, "<other/>\n".to_owned(), changed),
        (
            "echo '<other/>'",
            "#!/bin/sh\nexit 1\n",
            "<other/>\n".to_owned(),
            guest().xml(),
        ),
    ] {
        place.other_ends_with(line);
        script(&place.stage.host.path("usr/bin/gpupci"), ours);
        let said = place.hook(&guest(), "restore");
        assert_eq!((said.code, said.text()), (Some(0), printed), "{line}");
        assert_eq!(place.given().map(|given| given.1), Some(given), "{line}");
    }
}

#[test]
fn other_hook_that_is_not_executable_is_skipped() {
    let place = Place::new("exit 3");
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(place.path(OTHER), mode).expect("a file");
    for operation in ["prepare", "reconnect", "release"] {
        assert_eq!(place.hook(&guest(), operation), silence(), "{operation}");
    }
    fs::remove_file(place.path(OTHER)).expect("a file");
    fs::create_dir(place.path(OTHER)).expect("a folder");
    assert_eq!(place.hook(&guest(), "prepare"), silence());
    fs::remove_dir(place.path(OTHER)).expect("a folder");
    assert_eq!(place.hook(&guest(), "release"), silence());
    place.stage.is_as_before("with no other hook");
}

#[test]
fn other_hook_that_cannot_be_started_is_reported() {
    let place = Place::new("");
    script(&place.path(OTHER), "#!/no/such/program\n");
    let said = place.hook(&guest(), "started");
    let line = format!("gpupt: {} cannot be started\n", place.path(OTHER).display());
    assert_eq!((said.stderr, said.code), (line, Some(1)));
}

#[test]
fn other_hook_runs_only_if_our_hook_is_named_qemu() {
    let place = Place::new("exit 3");
    let inside = place.path("hooks/qemu.d");
    fs::create_dir(&inside).expect("a folder");
    symlink(HOOK, inside.join("gpupt")).expect("a link");
    symlink(HOOK, place.path("qemu")).expect("a link");
    fs::copy(place.path(OTHER), place.path("qemu.before-gpupt")).expect("a file");
    for program in [inside.join("gpupt"), place.path("qemu")] {
        let words = ["rocks-33", "started", "begin", "-"];
        assert_eq!(place.hook_as(&program, &words, &guest().xml()), silence());
    }
    assert_eq!(place.given(), None);
}

#[test]
fn other_hook_gets_the_received_input_if_libvirt_does_not_close_the_pipe() {
    let place = Place::new("exit 5");
    let guest = Guest::with(&hostdev("02", 0));
    let mut hook = Command::new(place.path("hooks/qemu"));
    hook.args([&guest.name, "prepare", "begin", "-"])
        .env("GPUPT_ROOT", place.stage.host.root.path())
        .stdin(Stdio::piped());
    let mut child = hook.spawn().expect("the hook starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(guest.xml().as_bytes()).expect("it is read");
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    drop(stdin);
    let got = fs::read_to_string(place.path("stdin")).expect("it was run");
    assert_eq!(got, guest.xml());
    place.stage.is_as_before("our part is not done by halves");
}
