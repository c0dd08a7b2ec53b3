//! Finds the processes that have a device node open or mapped.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::binding::{ActError, User};
use crate::host::nodes::{Node, Nodes, major_minor};
use crate::host::{Machine, SysfsKernel, is_gone};
use crate::pci::PciAddress;

/// The result of a check of all processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// The processes that use one of the nodes, by process id.
    pub found: Vec<User>,
    /// Why some processes could not be checked: they may use a node.
    pub unseen: Vec<String>,
}

/// The arguments of a check, as the child gets them.
#[derive(Serialize, Deserialize)]
struct UserQuery {
    /// The functions to check, as sysfs names them.
    functions: Vec<String>,
    /// The functions of other cards: a process that uses one of these may have a shared node open for it.
    others: Vec<String>,
}

impl Machine {
    /// The processes that use one of `functions`, and not only a node that is shared with one of
    /// `others`. The check runs in a child that can be abandoned: it can hang at a process that hangs.
    pub fn users_of(
        &self,
        functions: &[PciAddress],
        others: &[PciAddress],
        deadline: Duration,
    ) -> Users {
        let texts = |functions: &[PciAddress]| functions.iter().map(ToString::to_string).collect();
        let query = UserQuery {
            functions: texts(functions),
            others: texts(others),
        };
        let query = serde_json::to_string(&query).unwrap_or_default();
        let answer = SysfsKernel::of(self, deadline).check_users(&query);
        let users = answer.and_then(|answer| {
            serde_json::from_str(&String::from_utf8_lossy(&answer))
                .map_err(|error| ActError::Refused(error.into()))
        });
        users.unwrap_or_else(|error| match error {
            ActError::Late => Users::unseen(format!(
                "the check of all processes took longer than {} s",
                deadline.as_secs_f32()
            )),
            ActError::Refused(error) => Users::unseen(error.to_string()),
        })
    }

    /// Runs the check of [`Machine::users_of`], in the child.
    pub(super) fn answer_user_query(&self, query: &str) -> io::Result<Vec<u8>> {
        let query: UserQuery = serde_json::from_str(query)?;
        let own = self.nodes_of(&query.functions);
        let mut others = self.nodes_of(&query.others).found;
        others.retain(|node| !node.is_shared);
        let mut users = self.users(&own.found, &others);
        users.unseen.extend(own.unread);
        Ok(serde_json::to_vec(&users)?)
    }

    /// The nodes of all these functions.
    fn nodes_of(&self, functions: &[String]) -> Nodes {
        let mut all = Nodes::default();
        let functions = functions
            .iter()
            .filter_map(|function| function.parse().ok());
        for nodes in functions.map(|function| self.all_nodes(function)) {
            all.found.extend(nodes.found);
            all.unread = all.unread.or(nodes.unread);
        }
        all
    }

    /// The processes that use one of `nodes`, and not only a node that is shared with one of `others`.
    /// This can hang.
    pub fn users(&self, nodes: &[Node], others: &[Node]) -> Users {
        let mut users = Users::default();
        let entries = match fs::read_dir(self.path("/proc")) {
            Ok(entries) => entries,
            Err(error) => return Users::unseen(format!("cannot list /proc: {error}")),
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut pids: Vec<u32> = names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        for pid in pids {
            match self.open_node(pid, nodes, others) {
                Ok(node) => users
                    .found
                    .extend(node.map(|node| self.user(pid, &node.path))),
                Err(error) if is_gone(&error) => (),
                Err(error) => {
                    let command = self.command_of(pid);
                    users.unseen.push(format!("{command} (pid {pid}): {error}"));
                }
            }
        }
        users
    }

    /// The node by which `pid` uses the card.
    fn open_node<'n>(
        &self,
        pid: u32,
        nodes: &'n [Node],
        others: &[Node],
    ) -> io::Result<Option<&'n Node>> {
        let open_files = self.open_files(pid)?;
        let has = |node: &Node| open_files.iter().any(|file| file.is(node));
        if let Some(own) = nodes.iter().find(|node| !node.is_shared && has(node)) {
            return Ok(Some(own));
        }
        if others.iter().any(has) {
            return Ok(None);
        }
        Ok(nodes.iter().find(|node| has(node)))
    }

    /// The device nodes that a process has open or mapped. A mapping keeps a node in use after its
    /// descriptor is closed.
    fn open_files(&self, pid: u32) -> io::Result<Vec<OpenFile>> {
        let mut files = Vec::new();
        let in_other_mounts = self.is_in_other_mounts(pid);
        for entry in fs::read_dir(self.path(format!("/proc/{pid}/fd")))? {
            let link = entry?.path();
            match fs::read_link(&link) {
                Ok(target) => files.extend(OpenFile::of_link(&link, &target, in_other_mounts)),
                // No device node has so long a path.
                Err(error) if error.raw_os_error() == Some(Errno::ENAMETOOLONG as i32) => (),
                Err(error) if is_gone(&error) => (),
                Err(error) => return Err(error),
            }
        }
        let maps = match fs::read(self.path(format!("/proc/{pid}/maps"))) {
            Ok(maps) => String::from_utf8_lossy(&maps).into_owned(),
            Err(error) if is_gone(&error) => String::new(),
            Err(error) => return Err(error),
        };
        for (range, path) in maps.lines().filter_map(mapped) {
            let link = self.path(format!("/proc/{pid}/map_files/{range}"));
            files.extend(OpenFile::mapped(&link, path, in_other_mounts));
        }
        Ok(files)
    }

    /// Whether a process is in another mount namespace, as in a container: there a node can have any
    /// name.
    fn is_in_other_mounts(&self, pid: u32) -> bool {
        let namespace = |pid: &str| fs::read_link(self.path(format!("/proc/{pid}/ns/mnt"))).ok();
        namespace(&pid.to_string()) != namespace("self")
    }

    fn user(&self, pid: u32, node: &str) -> User {
        User {
            pid,
            command: self.command_of(pid),
            guest: self.guest_of(pid),
            node: node.to_owned(),
        }
    }

    fn command_of(&self, pid: u32) -> String {
        let command = self.text(&format!("/proc/{pid}/comm")).unwrap_or_default();
        match command.trim_end_matches('\n') {
            "" => "a process".to_owned(),
            command => command.to_owned(),
        }
    }

    /// The guest that a QEMU process runs, as libvirt names it to QEMU (`-name guest=NAME,…`).
    fn guest_of(&self, pid: u32) -> Option<String> {
        let line = fs::read(self.path(format!("/proc/{pid}/cmdline"))).ok()?;
        let mut words = line.split(|byte| *byte == 0);
        let program = words.next()?;
        if !String::from_utf8_lossy(program).contains("qemu") {
            return None;
        }
        let name = words.skip_while(|word| *word != b"-name").nth(1)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let name = name.strip_prefix("guest=").unwrap_or(&name);
        Some(first_value(name))
    }
}

/// The first value of an option of QEMU's. A comma in it is doubled.
fn first_value(text: &str) -> String {
    let mut value = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character == ',' && rest.next_if_eq(&',').is_none() {
            break;
        }
        value.push(character);
    }
    value
}

impl Users {
    fn unseen(why: String) -> Self {
        Self {
            found: Vec::new(),
            unseen: vec![why],
        }
    }
}

/// A file that a process has open.
struct OpenFile {
    path: String,
    number: Option<(u64, u64)>,
}

impl OpenFile {
    /// The file behind a link of `/proc`, if it may be a device node. Other files are not queried for
    /// their number: a network file system may never answer.
    fn of_link(
        link: &std::path::Path,
        target: &std::path::Path,
        in_other_mounts: bool,
    ) -> Option<Self> {
        let path = target.to_str()?;
        // In a chroot the path has more parts before /dev.
        if !(path.contains("/dev/") || in_other_mounts && path.starts_with('/')) {
            return None;
        }
        let facts = fs::metadata(link).ok();
        let number = facts.map(|facts| major_minor(facts.rdev()));
        Some(Self {
            path: path.trim_end_matches(" (deleted)").to_owned(),
            number: number.filter(|number| *number != (0, 0)),
        })
    }

    /// The file that is mapped as `path`. To follow the link needs a capability that confined
    /// programs lack, so it is followed only if the path may have any name.
    fn mapped(link: &std::path::Path, path: &str, in_other_mounts: bool) -> Option<Self> {
        if in_other_mounts || path.contains("/dev/") && !path.starts_with("/dev/") {
            return Self::of_link(link, path.as_ref(), in_other_mounts);
        }
        path.starts_with("/dev/").then(|| Self {
            path: path.trim_end_matches(" (deleted)").to_owned(),
            number: None,
        })
    }

    fn is(&self, node: &Node) -> bool {
        match (self.number, node.number) {
            (Some(own), Some(number)) => own == number,
            _ => self.path == node.path,
        }
    }
}

/// The address range and the path of a line of `/proc/PID/maps` that maps a file.
fn mapped(line: &str) -> Option<(&str, &str)> {
    let (range, rest) = line.split_once(' ')?;
    let start = rest.find('/')?;
    Some((range, &rest[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn guest_name_ends_at_a_single_comma() {
        for (text, name) in [
            ("rocks-33,debug-threads=on", "rocks-33"),
            ("a,,b,debug-threads=on", "a,b"),
            ("alone", "alone"),
            ("", ""),
        ] {
            assert_eq!(first_value(text), name);
        }
    }

    #[test]
    fn mapping_of_a_file_is_parsed_with_its_path() {
        let line = "7f0000000000-7f0000001000 rw-s 00000000 00:05 402  /dev/dri/card 1";
        assert_eq!(
            mapped(line),
            Some(("7f0000000000-7f0000001000", "/dev/dri/card 1"))
        );
        let stack = "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0  [stack]";
        assert_eq!(mapped(stack), None);
    }
}
