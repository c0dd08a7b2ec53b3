//! The programs that gpupt runs. A tree of files below `--root` may come from a stranger, so no program
//! below it is ever run.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::host::Machine;

/// In a tree of files, the folder of programs that play `virsh` and `gpupci`. It has no effect on a real
/// machine.
const STAND_INS: &str = "GPUPT_PROGRAMS";

impl Machine {
    /// What to run as `path`; `None` if a tree of files has no stand-in for it.
    pub(super) fn program(&self, path: &'static str) -> Option<PathBuf> {
        if self.is_real() {
            return Some(path.into());
        }
        let folder = env::var_os(STAND_INS).filter(|folder| !folder.is_empty())?;
        Some(Path::new(&folder).join(file_name(path)))
    }

    /// As [`Machine::program`], but without a stand-in the program beside our own. It must not be in the
    /// tree.
    pub(super) fn own_program(&self, path: &'static str) -> Option<PathBuf> {
        self.program(path).or_else(|| {
            let beside = env::current_exe().ok()?.with_file_name(file_name(path));
            let beside = beside.canonicalize().ok()?;
            let tree = self.path("/").canonicalize().ok()?;
            (!beside.starts_with(tree)).then_some(beside)
        })
    }
}

fn file_name(path: &'static str) -> &'static OsStr {
    Path::new(path).file_name().unwrap_or_default()
}
