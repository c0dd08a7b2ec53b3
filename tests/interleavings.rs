//! Random sequences of commands, hooks, kills, late writes and late input, on the fake kernel. No card is lost,
//! and none is granted twice. `GPUPT_ROUNDS` runs more rounds, `GPUPT_SEED` one round again.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::TestHost;
use support::kernel::{FakeKernel, InjectedFault};

const HOOK: &str = env!("CARGO_BIN_EXE_qemu");
/// Rounds of the suite. Each round has its own seed, and is the same each time but for the moments of its kills.
const ROUNDS: u64 = 6;
const STEPS: usize = 12;
/// Name, uuid and buses of the guests. Both want the card at 02:00.
const GUESTS: [(&str, &str, &[&str]); 2] = [
    ("a", "00000000-0000-4000-8000-00000000000a", &["02"]),
    ("b", "00000000-0000-4000-8000-00000000000b", &["02", "03"]),
];
const COMMANDS: [&str; 7] = [
    "detach gpupci1",
    "detach all",
    "attach gpupci1",
    "attach gpupci2",
    "attach all",
    "recover",
    "status",
];
const FAULTS: [InjectedFault; 3] = [
    InjectedFault::Held,
    InjectedFault::KillBefore,
    InjectedFault::KillAfter,
];

/// A small generator of random numbers (xorshift), so that a seed gives the same sequence everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).expect("a number")).expect("a number")
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A host, its guests, and what was done on it.
struct Round {
    random: Random,
    host: TestHost,
    kernel: FakeKernel,
    before: Vec<String>,
    /// The guests that run, by their number, with the cards that they were granted.
    running: BTreeMap<usize, &'static [&'static str]>,
    history: Vec<String>,
}

impl Round {
    fn new(seed: u64) -> Self {
        let host = TestHost::unpacked("manual.tree");
        let kernel = FakeKernel::on(&host);
        let before = host.bindings();
        host.line("-q list").answer();
        Self {
            // Small seeds differ in few bits; zero would stay zero.
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            host,
            kernel,
            before,
            running: BTreeMap::new(),
            history: Vec::new(),
        }
    }

    fn run(&mut self) {
        self.tell_virsh();
        for _ in 0..STEPS {
            let fault = match self.random.below(3) {
                0 => Some((1 + self.random.below(4), self.random.one_of(&FAULTS))),
                _ => None,
            };
            if let Some((nth, fault)) = fault {
                let nth = self.kernel.writes().len() + nth;
                self.kernel.fault(nth, fault);
            }
            match self.random.below(5) {
                0 => self.command(fault),
                1 | 2 => self.prepare(fault),
                3 => self.release(fault),
                _ => {
                    self.history.push("held writes begin".to_owned());
                    self.kernel.let_held_writes_begin();
                }
            }
            self.check_grants();
        }
        self.end();
    }

    /// Runs a program. A held write keeps it busy: then it is killed, or gives up at its deadline.
    fn finish(&mut self, what: &str, mut child: Child) -> Option<i32> {
        let is_killed = self.random.below(2) == 0;
        let until = Instant::now() + Duration::from_secs(60);
        let code = loop {
            if let Some(status) = child.try_wait().expect("it was started") {
                break status.code();
            }
            assert!(Instant::now() < until, "{what} hangs: {}", self.story());
            if is_killed && self.kernel.writes_under_way() > 0 && self.random.below(40) == 0 {
                child.kill().expect("it runs");
                break child.wait().expect("it ends").code();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        self.history.push(format!("{what}: {code:?}"));
        code
    }

    fn command(&mut self, fault: Option<(usize, InjectedFault)>) {
        let line = self.random.one_of(&COMMANDS);
        let mut gpupci = self.host.command();
        gpupci
            .args(["--timeout", "0.3"])
            .args(line.split(' '))
            .env("GPUPT_PROGRAMS", self.host.path("programs"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = gpupci.spawn().expect("gpupci starts");
        self.finish(&format!("{line} {fault:?}"), child);
    }

    /// Runs the hook. Its input may come in two parts, or be no XML at all.
    fn hook(&mut self, guest: usize, operation: &str, is_usable: bool) -> Child {
        let (name, uuid, buses) = GUESTS[guest];
        let mut hook = Command::new(HOOK);
        hook.args([name, operation, "begin", "-"])
            .env_clear()
            .env("GPUPT_ROOT", self.host.root.path())
            .env("GPUPT_TIMEOUT", "0.3")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = hook.spawn().expect("the hook starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let text = xml(name, uuid, buses);
        let (start, end) = text.split_at(self.random.below(text.len()));
        // A hook that was killed does not read.
        let _ = stdin.write_all(start.as_bytes());
        if is_usable {
            std::thread::sleep(Duration::from_millis(5));
            let _ = stdin.write_all(end.as_bytes());
        }
        child
    }

    fn prepare(&mut self, fault: Option<(usize, InjectedFault)>) {
        let guest = self.random.below(GUESTS.len());
        if self.running.contains_key(&guest) {
            return;
        }
        let is_usable = self.random.below(8) > 0;
        let child = self.hook(guest, "prepare", is_usable);
        let what = format!("prepare {} {is_usable} {fault:?}", GUESTS[guest].0);
        if self.finish(&what, child) == Some(0) {
            assert!(is_usable, "it was not judged: {}", self.story());
            self.running.insert(guest, GUESTS[guest].2);
            self.tell_virsh();
        }
    }

    fn release(&mut self, fault: Option<(usize, InjectedFault)>) {
        let guest = self.random.below(GUESTS.len());
        self.running.remove(&guest);
        self.tell_virsh();
        let is_usable = self.random.below(4) > 0;
        let child = self.hook(guest, "release", is_usable);
        let what = format!("release {} {is_usable} {fault:?}", GUESTS[guest].0);
        self.finish(&what, child);
    }

    /// No two guests have a card, and a guest that runs keeps all functions of its own.
    fn check_grants(&self) {
        let mut granted: Vec<&str> = self.running.values().copied().flatten().copied().collect();
        granted.sort_unstable();
        let all = granted.len();
        granted.dedup();
        assert_eq!(granted.len(), all, "granted twice: {}", self.story());
        for line in self.host.bindings() {
            let is_granted = granted
                .iter()
                .any(|bus| line.starts_with(&format!("0000:{bus}:")));
            assert!(
                !is_granted || line.contains(" vfio-pci "),
                "{line} was taken from its guest: {}",
                self.story()
            );
        }
    }

    /// When all writes and guests have ended, everything comes back.
    fn end(&mut self) {
        while self.kernel.writes_under_way() > 0 {
            self.kernel.let_held_writes_begin();
            std::thread::sleep(Duration::from_millis(1));
        }
        // Faults that no write met.
        self.kernel.forget_faults();
        self.running.clear();
        self.tell_virsh();
        for guest in 0..GUESTS.len() {
            let child = self.hook(guest, "release", true);
            self.finish("last release", child);
        }
        for line in ["recover", "attach all"] {
            let mut gpupci = self.host.command();
            gpupci
                .args(line.split(' '))
                .env("GPUPT_PROGRAMS", self.host.path("programs"));
            let said = support::run(&mut gpupci, b"");
            assert_eq!(
                said.code,
                Some(0),
                "{line}: {}\n{}",
                said.stderr,
                self.story()
            );
        }
        assert_eq!(self.host.bindings(), self.before, "{}", self.story());
        let records = fs::read_dir(self.host.path("run/gpupt/cards"));
        let records = records.map_or(0, Iterator::count);
        assert_eq!(records, 0, "{}", self.story());
        assert_eq!(self.kernel.complaints(), [""; 0], "{}", self.story());
    }

    /// Makes `virsh domstate` say which guests run.
    fn tell_virsh(&self) {
        let uuids = self.running.keys().map(|guest| GUESTS[*guest].1);
        let cases: String = uuids
            .map(|uuid| format!("{uuid}) echo running;; "))
            .collect();
        let text = format!("#!/bin/sh\ncase $5 in {cases}*) echo shut off;; esac\n");
        let new = self.host.path("programs/virsh.new");
        fs::create_dir_all(new.parent().expect("a folder")).expect("a folder");
        fs::write(&new, text).expect("a file");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::rename(&new, self.host.path("programs/virsh")).expect("it takes its place");
    }

    fn story(&self) -> String {
        let writes = self.kernel.writes();
        let last = writes.len().saturating_sub(30);
        format!(
            "{}\n-- writes\n{}",
            self.history.join("\n"),
            writes[last..].join("\n")
        )
    }
}

fn xml(name: &str, uuid: &str, buses: &[&str]) -> String {
    let hostdev = |bus: &&str| {
        format!(
            "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' \
             bus='0x{bus}' slot='0x00' function='0x0'/></source></hostdev>"
        )
    };
    let devices: String = buses.iter().map(hostdev).collect();
    format!(
        "<domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid><devices>{devices}</devices></domain>"
    )
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn no_sequence_of_commands_loses_a_card_or_grants_one_twice() {
    let seeds = match number("GPUPT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("GPUPT_ROUNDS").unwrap_or(ROUNDS) + 1,
    };
    for seed in seeds {
        // The test prints this if it fails.
        println!("GPUPT_SEED={seed}");
        Round::new(seed).run();
    }
}
