//! Looks at all processes, and gives each user a share of the work.
//!
//! A user can have millions of files open, and each costs some microseconds: every guest of the host would wait
//! for that, or would not start at all. So each user has a share. Within it everything is read, whoever the
//! user is. What is left is decided by rights:
//!
//! * Root's processes are read to their end.
//! * A user who may open one of the card's nodes, and the user of a daemon, get a larger share. If that is not
//!   enough, the card is refused, and the user is named: he can keep the card busy anyway.
//! * A user who may not open any of the nodes can only have it from a program that passed a descriptor to him, or
//!   from a time when he had the right. That is looked for within his share alone. Otherwise every user
//!   without any right could keep all guests from starting.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::binding::Unseen;
use crate::host::credentials::Credentials;
use crate::host::nodes::Node;
use crate::host::open_files::{Meter, OpenFiles, ProcessReader};
use crate::host::users::Users;
use crate::host::{Machine, is_gone};

/// The shares of one look, in descriptors. Each takes 5 to 10 µs.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Of each user.
    pub user: usize,
    /// Of root, of a daemon's user, and of a user who may open the card's nodes.
    pub trusted: usize,
    /// Of all users but root together: a user can have the ids of many (subuid(5)).
    pub all: usize,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            user: 1 << 15,
            trusted: 1 << 17,
            all: 1 << 19,
        }
    }
}

/// The look at all processes.
struct Look<'l> {
    machine: &'l Machine,
    reader: ProcessReader<'l>,
    nodes: &'l [Node],
    others: &'l dyn Fn() -> Vec<Node>,
    shares: Shares,
    /// What each user has spent.
    spent: BTreeMap<u32, usize>,
    users: Users,
}

impl Machine {
    /// The processes that use one of `nodes`, and not only a node that is shared with one of `others`.
    /// This can hang.
    pub fn users(&self, nodes: &[Node], others: &dyn Fn() -> Vec<Node>, shares: Shares) -> Users {
        let mut look = Look {
            machine: self,
            reader: ProcessReader::of(self),
            nodes,
            others,
            shares,
            spent: BTreeMap::new(),
            users: Users::default(),
        };
        match self.processes() {
            Ok(pids) => look.at_all(&pids),
            Err(error) => {
                let why = format!("cannot list /proc: {error}");
                look.users.unseen.push(Unseen::unreadable(why));
            }
        }
        look.users.found.sort_by_key(|user| user.pid);
        look.users
    }

    fn processes(&self) -> io::Result<Vec<u32>> {
        let entries = fs::read_dir(self.path("/proc"))?.flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut pids: Vec<u32> = names.collect();
        pids.sort_unstable();
        Ok(pids)
    }
}

impl Look<'_> {
    fn at_all(&mut self, pids: &[u32]) {
        let mut left = Vec::new();
        for pid in pids {
            if !self.at_one_within_its_share(*pid) {
                left.push(*pid);
            }
        }
        if !left.is_empty() {
            self.at_those_left(&left);
        }
    }

    /// Whether a process was read to its end within the share of its owner.
    fn at_one_within_its_share(&mut self, pid: u32) -> bool {
        // A process that may not be dumped belongs to root here. Its real owner is asked for only when root's
        // share is used up: that takes longer.
        let Ok(facts) = fs::metadata(self.machine.path(format!("/proc/{pid}"))) else {
            return true;
        };
        let uid = facts.uid();
        let share = match uid {
            0 => self.shares.trusted,
            _ => self.shares.user.min(self.left_for_all()),
        };
        let spent = self.spent.get(&uid).copied().unwrap_or(0);
        self.at(pid, uid, share.saturating_sub(spent))
    }

    /// What is left for all users but root.
    fn left_for_all(&self) -> usize {
        let spent = self.spent.iter().filter(|(uid, _)| **uid != 0);
        let spent: usize = spent.map(|(_, spent)| spent).sum();
        self.shares.all.saturating_sub(spent)
    }

    /// Reads a process. Whether it was read to its end; one that cannot be read counts as read.
    fn at(&mut self, pid: u32, uid: u32, allowed: usize) -> bool {
        if allowed == 0 {
            return false;
        }
        let mut meter = Meter::new(allowed);
        let read = self.reader.open_files(pid, &mut meter);
        *self.spent.entry(uid).or_default() += meter.spent();
        match read {
            Ok(files) => self.judge(pid, &files) || files.is_whole,
            Err(error) => {
                if !is_gone(&error) {
                    self.users.add_unreadable(self.machine, pid, &error);
                }
                true
            }
        }
    }

    /// Whether the process uses the card.
    fn judge(&mut self, pid: u32, files: &OpenFiles) -> bool {
        let node = files.node(self.nodes, self.others);
        let user = node.map(|node| self.machine.user(pid, &node.path));
        let uses = user.is_some();
        self.users.found.extend(user);
        uses
    }

    /// Reads the processes that were too much for the shares: root's to their end, then those of users who may
    /// open the card.
    fn at_those_left(&mut self, pids: &[u32]) {
        let access = self.machine.access(self.nodes);
        let owners = pids.iter().filter_map(|pid| {
            let owner = self.machine.credentials(*pid)?;
            Some((*pid, owner))
        });
        let mut owners: Vec<(u32, Credentials)> = owners.collect();
        owners.sort_by_key(|(_, owner)| (!owner.is_root(), !owner.is_of_system(), owner.uid));
        self.spent.clear();
        let mut failed: BTreeMap<u32, usize> = BTreeMap::new();
        for (pid, owner) in owners {
            let may_open = access.is_open_to(&owner);
            if !self.at_one_left(pid, &owner, may_open) && may_open {
                *failed.entry(owner.uid).or_default() += 1;
            }
        }
        for (uid, processes) in failed {
            self.users.unseen.push(Unseen::TooManyFiles {
                uid,
                processes,
                descriptors: self.spent.get(&uid).copied().unwrap_or(0),
            });
        }
    }

    fn at_one_left(&mut self, pid: u32, owner: &Credentials, may_open: bool) -> bool {
        if owner.is_root() {
            return self.at(pid, owner.uid, usize::MAX);
        }
        if !may_open && !owner.is_of_system() {
            return false;
        }
        let spent = self.spent.get(&owner.uid).copied().unwrap_or(0);
        let share = self.shares.trusted.saturating_sub(spent);
        self.at(pid, owner.uid, share.min(self.left_for_all()))
    }
}
