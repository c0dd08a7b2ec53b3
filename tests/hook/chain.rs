//! The other hook that was installed before ours: our hook runs it afterwards, as libvirt would.

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
use crate::support::{RunOutput, run};
use crate::{HOOK, silence};

const OTHER: &str = "hooks/qemu.before-gpupt";

/// A host with libvirt's hook folder. Our hook is `qemu`; the other hook is a script that ends with
/// a given line.
struct ChainedHooks {
    stage: Stage,
    folder: TempDir,
}

impl ChainedHooks {
    fn new(line: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(folder.path().join("hooks")).expect("a folder");
        symlink(HOOK, folder.path().join("hooks/qemu")).expect("a link");
        let stage = Stage::manual();
        let hooks = Self { stage, folder };
        hooks.write_other_hook(line);
        hooks
    }

    fn write_other_hook(&self, line: &str) {
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

    fn hook(&self, guest: &Guest, operation: &str) -> RunOutput {
        let words = [&guest.name, operation, "begin", "-"];
        self.hook_as(&self.path("hooks/qemu"), &words, &guest.xml())
    }

    fn hook_as(&self, program: &Path, words: &[&str], xml: &str) -> RunOutput {
        let mut hook = Command::new(program);
        hook.args(words);
        self.stage.host.select(&mut hook);
        run(&mut hook, xml.as_bytes())
    }

    /// Arguments and standard input of the other hook's last run, if there was one since the last
    /// call.
    fn take_input(&self) -> Option<(String, String)> {
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
    let hooks = ChainedHooks::new("exit 0");
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
            assert_eq!(hooks.hook(&guest, operation), silence(), "{operation}");
            let words = format!("<{name}><{operation}><begin><->");
            assert_eq!(
                hooks.take_input(),
                Some((words, guest.xml())),
                "{operation}"
            );
        }
    }
    hooks.stage.assert_restored("prepared and released");
    let words = ["x", "release", "end", "from snapshot", "and more"];
    let hook = hooks.path("hooks/qemu");
    assert_eq!(hooks.hook_as(&hook, &words, "no XML"), silence());
    let given = "<x><release><end><from snapshot><and more>";
    assert_eq!(
        hooks.take_input(),
        Some((given.to_owned(), "no XML".to_owned()))
    );
}

#[test]
fn exit_code_of_the_other_hook_is_passed_on() {
    let hooks = ChainedHooks::new("");
    for (line, code) in [
        ("exit 3", 3),
        ("exit 126", 126),
        ("kill -9 $$", 1),
        ("exec </dev/null; exit 0", 0),
    ] {
        hooks.write_other_hook(line);
        for operation in ["started", "prepare", "release", "restore"] {
            let said = hooks.hook(&guest(), operation);
            assert_eq!(
                (said.code, said.text()),
                (Some(code), String::new()),
                "{line}"
            );
        }
        hooks.stage.assert_restored(line);
    }
}

#[test]
fn reconnect_fails_only_if_the_other_hook_itself_fails() {
    // libvirt kills a running guest whose hook fails at `reconnect`.
    let hooks = ChainedHooks::new("");
    for (line, code) in [("exit 3", 3), ("kill -9 $$", 0)] {
        hooks.write_other_hook(line);
        let said = hooks.hook(&guest(), "reconnect");
        assert_eq!(said.code, Some(code), "{line}");
    }
    script(&hooks.path(OTHER), "#!/no/such/program\n");
    let said = hooks.hook(&guest(), "reconnect");
    let line = format!("gpupt: cannot run {}\n", hooks.path(OTHER).display());
    assert_eq!((said.stderr, said.code), (line, Some(0)));
}

#[test]
fn other_hook_runs_even_if_our_hook_refuses_the_start() {
    // libvirt runs all hooks and refuses the start if one of them fails.
    let hooks = ChainedHooks::new("");
    hooks.stage.process(77, "Xorg", "/dev/nvidiactl");
    for (line, code) in [("echo mine >&2", 1), ("echo mine >&2; exit 3", 3)] {
        hooks.write_other_hook(line);
        let said = hooks.hook(&guest(), "prepare");
        assert_eq!((said.code, said.text()), (Some(code), String::new()));
        let lines: Vec<&str> = said.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("gpupt: guest rocks-33 cannot start: "));
        assert_eq!(lines[1], "mine");
        assert!(hooks.take_input().is_some());
    }
}

#[test]
fn other_hook_runs_after_the_card_is_detached() {
    let hooks = ChainedHooks::new("");
    let link = hooks
        .stage
        .host
        .path("sys/bus/pci/devices/0000:02:00.0/driver");
    let text = format!(
        "#!/bin/sh\ncat >/dev/null\nreadlink {} >&2\n",
        link.display()
    );
    script(&hooks.path(OTHER), &text);
    let said = hooks.hook(&guest(), "prepare");
    assert!(said.stderr.ends_with("/vfio-pci\n"), "{}", said.stderr);
    assert_eq!(said.code, Some(0));
}

#[test]
fn other_hook_gets_the_xml_that_our_hook_rewrote() {
    let changed = guest().xml().replace("0x02", "0x03");
    // Our hook's new XML is the output of `gpupci`.
    let gpupci = "#!/bin/sh\nsed s/0x02/0x03/\n";
    let hooks = ChainedHooks::new("");
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
        hooks.write_other_hook(line);
        script(&hooks.stage.host.stand_in("gpupci"), ours);
        let said = hooks.hook(&guest(), "restore");
        assert_eq!((said.code, said.text()), (Some(0), printed), "{line}");
        assert_eq!(
            hooks.take_input().map(|given| given.1),
            Some(given),
            "{line}"
        );
    }
}

#[test]
fn other_hook_that_is_not_executable_is_skipped() {
    let hooks = ChainedHooks::new("exit 3");
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(hooks.path(OTHER), mode).expect("a file");
    for operation in ["prepare", "reconnect", "release"] {
        assert_eq!(hooks.hook(&guest(), operation), silence(), "{operation}");
    }
    fs::remove_file(hooks.path(OTHER)).expect("a file");
    fs::create_dir(hooks.path(OTHER)).expect("a folder");
    assert_eq!(hooks.hook(&guest(), "prepare"), silence());
    fs::remove_dir(hooks.path(OTHER)).expect("a folder");
    assert_eq!(hooks.hook(&guest(), "release"), silence());
    hooks.stage.assert_restored("with no other hook");
}

#[test]
fn other_hook_that_cannot_be_started_is_reported() {
    let hooks = ChainedHooks::new("");
    script(&hooks.path(OTHER), "#!/no/such/program\n");
    let said = hooks.hook(&guest(), "started");
    let line = format!("gpupt: cannot run {}\n", hooks.path(OTHER).display());
    assert_eq!((said.stderr, said.code), (line, Some(1)));
}

#[test]
fn other_hook_runs_only_if_our_hook_is_named_qemu() {
    let hooks = ChainedHooks::new("exit 3");
    let inside = hooks.path("hooks/qemu.d");
    fs::create_dir(&inside).expect("a folder");
    symlink(HOOK, inside.join("gpupt")).expect("a link");
    symlink(HOOK, hooks.path("qemu")).expect("a link");
    fs::copy(hooks.path(OTHER), hooks.path("qemu.before-gpupt")).expect("a file");
    for program in [inside.join("gpupt"), hooks.path("qemu")] {
        let words = ["rocks-33", "started", "begin", "-"];
        assert_eq!(hooks.hook_as(&program, &words, &guest().xml()), silence());
    }
    assert_eq!(hooks.take_input(), None);
}

/// Runs the hook with a pipe that libvirt does not close, and returns its exit code.
fn run_with_an_open_pipe(hooks: &ChainedHooks, operation: &str, xml: &str) -> Option<i32> {
    let mut hook = Command::new(hooks.path("hooks/qemu"));
    hook.args([&guest().name, operation, "begin", "-"])
        .env("GPUPT_ROOT", hooks.stage.host.root.path())
        .env("GPUPT_INPUT_TIMEOUT", "1")
        .stdin(Stdio::piped());
    let mut child = hook.spawn().expect("the hook starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(xml.as_bytes()).expect("it is read");
    let code = child.wait().expect("it ends").code();
    drop(stdin);
    code
}

#[test]
fn other_hook_gets_the_received_input_if_libvirt_does_not_close_the_pipe() {
    let hooks = ChainedHooks::new("exit 5");
    let xml = guest().xml();
    assert_eq!(run_with_an_open_pipe(&hooks, "prepare", &xml), Some(5));
    assert_eq!(hooks.take_input().map(|given| given.1), Some(xml));
    hooks
        .stage
        .assert_restored("our part is not done by halves");
}

#[test]
fn other_hook_gets_no_part_of_the_xml_of_a_guest_that_arrives() {
    // What it prints would replace the XML.
    let hooks = ChainedHooks::new("cat stdin");
    let xml = guest().xml();
    let (half, _) = xml.split_at(xml.len() / 2);
    for operation in ["migrate", "restore"] {
        assert_eq!(run_with_an_open_pipe(&hooks, operation, half), Some(1));
        assert_eq!(hooks.take_input(), None, "{operation}");
    }
}
