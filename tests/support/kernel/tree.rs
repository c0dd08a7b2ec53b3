//! The files of the host. Each change is atomic, so that no reader sees half a file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use tempfile::TempDir;

/// The root folder. Paths are relative to it, without a leading slash.
pub struct Tree {
    root: PathBuf,
    /// A folder beside the host, for incomplete files and pulled functions.
    aside: TempDir,
}

impl Tree {
    pub fn new(root: &Path) -> Self {
        Self {
            root: fs::canonicalize(root).expect("the machine is there"),
            aside: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// The content without its newline; none if the file is missing.
    pub fn text(&self, path: &str) -> Option<String> {
        let mut text = fs::read_to_string(self.path(path)).ok()?;
        if text.ends_with('\n') {
            text.pop();
        }
        Some(text)
    }

    /// Resolves the links in a path, as a system call does.
    pub fn resolve(&self, path: &str) -> Result<String, Errno> {
        let found = fs::canonicalize(self.path(path.trim_start_matches('/'))).map_err(errno)?;
        // A link out of the host leads to no file of the test.
        let inside = found
            .strip_prefix(&self.root)
            .map_err(|_| Errno::EACCES)?
            .to_str();
        Ok(inside.ok_or(Errno::EINVAL)?.to_owned())
    }

    pub fn read(&self, path: &str) -> Result<Vec<u8>, Errno> {
        fs::read(self.path(path)).map_err(errno)
    }

    pub fn is_folder(&self, path: &str) -> bool {
        self.path(path).is_dir()
    }

    /// The names in a folder, sorted; none if it is missing.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let name = |entry: fs::DirEntry| entry.file_name().to_str().map(str::to_owned);
        let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
        names.sort();
        names
    }

    /// The last component of a link's target.
    pub fn target(&self, link: &str) -> Option<String> {
        let target = fs::read_link(self.path(link)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    pub fn folder(&self, path: &str) {
        fs::create_dir_all(self.path(path)).expect("a folder is made");
    }

    pub fn put(&self, path: &str, content: &str) {
        self.put_mode(path, content, 0o644);
    }

    /// Creates a write-only file.
    pub fn put_handle(&self, path: &str) {
        if !self.has(path) {
            self.put_mode(path, "", 0o200);
        }
    }

    fn put_mode(&self, path: &str, content: &str, mode: u32) {
        let whole = self.aside.path().join("file");
        fs::write(&whole, content).expect("a file is written");
        fs::set_permissions(&whole, fs::Permissions::from_mode(mode)).expect("a mode is set");
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders are made");
        fs::rename(whole, path).expect("a file is put in its place");
    }

    /// Creates a relative link to `target`.
    pub fn link(&self, path: &str, target: &str) {
        let from: Vec<&str> = path.split('/').collect();
        let to: Vec<&str> = target.split('/').collect();
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = vec![".."; from.len() - 1 - common];
        let way = [&up, &to[common..]].concat().join("/");
        self.remove(path);
        symlink(way, self.path(path)).expect("a link is made");
    }

    /// Removes a file, a link or an empty folder, if it exists.
    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        let Ok(kind) = path.symlink_metadata() else {
            return;
        };
        if kind.is_dir() {
            // A folder that is not empty stays.
            drop(fs::remove_dir(path));
        } else {
            fs::remove_file(path).expect("a file is taken away");
        }
    }

    /// Removes a folder with its content.
    pub fn remove_all(&self, path: &str) {
        match fs::remove_dir_all(self.path(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{path} stays: {error}"),
            _ => (),
        }
    }

    /// Moves a folder out of the host, from where `bring_back` restores it.
    pub fn set_aside(&self, path: &str, name: &str) {
        let aside = self.aside.path().join(name);
        fs::rename(self.path(path), aside).expect("a folder is set aside");
    }

    pub fn bring_back(&self, name: &str, path: &str) {
        let aside = self.aside.path().join(name);
        fs::rename(aside, self.path(path)).expect("a folder comes back");
    }
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}
