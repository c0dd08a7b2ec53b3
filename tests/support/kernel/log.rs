//! The log of writes, the injected faults, and the writes that are forbidden.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::peer::Peer;
use super::state::{Failed, KernelState, Turn};

/// A fault at one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// The write is not done and gives this error.
    Errno(Errno),
    /// The write begins and blocks: an unbind has removed the link, a probe has created it.
    Blocks,
    /// The write waits before it begins, until `let_held_writes_begin`.
    Held,
    /// The write is not done; the client and its parent are killed, as by `kill -9`.
    KillBefore,
    /// The write is done; then the client and its parent are killed.
    KillAfter,
}

/// A write. The log has them in their order.
#[derive(Clone, Debug)]
pub struct Write {
    /// `PATH <- VALUE`, without the last newline of the value unless the value is a newline.
    pub text: String,
    /// None until it ends.
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
    /// How often held writes were let go.
    released: usize,
    /// The slots to which gpupt writes now.
    under_way: Vec<String>,
}

impl KernelState {
    /// Injects a fault at the `nth` write, counted from 1.
    pub fn fault(&self, nth: usize, fault: InjectedFault) -> &Self {
        self.turn().log.faults.insert(nth, fault);
        self
    }

    /// Takes back the faults that no write has met.
    pub fn forget_faults(&self) {
        self.turn().log.faults.clear();
    }

    /// Runs `moment` before the `nth` write: a card is pulled, another tool writes first.
    pub fn before_write(&self, nth: usize, moment: impl FnOnce(&Self) + Send + 'static) -> &Self {
        self.turn().log.before.insert(nth, Box::new(moment));
        self
    }

    /// Runs `moment` after the `nth` write, before its answer.
    pub fn after_write(&self, nth: usize, moment: impl FnOnce(&Self) + Send + 'static) -> &Self {
        self.turn().log.after.insert(nth, Box::new(moment));
        self
    }

    /// Ends the wait of all writes that are held now.
    pub fn let_held_writes_begin(&self) {
        self.turn().log.released += 1;
    }

    /// How many writes of gpupt have not ended.
    pub fn writes_under_way(&self) -> usize {
        self.turn().log.under_way.len()
    }

    /// All writes as `PATH <- VALUE`, including those that failed or blocked.
    pub fn writes(&self) -> Vec<String> {
        let writes = &self.turn().log.writes;
        writes.iter().map(|write| write.text.clone()).collect()
    }

    /// The writes that failed, as `PATH <- VALUE: ENODEV`; `blocked` if a write has not ended,
    /// `unanswered` if the client got no answer.
    pub fn failures(&self) -> Vec<String> {
        let turn = self.turn();
        turn.log.writes.iter().filter_map(Write::failure).collect()
    }

    /// The arguments of all modprobe requests.
    pub fn modprobes(&self) -> Vec<String> {
        self.turn().log.modprobes.clone()
    }

    /// Clears the log and counts writes from 1 again.
    pub fn forget(&self) {
        let mut turn = self.turn();
        turn.log.writes.clear();
        turn.log.modprobes.clear();
    }

    /// No program may write `new_id`: it binds every function with these ids, now and later.
    #[track_caller]
    pub fn assert_new_id_is_untouched(&self) {
        let writes = self.writes();
        let new_id = writes.iter().find(|write| write.contains("/new_id <- "));
        assert_eq!(new_id, None, "new_id was written");
    }

    /// Forbidden events: a kernel BUG, a malformed request. The test fails if there is one when the
    /// kernel is dropped.
    pub fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.turn().log.complaints)
    }

    pub(super) fn complain(&self, complaint: String) {
        self.turn().log.complaints.push(complaint);
    }

    pub(super) fn write(&self, peer: &Peer, path: &str, value: &[u8]) -> Result<(), Failed> {
        let slot = peer.is_gpupt().then(|| slot_of(path, value)).flatten();
        self.enter(slot.as_deref(), path);
        let (index, fault) = self.begin(path, value);
        let done = match fault {
            Some(InjectedFault::Held) => self.turn().write_later(path, value),
            Some(InjectedFault::Errno(errno)) => Err(errno.into()),
            Some(InjectedFault::KillBefore) => Err(Failed::Unanswered),
            Some(InjectedFault::KillAfter) => {
                self.turn().write(path, value).and(Err(Failed::Unanswered))
            }
            Some(InjectedFault::Blocks) => self.turn().write_for_ever(path, value),
            None => self.turn().write(path, value),
        };
        self.end(index, done);
        self.leave(slot.as_deref());
        // The kill comes last, so that everything is done when the test sees the program's end.
        if matches!(
            fault,
            Some(InjectedFault::KillBefore | InjectedFault::KillAfter)
        ) {
            peer.kill();
            return Err(Failed::Unanswered);
        }
        done
    }

    /// gpupt may not write to a card while it still writes to it.
    fn enter(&self, slot: Option<&str>, path: &str) {
        let mut turn = self.turn();
        if let Some(slot) = slot {
            if turn.log.under_way.iter().any(|other| other == slot) {
                let complaint = format!("{path} is written beside another write to {slot}");
                turn.log.complaints.push(complaint);
            }
            turn.log.under_way.push(slot.to_owned());
        }
    }

    fn leave(&self, slot: Option<&str>) {
        let mut turn = self.turn();
        let place = turn
            .log
            .under_way
            .iter()
            .position(|other| Some(other.as_str()) == slot);
        if let Some(place) = place {
            turn.log.under_way.remove(place);
        }
    }

    fn begin(&self, path: &str, value: &[u8]) -> (usize, Option<InjectedFault>) {
        let mut turn = self.turn();
        turn.log.writes.push(Write {
            text: describe(path, value),
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
    fn write_later(mut self, path: &str, value: &[u8]) -> Result<(), Failed> {
        let released = self.log.released;
        self.wait_while(|memory| memory.log.released == released)?;
        self.write(path, value)
    }

    fn write_for_ever(mut self, path: &str, value: &[u8]) -> Result<(), Failed> {
        self.stuck = true;
        // A write that fails at once cannot block.
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

/// The slot of the function that is written to: `0000:02:00`.
fn slot_of(path: &str, value: &[u8]) -> Option<String> {
    let value = String::from_utf8_lossy(value);
    let mut words = path.split('/').chain([value.trim_end()]);
    let address = words.rfind(|word| word.contains(':'))?;
    Some(address.rsplit_once('.')?.0.to_owned())
}

fn describe(path: &str, value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let shown = match value.strip_suffix('\n') {
        Some("") | None => &value,
        Some(line) => line,
    };
    format!("{path} <- {}", shown.escape_debug())
}
