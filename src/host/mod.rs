//! The machine: its files, below a root that tests and `--root` choose. Nothing else opens a file.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may touch the machine"
)]

mod resolver;
mod sysfs;

pub use sysfs::SysfsError;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A machine, seen through its files.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The machine whose files are below `root`: `/` in production.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the file that this machine knows by the absolute path `path` really is.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether this is the machine we run on, and not a tree of files.
    pub fn is_real(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether there is anything at `path`.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The text of a file that may be missing or out of bounds for us: nothing then.
    pub fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// The text of a file that may be missing: nothing then.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self, path: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names in a directory, sorted; none where there is no such directory.
    pub fn children(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Whether the path, as the user typed it, leads to a file.
    ///
    /// # Errors
    /// When that cannot be looked at, which is not the same as "no".
    pub fn has_file(path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    /// Makes the directories that lead to a path, as the user typed it.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make_parents(path: &Path) -> io::Result<()> {
        match path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            Some(parent) => fs::create_dir_all(parent),
            None => Ok(()),
        }
    }
}
