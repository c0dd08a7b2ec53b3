//! What was written, what goes wrong at which write, and what the log must not hold.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::peer::Peer;
use super::state::{Failed, KernelState, Turn};

/// What goes wrong at one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// It is not done, and this is said.
    Errno(Errno),
    /// It begins and never ends: an unbind has taken the link away, a probe has made it.
    Blocks,
    /// Nothing is done, and who asked is killed, with its parent, as by `kill -9`.
    KillBefore,
    /// It is done, and nobody hears of it.
    KillAfter,
}

/// A write, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Write {
    /// `PATH <- VALUE`, without the value's last newline, unless it is all of it.
    pub text: String,
    /// None while it lasts.
    pub outcome: Option<Result<(), Failed>>,
}

type Moment = Box<dyn FnOnce(&KernelState) + Send>;

#[derive(Default)]
pub struct Log {
    pub writes: Vec<Write>,
    pub modprobes: Vec<String>,
    pub complaints: Vec<String>,
    faults: BTreeMap<usize, InjectedFault>,
    before: BTreeMap<usize, Moment>,
    after: BTreeMap<usize, Moment>,
}

impl KernelState {
    /// What goes wrong at the `nth` of all writes, counted from 1.
    pub fn fault(&self, nth: usize, fault: InjectedFault) -> &Self {
        self.turn().log.faults.insert(nth, fault);
        self
    }

    /// What happens just before the `nth` of all writes: a card is pulled, another tool is faster.
    pub fn before_write(&self, nth: usize, moment: impl FnOnce(&Self) + Send + 'static) -> &Self {
        self.turn().log.before.insert(nth, Box::new(moment));
        self
    }

    /// What happens after the `nth` of all writes, before it is answered.
    pub fn after_write(&self, nth: usize, moment: impl FnOnce(&Self) + Send + 'static) -> &Self {
        self.turn().log.after.insert(nth, Box::new(moment));
        self
    }

    /// All writes as `PATH <- VALUE`, also those that failed or never ended.
    pub fn writes(&self) -> Vec<String> {
        let writes = &self.turn().log.writes;
        writes.iter().map(|write| write.text.clone()).collect()
    }

    /// The writes that did not go well, as `PATH <- VALUE: ENODEV`; `blocked` for those that last,
    /// `unanswered` for those that nobody heard of.
    pub fn failures(&self) -> Vec<String> {
        let turn = self.turn();
        turn.log.writes.iter().filter_map(Write::failure).collect()
    }

    /// The modules that were to be loaded, as they were named.
    pub fn modprobes(&self) -> Vec<String> {
        self.turn().log.modprobes.clone()
    }

    /// Forgets the writes and the modules so far, and counts writes from 1 again.
    pub fn forget(&self) {
        let mut turn = self.turn();
        turn.log.writes.clear();
        turn.log.modprobes.clear();
    }

    /// new_id takes every function with these ids, now and later: nobody may write it.
    #[track_caller]
    pub fn assert_new_id_is_untouched(&self) {
        let writes = self.writes();
        let new_id = writes.iter().find(|write| write.contains("/new_id <- "));
        assert_eq!(new_id, None, "new_id was written");
    }

    /// What no program may cause: a crash of the machine, a request that says nothing. None is
    /// expected when the kernel is dropped.
    pub fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.turn().log.complaints)
    }

    pub(super) fn complain(&self, complaint: String) {
        self.turn().log.complaints.push(complaint);
    }

    pub(super) fn write(&self, peer: &Peer, path: &str, value: &[u8]) -> Result<(), Failed> {
        let (index, fault) = self.begin(path, value);
        let done = match fault {
            Some(InjectedFault::Errno(errno)) => Err(errno.into()),
            Some(InjectedFault::KillBefore) => Err(Failed::Unanswered),
            Some(InjectedFault::KillAfter) => {
                self.turn().write(path, value).and(Err(Failed::Unanswered))
            }
            Some(InjectedFault::Blocks) => self.turn().write_for_ever(path, value),
            None => self.turn().write(path, value),
        };
        self.end(index, done);
        // Last, so that all of it has happened when a test hears that its program is dead.
        if matches!(
            fault,
            Some(InjectedFault::KillBefore | InjectedFault::KillAfter)
        ) {
            peer.kill();
            return Err(Failed::Unanswered);
        }
        done
    }

    fn begin(&self, path: &str, value: &[u8]) -> (usize, Option<InjectedFault>) {
        let mut turn = self.turn();
        turn.log.writes.push(Write {
            text: told(path, value),
            outcome: None,
        });
        let nth = turn.log.writes.len();
        let fault = turn.log.faults.remove(&nth);
        let moment = turn.log.before.remove(&nth);
        drop(turn);
        if let Some(moment) = moment {
            moment(self);
        }
        (nth - 1, fault)
    }

    fn end(&self, index: usize, done: Result<(), Failed>) {
        let moment = self.turn().log.after.remove(&(index + 1));
        if let Some(moment) = moment {
            moment(self);
        }
        if let Some(write) = self.turn().log.writes.get_mut(index) {
            write.outcome = Some(done);
        }
    }
}

impl Turn<'_> {
    fn write_for_ever(mut self, path: &str, value: &[u8]) -> Result<(), Failed> {
        self.stuck = true;
        // What fails at once cannot block.
        self.write(path, value)?;
        self.wait_while(|_| true)
    }
}

impl Write {
    fn failure(&self) -> Option<String> {
        let how = match self.outcome {
            Some(Ok(())) => return None,
            Some(Err(Failed::Errno(errno))) => format!("{errno:?}"),
            Some(Err(Failed::Unanswered)) => "unanswered".to_owned(),
            None => "blocked".to_owned(),
        };
        Some(format!("{}: {how}", self.text))
    }
}

fn told(path: &str, value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let shown = match value.strip_suffix('\n') {
        Some("") | None => &value,
        Some(line) => line,
    };
    format!("{path} <- {}", shown.escape_debug())
}
