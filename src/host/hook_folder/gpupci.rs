//! Facts of `/usr/bin/gpupci`, which the hook runs. It is not run for that.

use std::env;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::hook_folder::{GpupciFacts, GpupciState};
use crate::host::HookFolder;
use crate::host::hook_folder::content;
use crate::paths::{GPUPCI, ROCKS_GPUPCI, SELF_EXE};

/// More links than this are a loop (`MAXSYMLINKS` of the kernel).
const LINKS_MAX: usize = 40;

impl HookFolder<'_> {
    /// The facts; `has_cluster` says whether this host has a cluster's attributes.
    pub fn gpupci(&self, has_cluster: bool) -> GpupciFacts {
        let is_file = |facts: Metadata| facts.is_file();
        GpupciFacts {
            state: self.gpupci_state(),
            is_taken: self.machine.path(GPUPCI).symlink_metadata().is_ok(),
            is_in_rocks: fs::metadata(self.linked_path(ROCKS_GPUPCI)).is_ok_and(is_file),
            this: env::current_exe().unwrap_or_else(|_| "gpupci".into()),
            has_cluster,
        }
    }

    fn gpupci_state(&self) -> GpupciState {
        let path = self.linked_path(GPUPCI);
        match fs::metadata(&path) {
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => GpupciState::Missing,
                _ => GpupciState::Unread(error.to_string()),
            },
            Ok(facts) if !facts.is_file() => GpupciState::Odd,
            Ok(facts) if facts.mode() & 0o111 == 0 => GpupciState::NotExecutable,
            // The program that looks at a tree of files is not that machine's.
            Ok(_) if self.machine.is_real() && !is_same(&path, Path::new(SELF_EXE)) => {
                GpupciState::Differs
            }
            Ok(_) => GpupciState::Usable,
        }
    }

    /// Where `path` of this machine leads. Its links stay below the root.
    fn linked_path(&self, path: &str) -> PathBuf {
        let mut path = PathBuf::from(path);
        for _ in 0..LINKS_MAX {
            let Ok(target) = fs::read_link(self.machine.path(&path)) else {
                break;
            };
            path.pop();
            path.push(target);
        }
        self.machine.path(path)
    }
}

/// Whether two files have the same content. If that is not known, nothing is said about it.
fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(facts), Ok(others)) = (fs::metadata(one), fs::metadata(other)) else {
        return true;
    };
    if (facts.dev(), facts.ino()) == (others.dev(), others.ino()) {
        return true;
    }
    if facts.len() != others.len() {
        return false;
    }
    match (content(one), content(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_and_a_copy_are_the_same_program_and_another_build_is_not() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [
            ("this", "build 1"),
            ("copy", "build 1"),
            ("new", "build 2"),
            ("long", "build 10"),
        ] {
            fs::write(path(name), text)?;
        }
        symlink("this", path("link"))?;
        for (name, expected) in [
            ("copy", true),
            ("link", true),
            ("new", false),
            ("long", false),
        ] {
            assert_eq!(is_same(&path(name), &path("this")), expected, "{name}");
        }
        Ok(())
    }
}
