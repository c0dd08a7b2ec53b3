//! The device files that a process has open or mapped.
//!
//! Each thread can have its own table of descriptors, and the first thread can end before the others. The
//! kernel does not show whether two threads share a table. So the tables of all threads are read as long as
//! they are small. In a process with many threads and files, a thread that has the same descriptors open as
//! the first one is taken to share its table.
//!
//! Not seen: a descriptor that is on its way through a socket, files that only io_uring holds, and in another mount
//! namespace a device node on a network file system.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::host::host_use::mount;
use crate::host::nodes::{Node, major_minor};
use crate::host::{Machine, is_gone};

/// How many links are read for the other threads of a process before tables are compared instead.
const THREAD_LINKS_MAX: usize = 1024;
/// How many links are compared: a new file gets the lowest free number, so the latest are often the highest.
const COMPARED: usize = 4;
/// Links of `task`: itself, its parent, and the only thread.
const ALONE: u64 = 3;
/// The cost of a process, besides its files.
const PROCESS_COST: usize = 8;
/// Lines of `maps` that cost as much as one descriptor.
const LINES_PER_COST: usize = 16;
/// File systems that wait for a server; FUSE is another one.
const REMOTE: [&str; 9] = [
    "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "lustre", "beegfs", "gpfs",
];

/// A device file that a process has open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpenFile {
    path: String,
    number: Option<(u64, u64)>,
}

/// How much may still be read, in descriptors.
#[derive(Debug)]
pub(super) struct Meter {
    allowed: usize,
    spent: usize,
}

/// What was read of a process.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    /// Its device files.
    files: BTreeSet<OpenFile>,
    /// Whether all was read.
    pub(super) is_whole: bool,
}

/// Reads processes.
#[derive(Debug)]
pub(super) struct ProcessReader {
    machine: Machine,
    own_mounts: Option<PathBuf>,
}

impl Meter {
    pub(super) fn new(allowed: usize) -> Self {
        Self { allowed, spent: 0 }
    }

    /// What was spent.
    pub(super) fn spent(&self) -> usize {
        self.spent
    }

    /// Whether there was enough left for this.
    fn pays(&mut self, cost: usize) -> bool {
        self.spent = self.spent.saturating_add(cost);
        self.spent <= self.allowed
    }
}

impl OpenFiles {
    /// The node by which the process uses the card: one of `nodes`, and not only one that is shared with
    /// `others`.
    pub(super) fn node<'n>(
        &self,
        nodes: &'n [Node],
        others: impl FnOnce() -> Vec<Node>,
    ) -> Option<&'n Node> {
        if self.files.is_empty() {
            return None;
        }
        let has = |node: &Node| self.files.iter().any(|file| file.is(node));
        if let Some(own) = nodes.iter().find(|node| !node.is_shared && has(node)) {
            return Some(own);
        }
        let shared = nodes.iter().find(|node| has(node))?;
        (!others().iter().any(has)).then_some(shared)
    }
}

impl ProcessReader {
    pub(super) fn of(machine: &Machine) -> Self {
        Self {
            machine: machine.clone(),
            own_mounts: machine.mounts_of("self"),
        }
    }

    /// The device files that a process has open or mapped. A mapping keeps a node in use after its
    /// descriptor is closed.
    pub(super) fn open_files(&self, pid: u32, meter: &mut Meter) -> io::Result<OpenFiles> {
        let threads = self.machine.threads(pid)?;
        let in_other_mounts = self.machine.mounts_of(&pid.to_string()) != self.own_mounts;
        let table = match in_other_mounts {
            true => self.machine.text(&format!("/proc/{pid}/mountinfo")),
            false => None,
        };
        let table = table.unwrap_or_default();
        let mut reading = Reading {
            machine: &self.machine,
            in_other_mounts,
            remote: remote_mounts(&table),
            files: BTreeSet::new(),
        };
        let is_whole = meter.pays(PROCESS_COST + table.lines().count() / LINES_PER_COST)
            && reading.add_tables(&threads, meter)?
            && reading.add_mappings(&threads, meter)?;
        Ok(OpenFiles {
            files: reading.files,
            is_whole,
        })
    }
}

impl Machine {
    /// The mount namespace of a process. In another one, as in a container, a node can have any name.
    fn mounts_of(&self, pid: &str) -> Option<PathBuf> {
        fs::read_link(self.path(format!("/proc/{pid}/ns/mnt"))).ok()
    }

    /// The folders of a process's threads. The folder of the process stands for its first thread.
    fn threads(&self, pid: u32) -> io::Result<Vec<String>> {
        let process = format!("/proc/{pid}");
        let tasks = self.path(format!("{process}/task"));
        match fs::metadata(&tasks) {
            Ok(facts) if facts.nlink() == ALONE => return Ok(vec![process]),
            Err(error) if is_gone(&error) => return Ok(vec![process]),
            _ => (),
        }
        let entries = fs::read_dir(&tasks)?.flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut others: Vec<u32> = names.filter(|thread| *thread != pid).collect();
        others.sort_unstable();
        let others = others
            .iter()
            .map(|thread| format!("{process}/task/{thread}"));
        Ok(std::iter::once(process.clone()).chain(others).collect())
    }
}

/// A mount of a file system that may never answer. The kernel names it by its id in `fdinfo`, and by the number of
/// its file system in `maps`. A path proves nothing: another mount can cover the file.
struct RemoteMount {
    id: String,
    number: String,
}

/// The reading of one process.
struct Reading<'m> {
    machine: &'m Machine,
    in_other_mounts: bool,
    /// Its remote mounts.
    remote: Vec<RemoteMount>,
    files: BTreeSet<OpenFile>,
}

impl Reading<'_> {
    /// Adds the descriptors of all threads. Whether all were read.
    fn add_tables(&mut self, threads: &[String], meter: &mut Meter) -> io::Result<bool> {
        let mut first: Option<(&String, Vec<u32>)> = None;
        let mut links = 0;
        for thread in threads {
            let numbers = self.descriptors(thread)?;
            if !meter.pays(numbers.len() / 4) {
                return Ok(false);
            }
            if let Some((leader, shared)) = &first {
                links += numbers.len();
                if links > THREAD_LINKS_MAX
                    && numbers == *shared
                    && self.have_same_files(leader, thread, &numbers)
                {
                    continue;
                }
            }
            if !self.add_links(thread, &numbers, meter)? {
                return Ok(false);
            }
            if first.is_none() && !numbers.is_empty() {
                first = Some((thread, numbers));
            }
        }
        Ok(true)
    }

    /// The descriptors of a thread; none if it has ended.
    fn descriptors(&self, thread: &str) -> io::Result<Vec<u32>> {
        let entries = match fs::read_dir(self.machine.path(format!("{thread}/fd"))) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => numbers.extend(number_of(&entry)),
                Err(error) if is_gone(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(numbers)
    }

    /// Whether the highest descriptors of two threads are the same files.
    fn have_same_files(&self, one: &str, other: &str, numbers: &[u32]) -> bool {
        let target = |thread: &str, number: u32| {
            fs::read_link(self.machine.path(format!("{thread}/fd/{number}"))).ok()
        };
        let highest = numbers.iter().rev().take(COMPARED);
        let mut pairs = highest.map(|number| (target(one, *number), target(other, *number)));
        pairs.all(|(one, other)| one == other)
    }

    fn add_links(&mut self, thread: &str, numbers: &[u32], meter: &mut Meter) -> io::Result<bool> {
        let folder = self.machine.path(format!("{thread}/fd"));
        for number in numbers {
            if !meter.pays(1) {
                return Ok(false);
            }
            let link = folder.join(number.to_string());
            match fs::read_link(&link) {
                Ok(target) => {
                    let is_remote = || self.is_remote(thread, *number);
                    let file = self.opened(&link, &target, is_remote);
                    self.files.extend(file);
                }
                // No device node has so long a path.
                Err(error) if error.raw_os_error() == Some(Errno::ENAMETOOLONG as i32) => (),
                Err(error) if is_gone(&error) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Adds what is mapped. All threads share that, but the first one may have ended.
    fn add_mappings(&mut self, threads: &[String], meter: &mut Meter) -> io::Result<bool> {
        for thread in threads {
            let maps = match File::open(self.machine.path(format!("{thread}/maps"))) {
                Ok(maps) => BufReader::with_capacity(1 << 16, maps),
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(error),
            };
            let count = match self.add_mapped(thread, maps, meter) {
                Err(error) if is_gone(&error) => continue,
                count => count?,
            };
            match count {
                None => return Ok(false),
                Some(0) => (),
                Some(_) => break,
            }
        }
        Ok(true)
    }

    /// Adds the files of `maps`. How many lines it has; `None` if that were too many.
    fn add_mapped(
        &mut self,
        thread: &str,
        mut maps: impl BufRead,
        meter: &mut Meter,
    ) -> io::Result<Option<usize>> {
        let mut line = Vec::new();
        let mut before = Vec::new();
        let mut count: usize = 0;
        while maps.read_until(b'\n', &mut line)? > 0 {
            count += 1;
            if count.is_multiple_of(LINES_PER_COST) && !meter.pays(1) {
                return Ok(None);
            }
            let is_candidate = self.in_other_mounts || line.windows(5).any(|part| part == b"/dev/");
            if let Some((range, file)) = mapped(&line).filter(|_| is_candidate)
                && before != file
            {
                self.files.extend(self.mapped(thread, range, file));
                before = file.to_vec();
            }
            line.clear();
        }
        Ok(Some(count))
    }

    /// The file behind a link of `/proc`, if it may be a device node. Other files are not queried for
    /// their number: a network file system may never answer.
    fn opened(
        &self,
        link: &Path,
        target: &Path,
        is_remote: impl FnOnce() -> bool,
    ) -> Option<OpenFile> {
        let path = target.to_str()?;
        // In a chroot the path has more parts before /dev.
        let may_be_node =
            path.contains("/dev/") || self.in_other_mounts && path.starts_with('/') && !is_remote();
        if !may_be_node {
            return None;
        }
        let facts = fs::metadata(link).ok();
        let number = facts.map(|facts| major_minor(facts.rdev()));
        Some(OpenFile {
            path: without_deleted(path),
            number: number.filter(|number| *number != (0, 0)),
        })
    }

    /// Whether the file of a descriptor is on a remote mount.
    fn is_remote(&self, thread: &str, number: u32) -> bool {
        if self.remote.is_empty() {
            return false;
        }
        let info = self.machine.text(&format!("{thread}/fdinfo/{number}"));
        let info = info.unwrap_or_default();
        let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
        id.is_some_and(|id| self.remote.iter().any(|mount| mount.id == id.trim()))
    }

    /// The file of a line of `maps`: device, inode and path. To follow the link needs a capability that
    /// confined programs lack, so it is followed only if the path may have any name.
    fn mapped(&self, thread: &str, range: &str, file: &[u8]) -> Option<OpenFile> {
        let start = file.iter().position(|byte| *byte == b'/')?;
        let path = str::from_utf8(&file[start..]).ok()?;
        if self.in_other_mounts || !path.starts_with("/dev/") {
            // The folder of a thread below its process has no such links.
            let thread = thread.rsplit('/').next()?;
            let link = self
                .machine
                .path(format!("/proc/{thread}/map_files/{range}"));
            let number = file_system_of(file);
            let is_remote = || {
                self.remote
                    .iter()
                    .any(|mount| Some(&mount.number) == number.as_ref())
            };
            return self.opened(&link, path.as_ref(), is_remote);
        }
        Some(OpenFile {
            path: without_deleted(path),
            number: None,
        })
    }
}

impl OpenFile {
    fn is(&self, node: &Node) -> bool {
        match (self.number, node.number) {
            (Some(own), Some(number)) => own == number,
            _ => self.path == node.path,
        }
    }
}

/// The remote mounts in this `mountinfo`.
fn remote_mounts(table: &str) -> Vec<RemoteMount> {
    let is_remote = |kind: &str| kind.starts_with("fuse") || REMOTE.contains(&kind);
    let mounts = table.lines().filter_map(mount);
    let remote = mounts.filter(|mount| is_remote(mount.kind));
    let remote = remote.map(|mount| RemoteMount {
        id: mount.id.to_owned(),
        number: mount.number.to_owned(),
    });
    remote.collect()
}

/// The number of a file system, as mountinfo spells it, from a line of `maps` that begins with it.
fn file_system_of(file: &[u8]) -> Option<String> {
    let word = file.split(|byte| *byte == b' ').next()?;
    let (major, minor) = str::from_utf8(word).ok()?.split_once(':')?;
    let number = |digits| u32::from_str_radix(digits, 16).ok();
    Some(format!("{}:{}", number(major)?, number(minor)?))
}

fn number_of(entry: &fs::DirEntry) -> Option<u32> {
    entry.file_name().to_str()?.parse().ok()
}

fn without_deleted(path: &str) -> String {
    path.trim_end_matches(" (deleted)").to_owned()
}

/// The address range of a line of `/proc/PID/maps`, and the rest from its device on: `00:05 402  /dev/dri/card1`.
fn mapped(line: &[u8]) -> Option<(&str, &[u8])> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let range = str::from_utf8(words.next()?).ok()?;
    let rest = words.nth(2)?;
    rest.contains(&b'/').then_some((range, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn mapping_of_a_file_is_parsed_with_its_path() {
        let line = b"7f0000000000-7f0000001000 rw-s 00000000 00:05 402  /dev/dri/card 1\n";
        let file: &[u8] = b"00:05 402  /dev/dri/card 1";
        assert_eq!(mapped(line), Some(("7f0000000000-7f0000001000", file)));
        let stack = b"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0  [stack]\n";
        assert_eq!(mapped(stack), None);
    }
}
