//! Does a piece of work for each process, in threads that are watched. To read a process can hang: a user can
//! stop the reader of his memory map, or of a file on his own file system. Such a reader is left alone, and another one
//! goes on with the next process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const WORKERS: usize = 4;

/// The work, and how far it is.
struct Queue<T> {
    pids: Vec<u32>,
    next: AtomicUsize,
    work: Box<dyn Fn(u32) -> T + Send + Sync>,
}

enum Event<T> {
    Started { worker: usize, index: usize },
    Done { index: usize, result: T },
}

/// The watch over the workers.
struct Watch<T> {
    queue: Arc<Queue<T>>,
    sender: Sender<Event<T>>,
    receiver: Receiver<Event<T>>,
    workers: usize,
    /// What each worker does, and since when.
    at_work: BTreeMap<usize, (usize, Instant)>,
    /// What is finished; `None` if it hung.
    finished: BTreeMap<usize, Option<T>>,
}

/// The result of `work` for each process; `None` if it took longer than `patience`. `hung` learns of that at
/// once.
pub(super) fn for_each<T: Send + 'static>(
    pids: Vec<u32>,
    patience: Duration,
    work: impl Fn(u32) -> T + Send + Sync + 'static,
    hung: impl Fn(u32),
) -> Vec<(u32, Option<T>)> {
    let (sender, receiver) = channel();
    let work = Box::new(work);
    let next = AtomicUsize::new(0);
    let queue = Arc::new(Queue { pids, next, work });
    let mut watch = Watch {
        queue: Arc::clone(&queue),
        sender,
        receiver,
        workers: 0,
        at_work: BTreeMap::new(),
        finished: BTreeMap::new(),
    };
    watch.run(patience, hung);
    let finished = watch.finished.into_iter();
    finished
        .map(|(index, result)| (queue.pids[index], result))
        .collect()
}

impl<T: Send + 'static> Watch<T> {
    fn run(&mut self, patience: Duration, hung: impl Fn(u32)) {
        for _ in 0..WORKERS {
            self.add_worker();
        }
        while self.finished.len() < self.queue.pids.len() {
            if self.workers == 0 {
                // No thread can be had: this one does the work, unwatched.
                self.queue.run(0, &self.sender);
            }
            match self.receiver.recv_timeout(patience / 4) {
                Ok(event) => self.note(event),
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for index in self.give_up(patience) {
                hung(self.queue.pids[index]);
                self.add_worker();
            }
        }
    }

    fn add_worker(&mut self) {
        let (queue, sender) = (Arc::clone(&self.queue), self.sender.clone());
        let worker = self.workers + 1;
        let spawned = thread::Builder::new().spawn(move || queue.run(worker, &sender));
        if spawned.is_ok() {
            self.workers = worker;
        }
    }

    fn note(&mut self, event: Event<T>) {
        match event {
            Event::Started { worker, index } => {
                self.at_work.insert(worker, (index, Instant::now()));
            }
            Event::Done { index, result } => {
                // One that was given up can end after all.
                self.finished.entry(index).or_insert(Some(result));
                self.at_work.retain(|_, (at, _)| *at != index);
            }
        }
    }

    /// Gives up what took too long.
    fn give_up(&mut self, patience: Duration) -> Vec<usize> {
        let late = self
            .at_work
            .extract_if(.., |_, (_, since)| since.elapsed() > patience);
        let late: Vec<usize> = late.map(|(_, (index, _))| index).collect();
        self.finished
            .extend(late.iter().map(|index| (*index, None)));
        late
    }
}

impl<T> Queue<T> {
    fn run(&self, worker: usize, sender: &Sender<Event<T>>) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(pid) = self.pids.get(index) else {
                return;
            };
            // Whoever waited may have ended.
            if sender.send(Event::Started { worker, index }).is_err() {
                return;
            }
            let result = (self.work)(*pid);
            if sender.send(Event::Done { index, result }).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use std::sync::Mutex;

    #[test]
    fn work_that_hangs_keeps_no_other_work_from_its_end() {
        // The work for 3 and 4 waits for ever.
        let (never, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        let work = move |pid: u32| {
            if pid == 3 || pid == 4 {
                let _ = wait.lock().map(|wait| wait.recv());
            }
            pid * 10
        };
        let hung = Mutex::new(Vec::new());
        let note = |pid| hung.lock().expect("a list").push(pid);
        let all = for_each((1..=9).collect(), Duration::from_millis(200), work, note);
        let expected: Vec<(u32, Option<u32>)> = (1..=9)
            .map(|pid| (pid, (pid != 3 && pid != 4).then_some(pid * 10)))
            .collect();
        assert_eq!(all, expected);
        let mut hung = hung.into_inner().expect("a list");
        hung.sort_unstable();
        assert_eq!(hung, [3, 4]);
        drop(never);
    }

    #[test]
    fn nothing_to_do_ends_at_once() {
        let patience = Duration::from_secs(60);
        assert_eq!(for_each(Vec::new(), patience, |pid| pid, |_| ()), []);
    }
}
