//! `scenarios.txt` on the fake kernel. `replay.sh` does the same on a real one.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;

use crate::client::{Answer, ask};
use crate::support::kernel::{FakeKernel, Work};
use crate::support::{TestHost, shell_words};

const SCENARIOS: &str = include_str!("scenarios.txt");

/// The host on which the scenarios run.
struct Replay {
    root: PathBuf,
    host: TestHost,
    kernel: FakeKernel,
    /// Operations that may block, in the order in which they were started.
    started: VecDeque<JoinHandle<Answer>>,
}

#[test]
fn fake_kernel_behaves_as_the_recorded_real_kernel() {
    let host = TestHost::unpacked("lab.tree");
    let mut replay = Replay {
        root: host.root.path().to_owned(),
        kernel: FakeKernel::on(&host),
        host,
        started: VecDeque::new(),
    };
    let mut differ = Vec::new();
    for line in SCENARIOS.lines() {
        if line.is_empty() || line.starts_with('#') || line.starts_with("==") {
            continue;
        }
        let (words, wanted) = line.rsplit_once(" -> ").unwrap_or((line, ""));
        let said = replay.line(words);
        if said != shell_words::expand(wanted) {
            differ.push(format!("{line}: {said}"));
        }
    }
    assert_eq!(differ, [""; 0]);
    assert!(
        replay.started.is_empty(),
        "all that was started is finished"
    );
}

impl Replay {
    fn line(&mut self, line: &str) -> String {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "write" | "read" | "modprobe" => named(&ask(
                &self.root,
                verb,
                first,
                shell_words::expand(second).as_bytes(),
            )),
            "driver" => self
                .kernel
                .driver_of(first)
                .unwrap_or_else(|| "-".to_owned()),
            "override" => self.attribute(first, "driver_override"),
            "exists" => self.exists(first).to_owned(),
            "enable" => self.attribute(first, "enable"),
            "start" => self.start(first, second),
            "running" => self.running().to_string(),
            "finish" => self.finish(),
            "guest" => self.guest(first, second),
            "teach" => self.teach(first, second),
            "fact" => self.fact(first, second),
            "pull" => silent(self.kernel.vanish(first)),
            "plug" => silent(self.kernel.reappear(first, first)),
            _ => panic!("this line says nothing: {line}"),
        }
    }

    /// The first line of an attribute.
    fn attribute(&self, address: &str, name: &str) -> String {
        let file = format!("sys/bus/pci/devices/{address}/{name}");
        let text = std::fs::read_to_string(self.host.path(&file)).expect("a function has it");
        text.lines().next().unwrap_or_default().to_owned()
    }

    fn exists(&self, path: &str) -> &'static str {
        let path = self.host.path(path.trim_start_matches('/'));
        if path.exists() { "yes" } else { "no" }
    }

    fn start(&mut self, operation: &str, rest: &str) -> String {
        let (path, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let (operation, path) = (operation.to_owned(), path.to_owned());
        let (root, value) = (self.root.clone(), shell_words::expand(value));
        let asking = move || ask(&root, &operation, &path, value.as_bytes());
        self.started.push_back(thread::spawn(asking));
        String::new()
    }

    fn running(&self) -> usize {
        // Long enough for an operation that does not block.
        thread::sleep(Duration::from_millis(300));
        let started = self.started.iter();
        started.filter(|thread| !thread.is_finished()).count()
    }

    fn finish(&mut self) -> String {
        let first = self.started.pop_front().expect("something was started");
        named(&first.join().expect("it ends"))
    }

    fn guest(&self, does: &str, group: &str) -> String {
        if does == "leaves" {
            self.kernel.guest_leaves(group);
            return String::new();
        }
        let done = match does {
            "opens" => self.kernel.opens(group),
            _ => self.kernel.guest_takes(group),
        };
        match done {
            Ok(()) => "OK".to_owned(),
            Err(errno) => format!("{errno:?}"),
        }
    }

    fn teach(&self, driver: &str, ids: &str) -> String {
        let id = |hex: &str| u16::from_str_radix(hex, 16).expect("an id is hexadecimal");
        let (vendor, device) = ids.split_once(' ').expect("VENDOR DEVICE");
        let (vendor, device) = (id(vendor), id(device));
        silent(self.kernel.administrator_teaches(driver, vendor, device))
    }

    fn fact(&self, driver: &str, rest: &str) -> String {
        let (address, errno) = rest.split_once(' ').expect("FUNCTION ERROR");
        let errno = match errno {
            "ENOMEM" => Errno::ENOMEM,
            "ENODEV" => Errno::ENODEV,
            _ => panic!("{errno} is no error of a driver"),
        };
        let work = Work::fails(errno);
        silent(self.kernel.on_probe((driver, address), work))
    }
}

fn named(answer: &Answer) -> String {
    match answer {
        Ok(_) => "OK".to_owned(),
        Err(Some(errno)) => format!("{errno:?}"),
        Err(None) => "unanswered".to_owned(),
    }
}

fn silent<T>(_: T) -> String {
    String::new()
}
