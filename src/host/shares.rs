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
//!
//! The same holds for a process whose reader hangs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::binding::Unseen;
use crate::failure::SystemError;
use crate::host::credentials::Credentials;
use crate::host::nodes::Node;
use crate::host::open_files::{Meter, ProcessReader};
use crate::host::users::Users;
use crate::host::watched::for_each;
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

/// The processes of root, and of those who may open the card, are read a second time with more time.
const PATIENCE_WITH_ROOT: u32 = 10;

/// The nodes that are looked for.
pub struct Wanted {
    /// The nodes of the card.
    pub nodes: Vec<Node>,
    /// Gives the nodes of other cards: a process that has one of these open may have a shared node open for it.
    pub others: Box<dyn Fn() -> Vec<Node> + Send + Sync>,
}

/// The look at all processes.
struct Look {
    machine: Machine,
    reader: ProcessReader,
    wanted: Wanted,
    shares: Shares,
    /// What each user has spent.
    spent: Mutex<BTreeMap<u32, usize>>,
}

/// What came of one process.
enum Outcome {
    /// It uses this node.
    Uses(String),
    /// It was read, and uses none.
    Free,
    /// It was not read to its end.
    Left,
    /// It cannot be read.
    Unreadable(io::Error),
}

/// A process that was too much for its owner's share, or that hangs.
struct Leftover {
    pid: u32,
    owner: Credentials,
    may_open: bool,
    hangs: bool,
}

impl Machine {
    /// The processes that use one of the nodes. A process that takes longer than `patience` is left out.
    pub fn users(&self, wanted: Wanted, shares: Shares, patience: Duration) -> Users {
        let look = Arc::new(Look {
            machine: self.clone(),
            reader: ProcessReader::of(self),
            wanted,
            shares,
            spent: Mutex::default(),
        });
        let mut users = Users::default();
        match self.processes() {
            Ok(pids) => look_at_all(&look, pids, patience, &mut users),
            Err(error) => {
                let why = format!("cannot list /proc: {}", SystemError(&error));
                users.unseen.push(Unseen::unreadable(why));
            }
        }
        users
    }

    fn processes(&self) -> io::Result<Vec<u32>> {
        let entries = fs::read_dir(self.path("/proc"))?.flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut pids: Vec<u32> = names.collect();
        pids.sort_unstable();
        Ok(pids)
    }
}

fn look_at_all(look: &Arc<Look>, pids: Vec<u32>, patience: Duration, users: &mut Users) {
    let worker = Arc::clone(look);
    let first = move |pid| worker.within_its_share(pid);
    let results = for_each(pids, patience, first, |pid| look.spend_all(pid));
    let mut left = Vec::new();
    for (pid, outcome) in results {
        let hangs = outcome.is_none();
        if !look.add(users, pid, outcome.unwrap_or(Outcome::Left)) {
            left.push((pid, hangs));
        }
    }
    if !left.is_empty() {
        look_at_those_left(look, left, patience, users);
    }
}

/// Reads root's processes to their end, then those of users who may open the card.
fn look_at_those_left(
    look: &Arc<Look>,
    left: Vec<(u32, bool)>,
    patience: Duration,
    users: &mut Users,
) {
    let left = look.leftovers(left);
    look.spent().clear();
    // What was slow may have many files on a busy host: it gets more time.
    let again = left
        .iter()
        .filter(|process| process.may_open || process.owner.is_of_system() && !process.hangs);
    let again: BTreeMap<u32, Credentials> = again
        .map(|process| (process.pid, process.owner.clone()))
        .collect();
    // The order of the leftovers, not of their numbers.
    let order = left.iter().map(|process| process.pid);
    let pids = order.filter(|pid| again.contains_key(pid)).collect();
    let worker = Arc::clone(look);
    let second = move |pid| worker.with_a_larger_share(pid, &again[&pid]);
    let results = for_each(pids, patience * PATIENCE_WITH_ROOT, second, |_| ());
    let results: BTreeMap<u32, Option<Outcome>> = results.into_iter().collect();
    judge_those_left(look, &left, results, users);
}

fn judge_those_left(
    look: &Look,
    left: &[Leftover],
    mut results: BTreeMap<u32, Option<Outcome>>,
    users: &mut Users,
) {
    let mut failed: BTreeMap<u32, usize> = BTreeMap::new();
    for process in left {
        let result = results.remove(&process.pid);
        let hangs = matches!(result, Some(None));
        let outcome = result.flatten().unwrap_or(Outcome::Left);
        if look.add(users, process.pid, outcome) {
            continue;
        }
        if !process.may_open {
            let uid = process.owner.uid;
            if !users.skipped.contains(&uid) {
                users.skipped.push(uid);
            }
            continue;
        }
        match hangs {
            true => users.add_hanging(&look.machine, process.pid),
            false => *failed.entry(process.owner.uid).or_default() += 1,
        }
    }
    for (uid, processes) in failed {
        users.unseen.push(Unseen::TooManyFiles {
            uid,
            processes,
            descriptors: look.spent().get(&uid).copied().unwrap_or(0),
        });
    }
}

impl Look {
    fn spent(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a process within the share of its owner.
    fn within_its_share(&self, pid: u32) -> Outcome {
        // A process that may not be dumped belongs to root here. Its real owner is asked for only when root's
        // share is used up: that takes longer.
        let Some(uid) = self.owner(pid) else {
            return Outcome::Free;
        };
        let share = match uid {
            0 => self.shares.trusted,
            _ => self.shares.user,
        };
        self.read(pid, uid, share)
    }

    fn owner(&self, pid: u32) -> Option<u32> {
        let facts = fs::metadata(self.machine.path(format!("/proc/{pid}")));
        Some(facts.ok()?.uid())
    }

    fn with_a_larger_share(&self, pid: u32, owner: &Credentials) -> Outcome {
        let share = match owner.is_root() {
            true => usize::MAX,
            false => self.shares.trusted,
        };
        self.read(pid, owner.uid, share)
    }

    /// What is left of a share.
    fn left_of(&self, share: usize, uid: u32) -> usize {
        if share == usize::MAX {
            return share;
        }
        let spent = self.spent();
        let own = spent.get(&uid).copied().unwrap_or(0);
        let own = share.saturating_sub(own);
        if uid == 0 {
            return own;
        }
        let others = spent.iter().filter(|(uid, _)| **uid != 0);
        let all = others.fold(0, |sum: usize, (_, spent)| sum.saturating_add(*spent));
        own.min(self.shares.all.saturating_sub(all))
    }

    /// A user whose process hangs has spent his share.
    fn spend_all(&self, pid: u32) {
        if let Some(uid) = self.owner(pid) {
            self.spent().insert(uid, self.shares.trusted);
        }
    }

    fn read(&self, pid: u32, uid: u32, share: usize) -> Outcome {
        let allowed = self.left_of(share, uid);
        if allowed == 0 {
            return Outcome::Left;
        }
        let mut meter = Meter::new(allowed);
        let read = self.reader.open_files(pid, &mut meter);
        *self.spent().entry(uid).or_default() += meter.spent();
        match read {
            Ok(files) => match files.node(&self.wanted.nodes, &self.wanted.others) {
                Some(node) => Outcome::Uses(node.path.clone()),
                None if files.is_whole => Outcome::Free,
                None => Outcome::Left,
            },
            Err(error) if is_gone(&error) => Outcome::Free,
            Err(error) => Outcome::Unreadable(error),
        }
    }

    /// Adds what came of a process. Whether that is final.
    fn add(&self, users: &mut Users, pid: u32, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Uses(node) => users.found.push(self.machine.user(pid, &node)),
            Outcome::Unreadable(error) => users.add_unreadable(&self.machine, pid, &error),
            Outcome::Free => (),
            Outcome::Left => return false,
        }
        true
    }

    /// Whose the processes are that are left: root's first, then those of daemons.
    fn leftovers(&self, left: Vec<(u32, bool)>) -> Vec<Leftover> {
        let access = self.machine.access(&self.wanted.nodes);
        let owned = left.into_iter().filter_map(|(pid, hangs)| {
            let owner = self.machine.credentials(pid)?;
            let may_open = access.is_open_to(&owner);
            Some(Leftover {
                pid,
                owner,
                may_open,
                hangs,
            })
        });
        let (mut left, others): (Vec<Leftover>, Vec<Leftover>) =
            owned.partition(|process| process.owner.is_of_system());
        left.extend(others);
        let (mut left, others): (Vec<Leftover>, Vec<Leftover>) = left
            .into_iter()
            .partition(|process| process.owner.is_root());
        left.extend(others);
        left
    }
}
