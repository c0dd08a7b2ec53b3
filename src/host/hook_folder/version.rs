//! The version of libvirt, from the file name of its library or from the daemon.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::hook_folder::LibvirtVersion;
use crate::host::HookFolder;
use crate::host::kernel::run_with_deadline;

const FOLDERS: [&str; 4] = ["/usr/lib64", "/usr/lib", "/lib64", "/lib"];
/// The library's soname, a link to the file with the version.
const LINK: &str = "libvirt.so.0";
const DAEMONS: [&str; 2] = ["/usr/sbin/libvirtd", "/usr/sbin/virtqemud"];

impl HookFolder<'_> {
    /// The version of the installed libvirt, if known.
    pub fn libvirt_version(&self, deadline: Duration) -> Option<LibvirtVersion> {
        let mut folders: Vec<String> = FOLDERS.map(str::to_owned).to_vec();
        for folder in ["/usr/lib", "/lib"] {
            let below = self.machine.children(folder).into_iter();
            // Debian has a folder for each architecture.
            let below = below.filter(|name| name.contains("-linux-"));
            folders.extend(below.map(|name| format!("{folder}/{name}")));
        }
        let found = folders.iter().filter_map(|folder| self.library_in(folder));
        // If there are several, the oldest supports the least.
        found.min().or_else(|| self.daemon_version(deadline))
    }

    fn library_in(&self, folder: &str) -> Option<LibvirtVersion> {
        let linked = fs::read_link(self.machine.path(format!("{folder}/{LINK}"))).ok();
        let name = linked
            .as_deref()
            .and_then(|target| target.file_name()?.to_str());
        name.and_then(LibvirtVersion::of_library).or_else(|| {
            let names = self.machine.children(folder);
            let versions = names
                .iter()
                .filter_map(|name| LibvirtVersion::of_library(name));
            versions.min()
        })
    }

    /// The version that the daemon prints; in a tree of files no program is run.
    fn daemon_version(&self, deadline: Duration) -> Option<LibvirtVersion> {
        let mut daemons = DAEMONS
            .into_iter()
            .filter(|path| self.machine.is_real() && self.machine.exists(path));
        daemons.find_map(|path| {
            let mut daemon = Command::new(path);
            daemon
                .arg("--version")
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            let output = run_with_deadline(daemon, deadline).ok()?;
            LibvirtVersion::of_daemon(&String::from_utf8_lossy(&output.stdout))
        })
    }
}
