//! The machine: its files, processes and programs, below a root that tests and `--root` choose.
//! Nothing else opens a file.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the only module that may access the machine"
)]

mod binding;
mod card_view;
mod console;
mod credentials;
mod device_files;
mod facts;
mod framebuffer;
mod gpupci;
mod groups;
mod hook_folder;
mod host_use;
mod journal;
mod journal_lines;
mod kernel;
mod known_guests;
mod libvirt;
mod lock;
mod nodes;
mod open_files;
mod pci_ids;
mod programs;
mod qemu_log;
mod records;
mod resolver;
mod shares;
mod starts;
mod stubs;
mod sysfs;
mod users;
mod virtual_functions;
mod watched;
mod write_lock;
mod writer;

pub use hook_folder::{HookFolder, HookProgram};
pub use journal::LogPriority;
pub use journal_lines::JournalLine;
pub use kernel::SysfsKernel;
pub use known_guests::KnownGuest;
pub use libvirt::{GuestProcess, GuestState};
pub use lock::{Lock, LockError};
pub use nodes::Node;
pub use pci_ids::Models;
pub use qemu_log::QemuRun;
pub use records::StateFileError;
pub use shares::{Shares, Wanted};
pub use starts::Start;
pub use sysfs::SysfsError;
pub use users::Users;
pub use write_lock::WriteState;
pub use writer::run_as_writer;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::paths::{EMBEDDED_DATABASE, KERNEL_RELEASE};

/// The longest text that is read: files of the kernel and of state, and `/etc/hosts`, are far shorter.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// A machine, accessed through its files.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The machine whose files are below `root`: `/` in production.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The absolute path `path` of this machine, below its root.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether this is the running machine, and not a tree of files.
    pub fn is_real(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether `path` exists.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The text of a regular file; `None` if it cannot be read.
    pub fn text(&self, path: &str) -> Option<String> {
        self.read(path).ok()?
    }

    /// The text of a regular file; `None` if it does not exist. No pipe is waited for.
    ///
    /// # Errors
    /// If it exists and cannot be read.
    pub fn read(&self, path: &str) -> io::Result<Option<String>> {
        match self.read_limited(path, TEXT_BYTES_MAX) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| io::Error::other("it is not UTF-8")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The release of the running kernel; empty if unknown.
    fn release(&self) -> String {
        let text = self.text(KERNEL_RELEASE).unwrap_or_default();
        text.trim().to_owned()
    }

    /// The names in a directory, sorted; none if it cannot be listed.
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

    /// Creates a directory that every user can read, and its parents.
    ///
    /// # Errors
    /// If it cannot be created.
    fn make_folder(&self, path: &str) -> io::Result<()> {
        make_readable_folder(&self.path(path))
    }

    /// Replaces a file by `text` atomically, even if power fails.
    ///
    /// # Errors
    /// If it cannot be written; the former file then remains.
    fn replace(&self, path: &str, text: &str) -> io::Result<()> {
        let new = self.path(format!("{path}.new"));
        let written = write_new(&new, text).and_then(|()| fs::rename(&new, self.path(path)));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    /// Removes a file, if it exists.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.path(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the path that the user typed exists. It is not below the root.
    ///
    /// # Errors
    /// If that is unknown.
    pub fn has_file(path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    /// Creates the folder of an embedded database, whose path is not below the root. At the default path
    /// it also creates the file, which every user can read.
    ///
    /// # Errors
    /// If one cannot be created.
    pub fn make_database(path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) else {
            return Ok(());
        };
        if !path.ends_with(EMBEDDED_DATABASE.trim_start_matches('/')) {
            return fs::create_dir_all(folder);
        }
        make_readable_folder(folder)?;
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
        {
            Ok(file) => file.set_permissions(fs::Permissions::from_mode(0o644)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Creates a folder and its missing parents with mode 0755, whatever root's umask is: ordinary users read
/// the names of the cards.
fn make_readable_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), make_readable_folder)?;
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Whether an error says that this user may not do it.
fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Whether an error says that a device was removed or a process has ended.
fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::ENOENT, Errno::ENODEV, Errno::ESRCH];
    error
        .raw_os_error()
        .is_some_and(|code| gone.contains(&Errno::from_raw(code)))
}
