//! libvirt's hook folder, and the hook program to install there.

mod act;
mod daemon;
mod files;
mod gpupci;
mod version;

use std::env;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;

use crate::escape::printable;
use crate::hook_folder::{
    Folder, HookBefore, HookEntry, HookFault, HookFolderState, is_hook_program, judge_program,
};
use crate::hook_folder::{HookFile, calls_virsh};
use crate::host::Machine;
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOKS, LIBVIRT};
use crate::paths::{HOOK_PROGRAM, SELF_EXE};

/// The program's name in a build folder, beside `gpupci`.
const BUILT: &str = "qemu";
/// A program may have debug information.
const BYTES_MAX: u64 = 256 << 20;
/// The mode of our hook.
const MODE: u32 = 0o755;

/// The program to install as the hook.
#[derive(Clone, Debug)]
pub struct HookProgram {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// libvirt's hook folder on a machine.
#[derive(Clone, Copy, Debug)]
pub struct HookFolder<'m> {
    machine: &'m Machine,
}

impl<'m> HookFolder<'m> {
    /// The hook folder of `machine`.
    pub fn of(machine: &'m Machine) -> Self {
        Self { machine }
    }
}

impl HookFolder<'_> {
    /// The program to install: `from`, else that of a package, else the one beside this program.
    ///
    /// # Errors
    /// If it does not exist or is not the hook.
    pub fn program(&self, from: Option<&Path>) -> Result<HookProgram, HookFault> {
        let beside = env::current_exe().unwrap_or_default().with_file_name(BUILT);
        let candidates = match from {
            Some(from) => vec![from.to_owned()],
            None => vec![self.machine.path(HOOK_PROGRAM), beside],
        };
        let Some(path) = candidates.iter().find(|path| path.exists()) else {
            return Err(HookFault::NoProgram(candidates));
        };
        let invalid = |why: String| HookFault::Program {
            path: path.clone(),
            why,
        };
        let content = content(path).map_err(|why| invalid(why.to_string()))?;
        let gpupci = own_content().unwrap_or_default();
        judge_program(&content, &gpupci).map_err(|why| invalid(why.to_owned()))?;
        Ok(HookProgram {
            path: path.clone(),
            content,
        })
    }

    /// The state of the folder; `program` is the one to install.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn state(
        &self,
        program: Option<&[u8]>,
        deadline: Duration,
    ) -> Result<HookFolderState, HookFault> {
        Ok(HookFolderState {
            has_libvirt: self.machine.exists(LIBVIRT),
            version: self.libvirt_version(deadline),
            hooks: self.folder(HOOKS)?,
            folder: self.folder(HOOK_FOLDER)?,
            hook: self.entry(HOOK, program)?,
            in_folder: self.entry(HOOK_IN_FOLDER, program)?,
            before: self.hook_before_state()?,
        })
    }

    /// Whether a file is gpupt's hook.
    pub fn is_ours(&self, path: &str) -> bool {
        content(&self.machine.path(path)).is_ok_and(|content| is_hook_program(&content))
    }

    /// Whether a file has exactly this content.
    pub fn has_content(&self, path: &str, program: &[u8]) -> bool {
        content(&self.machine.path(path)).is_ok_and(|content| content == program)
    }

    /// The hook that ours replaced and runs.
    pub fn hook_before(&self) -> Option<HookFile> {
        let facts = fs::metadata(self.machine.path(HOOK_BEFORE)).ok()?;
        let content = content(&self.machine.path(HOOK_BEFORE));
        Some(HookFile {
            path: HOOK_BEFORE.to_owned(),
            is_ours: false,
            is_direct: false,
            is_executable: facts.is_file() && facts.mode() & 0o111 != 0,
            is_open_to_all: facts.mode() & 0o002 != 0,
            calls_virsh: calls_virsh(content.as_deref().unwrap_or_default()),
            unread: content.err().map(|error| error.to_string()),
        })
    }

    /// Whether this user may list the folder.
    pub fn may_list(&self) -> bool {
        let listed = fs::read_dir(self.machine.path(HOOKS));
        !listed.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    fn folder(&self, path: &str) -> Result<Folder, HookFault> {
        let Some(facts) = self.metadata(path)? else {
            return Ok(Folder::Missing);
        };
        if facts.is_dir() {
            return Ok(Folder::There);
        }
        Ok(Folder::Not(match fs::read_link(self.machine.path(path)) {
            Ok(target) => {
                let target = target.to_string_lossy();
                format!("a link to {}", printable(target.as_bytes()))
            }
            Err(_) => special_kind(&facts).unwrap_or("a file").to_owned(),
        }))
    }

    fn entry(&self, path: &str, program: Option<&[u8]>) -> Result<HookEntry, HookFault> {
        let Some(facts) = self.metadata(path)? else {
            return Ok(HookEntry::Nothing);
        };
        if let Some(what) = special_kind(&facts) {
            return Ok(HookEntry::Odd(what));
        }
        let content = match content(&self.machine.path(path)) {
            Ok(content) => content,
            // A dangling link, a link to something else than a file, or a file too large for our hook.
            Err(_) if facts.is_symlink() || facts.len() > BYTES_MAX => {
                return Ok(HookEntry::Foreign);
            }
            Err(source) => return Err(self.read_error(path, source)),
        };
        if !is_hook_program(&content) {
            return Ok(HookEntry::Foreign);
        }
        let is_owned = !nix::unistd::geteuid().is_root() || (facts.uid(), facts.gid()) == (0, 0);
        let is_as_installed = facts.is_file() && facts.mode() & 0o7777 == MODE && is_owned;
        Ok(HookEntry::Ours {
            is_current: is_as_installed && program == Some(&content),
        })
    }

    /// The state of the path of the hook that ours replaced.
    fn hook_before_state(&self) -> Result<HookBefore, HookFault> {
        let Some(kept) = self.metadata(HOOK_BEFORE)? else {
            return Ok(HookBefore::Nothing);
        };
        if special_kind(&kept).is_some() {
            return Ok(HookBefore::Odd);
        }
        let Some(single) = self.metadata(HOOK)? else {
            return Ok(HookBefore::Other);
        };
        let rights = |facts: &Metadata| (facts.mode(), facts.uid(), facts.gid());
        let is_same = (kept.dev(), kept.ino()) == (single.dev(), single.ino())
            || kept.is_file()
                && rights(&kept) == rights(&single)
                && content(&self.machine.path(HOOK_BEFORE)).ok()
                    == content(&self.machine.path(HOOK)).ok();
        Ok(match is_same {
            true => HookBefore::SameAsHook,
            false => HookBefore::Other,
        })
    }

    /// The metadata of the file itself, not of a link's target.
    fn metadata(&self, path: &str) -> Result<Option<Metadata>, HookFault> {
        match fs::symlink_metadata(self.machine.path(path)) {
            Ok(facts) => Ok(Some(facts)),
            Err(error) => match error.kind() {
                // If the folder is a file, that is reported for the folder.
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(self.read_error(path, error)),
            },
        }
    }

    fn read_error(&self, path: &str, source: io::Error) -> HookFault {
        HookFault::Read {
            path: self.machine.path(path),
            source,
        }
    }
}

/// The kind of file, if it is neither a regular file nor a link.
fn special_kind(facts: &Metadata) -> Option<&'static str> {
    match facts {
        _ if facts.is_dir() => Some("a directory"),
        _ if facts.is_file() || facts.is_symlink() => None,
        _ => Some("a pipe, a socket or a device"),
    }
}

/// The bytes of a regular file of at most [`BYTES_MAX`].
fn content(path: &Path) -> io::Result<Vec<u8>> {
    // Without O_NONBLOCK, to open a pipe would wait for a writer.
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other(special_kind(&facts).map_or_else(
            || "it is not a regular file".to_owned(),
            |what| format!("it is {what}"),
        )));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > BYTES_MAX {
        true => Err(io::Error::other("it is larger than 256 MiB")),
        false => Ok(bytes),
    }
}

fn own_content() -> io::Result<Vec<u8>> {
    content(Path::new(SELF_EXE))
}
