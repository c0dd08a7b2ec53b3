//! The place of libvirt's hooks: what is there, and the program that goes there.

mod act;
mod daemon;
mod files;
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

/// What the program is called where it was built, beside `gpupci`.
const BUILT: &str = "qemu";
/// A program may have all in it that helps to find its faults.
const BYTES_MAX: u64 = 256 << 20;
/// What a hook of ours may be to whom.
const MODE: u32 = 0o755;

/// The program that is to be the hook.
#[derive(Clone, Debug)]
pub struct HookProgram {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub content: Vec<u8>,
}

/// The place of libvirt's hooks on a machine.
#[derive(Clone, Copy, Debug)]
pub struct HookFolder<'m> {
    machine: &'m Machine,
}

impl<'m> HookFolder<'m> {
    /// The place of the hooks of `machine`.
    pub fn of(machine: &'m Machine) -> Self {
        Self { machine }
    }
}

impl HookFolder<'_> {
    /// The program that is to be the hook: `from`, else that of a package, else the one beside ours.
    ///
    /// # Errors
    /// If there is none, or it is none.
    pub fn program(&self, from: Option<&Path>) -> Result<HookProgram, HookFault> {
        let beside = env::current_exe().unwrap_or_default().with_file_name(BUILT);
        let candidates = match from {
            Some(from) => vec![from.to_owned()],
            None => vec![self.machine.path(HOOK_PROGRAM), beside],
        };
        let Some(path) = candidates.iter().find(|path| path.exists()) else {
            return Err(HookFault::NoProgram(candidates));
        };
        let unfit = |why: String| HookFault::Program {
            path: path.clone(),
            why,
        };
        let content = content(path).map_err(|why| unfit(why.to_string()))?;
        let gpupci = content_of_ours().unwrap_or_default();
        judge_program(&content, &gpupci).map_err(|why| unfit(why.to_owned()))?;
        Ok(HookProgram {
            path: path.clone(),
            content,
        })
    }

    /// What is there where hooks are; `program` is what is to be installed.
    ///
    /// # Errors
    /// If that cannot be looked at.
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
            hook: self.found(HOOK, program)?,
            in_folder: self.found(HOOK_IN_FOLDER, program)?,
            before: self.hook_before_state()?,
        })
    }

    /// Whether a file is our hook.
    pub fn is_ours(&self, path: &str) -> bool {
        content(&self.machine.path(path)).is_ok_and(|content| is_hook_program(&content))
    }

    /// Whether there is just this in a file.
    pub fn has_content(&self, path: &str, program: &[u8]) -> bool {
        content(&self.machine.path(path)).is_ok_and(|content| content == program)
    }

    /// The hook that made room for ours.
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

    /// Whether we may look where hooks are.
    pub fn may_list(&self) -> bool {
        let looked = fs::read_dir(self.machine.path(HOOKS));
        !looked.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
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
            Err(_) => odd(&facts).unwrap_or("a file").to_owned(),
        }))
    }

    fn found(&self, path: &str, program: Option<&[u8]>) -> Result<HookEntry, HookFault> {
        let Some(facts) = self.metadata(path)? else {
            return Ok(HookEntry::Nothing);
        };
        if let Some(what) = odd(&facts) {
            return Ok(HookEntry::Odd(what));
        }
        let content = match content(&self.machine.path(path)) {
            Ok(content) => content,
            // A link to nothing, or to what is no file; or nothing that could be our hook.
            Err(_) if facts.is_symlink() || facts.len() > BYTES_MAX => {
                return Ok(HookEntry::Foreign);
            }
            Err(source) => return Err(self.unseen(path, source)),
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

    /// What is in the place of the hook that made room for ours.
    fn hook_before_state(&self) -> Result<HookBefore, HookFault> {
        let Some(kept) = self.metadata(HOOK_BEFORE)? else {
            return Ok(HookBefore::Nothing);
        };
        if odd(&kept).is_some() {
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

    /// What is known of the file itself, not of what it links to.
    fn metadata(&self, path: &str) -> Result<Option<Metadata>, HookFault> {
        match fs::symlink_metadata(self.machine.path(path)) {
            Ok(facts) => Ok(Some(facts)),
            Err(error) => match error.kind() {
                // The folder may be a file, which is told of the folder.
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(self.unseen(path, error)),
            },
        }
    }

    fn unseen(&self, path: &str, source: io::Error) -> HookFault {
        HookFault::Read {
            path: self.machine.path(path),
            source,
        }
    }
}

/// What it is, if neither a file nor a link.
fn odd(facts: &Metadata) -> Option<&'static str> {
    match facts {
        _ if facts.is_dir() => Some("a folder"),
        _ if facts.is_file() || facts.is_symlink() => None,
        _ => Some("a pipe, a socket or a device"),
    }
}

/// What is in a file that is one, and has an end.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for who writes into it.
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other(odd(&facts).map_or_else(
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

fn content_of_ours() -> io::Result<Vec<u8>> {
    content(Path::new(SELF_EXE))
}
