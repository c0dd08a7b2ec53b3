//! Facts of the hooks in libvirt's folder, for `gpupci check`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use crate::hook_folder::{HookFacts, HookFile, calls_virsh, is_ours};
use crate::host::HookFolder;
use crate::paths::{HOOK, HOOK_FOLDER, HOOK_LAST_RUN, LIBVIRT};

/// A hook may be a program with debug information.
const HOOK_BYTES: u64 = 64 << 20;
/// A common recipe has folders of guests, operations and suboperations below `qemu.d`.
const DEPTH: usize = 3;
/// More hooks than this are not read.
const FILES_MAX: usize = 256;

impl HookFolder<'_> {
    /// The facts of libvirt's hooks; `None` if libvirt is not installed.
    pub fn facts(&self) -> Option<HookFacts> {
        self.machine.exists(LIBVIRT).then(|| {
            let mut files: Vec<HookFile> = self.hook_file(HOOK, true).into_iter().collect();
            self.add_hooks(&mut files, HOOK_FOLDER, DEPTH);
            HookFacts {
                is_hidden: !self.may_list(),
                files,
                is_seen: self.machine.exists(HOOK_LAST_RUN),
                daemon: self.daemon_name(),
            }
        })
    }

    fn add_hooks(&self, files: &mut Vec<HookFile>, folder: &str, depth: usize) {
        for name in self.machine.children(folder) {
            let path = format!("{folder}/{name}");
            if files.len() >= FILES_MAX {
                return;
            }
            if self.machine.path(&path).is_dir() {
                if depth > 0 {
                    self.add_hooks(files, &path, depth - 1);
                }
                continue;
            }
            files.extend(self.hook_file(&path, folder == HOOK_FOLDER));
        }
    }

    /// A hook; `None` if it is not a regular file, which libvirt does not run either.
    fn hook_file(&self, path: &str, is_direct: bool) -> Option<HookFile> {
        let facts = fs::metadata(self.machine.path(path)).ok()?;
        let mode = facts.permissions().mode();
        let content: io::Result<Vec<u8>> = self.machine.read_limited(path, HOOK_BYTES);
        let bytes = content.as_deref().unwrap_or_default();
        facts.is_file().then(|| HookFile {
            path: path.to_owned(),
            is_ours: is_ours(bytes),
            is_direct,
            is_executable: mode & 0o111 != 0,
            is_open_to_all: mode & 0o002 != 0,
            calls_virsh: calls_virsh(bytes),
            unread: content.as_ref().err().map(ToString::to_string),
        })
    }

    /// The daemon that runs hooks: `libvirtd`, or `virtqemud` on hosts with modular daemons.
    fn daemon_name(&self) -> &'static str {
        const LIBVIRTD: &str = "libvirtd";
        const VIRTQEMUD: &str = "virtqemud";
        let hints = [
            ("/run/libvirtd.pid", LIBVIRTD),
            ("/run/virtqemud.pid", VIRTQEMUD),
            (
                "/etc/systemd/system/sockets.target.wants/virtqemud.socket",
                VIRTQEMUD,
            ),
            ("/usr/sbin/libvirtd", LIBVIRTD),
            ("/usr/sbin/virtqemud", VIRTQEMUD),
        ];
        let hint = hints
            .into_iter()
            .find(|(path, _)| self.machine.exists(path));
        hint.map_or(LIBVIRTD, |(_, daemon)| daemon)
    }
}
