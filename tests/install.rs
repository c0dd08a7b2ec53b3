//! `gpupci hook install`, `uninstall` and `status`, in trees of files.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "install/chain.rs"]
mod chain;
#[path = "install/concurrent.rs"]
mod concurrent;
#[path = "install/full_disk.rs"]
mod full_disk;
#[path = "install/gpupci.rs"]
mod gpupci;
#[path = "install/interrupted.rs"]
mod interrupted;
#[path = "install/location.rs"]
mod location;
#[path = "install/program.rs"]
mod program;
#[path = "install/refusals.rs"]
mod refusals;
#[path = "install/status.rs"]
mod status;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use support::{RunOutput, TestHost};

const HOOKS: &str = "etc/libvirt/hooks";
const SINGLE: &str = "etc/libvirt/hooks/qemu";
const INSIDE: &str = "etc/libvirt/hooks/qemu.d/gpupt";
const BACKUP: &str = "etc/libvirt/hooks/qemu.before-gpupt";
const PACKAGED: &str = "usr/lib/gpupt/qemu-hook";
const LIBRARY: &str = "usr/lib64/libvirt.so.0";
/// Such as the hook of the kvm roll.
const FOREIGN: &str = "#!/bin/bash\necho \"$@\" >>/var/log/libvirt_event.log\n";

/// A small ELF program of this architecture that contains this text.
fn program(text: &str) -> Vec<u8> {
    let mut header = vec![0; 64];
    let mut gpupci = File::open(env!("CARGO_BIN_EXE_gpupci")).expect("gpupci is there");
    gpupci.read_exact(&mut header).expect("a header");
    header.extend(text.bytes());
    header
}

/// A host with this version of libvirt and the hook of the package.
fn host(version: &str) -> TestHost {
    let host = TestHost::named("vm-container-0-15");
    host.make_folder(HOOKS);
    if !version.is_empty() {
        host.write(&format!("{LIBRARY}.{version}"), "");
        let library = format!("libvirt.so.0.{version}");
        symlink(library, host.path(LIBRARY)).expect("a link is made");
    }
    host.write_bytes(PACKAGED, &program("gpupt, first build"));
    host.write("usr/bin/gpupci", "");
    host.set_mode("usr/bin/gpupci", 0o755);
    host
}

/// libvirt 9.0.0, which has `qemu.d`.
fn new_libvirt() -> TestHost {
    host("9000.0")
}

/// libvirt 4.5.0, which does not have it.
fn old_libvirt() -> TestHost {
    host("4005.0")
}

/// Writes another program's hook, with a mode and a time that a new file does not have.
fn foreign(host: &TestHost, path: &str) {
    host.write(path, FOREIGN);
    host.set_mode(path, 0o750);
    let file = File::options().append(true).open(host.path(path));
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_234_567_890);
    let set = file.expect("it is there").set_modified(long_ago);
    set.expect("the time is set");
}

impl TestHost {
    fn make_folder(&self, path: &str) {
        fs::create_dir_all(self.path(path)).expect("the folder is made");
    }

    fn write_bytes(&self, path: &str, content: &[u8]) {
        self.write(path, "");
        fs::write(self.path(path), content).expect("the file is written");
    }

    fn set_mode(&self, path: &str, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(path), mode).expect("the mode is set");
    }

    fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.path(path)).expect("a link is made");
    }

    /// Everything below `/etc/libvirt` and `/var/lib`: names, modes, times, content.
    fn snapshot(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for folder in ["etc/libvirt", "var/lib"] {
            add(&mut lines, self.root.path(), &self.path(folder));
        }
        lines.sort();
        lines
    }

    /// Asserts that the hook is installed with the right content and mode.
    #[track_caller]
    fn assert_hook(&self, path: &str, content: &[u8]) {
        let file = self.path(path);
        let facts = file.symlink_metadata().expect("the hook is there");
        assert!(facts.is_file(), "a link is not seen by AppArmor as ours");
        assert_eq!(facts.mode() & 0o7777, 0o755);
        if nix::unistd::geteuid().is_root() {
            assert_eq!((facts.uid(), facts.gid()), (0, 0));
        }
        assert_eq!(fs::read(file).expect("it can be read"), content);
        let rest = ["gpupt.new", "gpupt.old-0", "gpupt.old-3", "gpupt.old-4"];
        let left = rest.map(|name| self.has(&format!("{HOOKS}/{name}")));
        assert_eq!(left, [false; 4], "nothing is left over");
    }

    /// Runs a command that must fail and change nothing; gives its output.
    #[track_caller]
    fn refusal(&self, line: &str) -> RunOutput {
        let before = self.snapshot();
        let said = self.line(line);
        assert_eq!(self.snapshot(), before);
        assert_eq!(said.text(), "");
        said
    }
}

fn add(lines: &mut Vec<String>, root: &Path, folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        let facts = path.symlink_metadata().expect("facts");
        let name = path.strip_prefix(root).expect("below the root").display();
        let what = if facts.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            format!("-> {}", target.display())
        } else if facts.is_dir() {
            add(lines, root, &path);
            format!("{:o}", facts.mode())
        } else if !facts.is_file() {
            format!("{:o}", facts.mode())
        } else {
            let content = fs::read(&path).expect("a file");
            let (mode, uid, time) = (facts.mode(), facts.uid(), facts.mtime_nsec());
            format!("{mode:o} {uid} {}.{time} {content:?}", facts.mtime())
        };
        lines.push(format!("{name} {what}"));
    }
}
