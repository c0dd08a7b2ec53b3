//! A test host with its fake kernel and its journal, on which the hook runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::guests::Guest;
use crate::support::kernel::FakeKernel;
use crate::support::{RunOutput, TestHost, run};
use crate::{HOOK, silence};

/// A journal entry, by its fields.
pub type Entry = BTreeMap<String, String>;

pub struct Stage {
    pub host: TestHost,
    pub kernel: FakeKernel,
    journal: UnixDatagram,
    /// The bindings of all functions at the start of the test.
    pub before: Vec<String>,
}

impl Stage {
    /// `manual.tree`, whose two cards have two functions each.
    pub fn manual() -> Self {
        Self::on(TestHost::unpacked("manual.tree"))
    }

    pub fn on(host: TestHost) -> Self {
        let kernel = FakeKernel::on(&host);
        fs::create_dir_all(host.path("run/systemd/journal")).expect("a folder");
        let journal = UnixDatagram::bind(host.path("run/systemd/journal/socket"));
        let journal = journal.expect("a journal");
        journal.set_nonblocking(true).expect("a socket");
        let before = host.bindings();
        Self {
            host,
            kernel,
            journal,
            before,
        }
    }

    /// The hook's command as libvirt runs it for this operation of a guest.
    pub fn command(&self, guest: &Guest, operation: &str) -> Command {
        let step = match operation {
            "stopped" | "release" => "end",
            _ => "begin",
        };
        self.command_of(&[&guest.name, operation, step, "-"])
    }

    /// The hook's command with these arguments.
    pub fn command_of(&self, words: &[&str]) -> Command {
        let mut command = Command::new(HOOK);
        command.args(words).env_clear().env("LC_ALL", "C");
        self.host.select(&mut command);
        command
    }

    pub fn hook(&self, guest: &Guest, operation: &str) -> RunOutput {
        run(&mut self.command(guest, operation), guest.xml().as_bytes())
    }

    /// Runs the hook; it must succeed and print nothing.
    #[track_caller]
    pub fn hook_ok(&self, guest: &Guest, operation: &str) {
        assert_eq!(self.hook(guest, operation), silence(), "{operation}");
    }

    /// Checks that `prepare` refuses the guest for this reason and changes nothing. Standard error
    /// and the journal say the same.
    #[track_caller]
    pub fn assert_refused(&self, guest: &Guest, why: &str) {
        let state = || (self.bindings(), self.records(), self.kernel.writes());
        let before = state();
        self.assert_fails(guest, why);
        assert_eq!(state(), before);
    }

    /// As `assert_refused`, but `prepare` may have written something.
    #[track_caller]
    pub fn assert_fails(&self, guest: &Guest, why: &str) {
        self.journal();
        let said = self.hook(guest, "prepare");
        let line = format!("guest {} cannot start: {why}", guest.shown());
        assert_eq!(said.stderr, format!("gpupt: {line}\n"));
        assert_eq!((said.text(), said.code), (String::new(), Some(1)));
        let mut entries = self.journal();
        for entry in &mut entries {
            let code = entry.remove("GPUPT_CODE");
            assert!(code.is_some(), "{entry:?} has no code");
        }
        let expected = entry(&[
            ("MESSAGE", &line),
            ("PRIORITY", "3"),
            ("GPUPT_GUEST", &guest.shown()),
            ("GPUPT_UUID", &guest.uuid),
        ]);
        assert_eq!(entries, [expected]);
    }

    /// The journal entries since the last call.
    pub fn journal(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length) = self.journal.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).expect("UTF-8");
            let text = text.strip_suffix('\n').expect("whole lines");
            let mut entry = Entry::new();
            for line in text.split('\n') {
                let (name, value) = line.split_once('=').expect("a field");
                // A field may stand there more than once.
                let values = entry.entry(name.to_owned()).or_default();
                *values += if values.is_empty() { "" } else { " " };
                *values += value;
            }
            entries.push(entry);
        }
        entries
    }

    /// Driver and override of every function: `0000:02:00.0 nvidia (null)`.
    pub fn bindings(&self) -> Vec<String> {
        self.host.bindings()
    }

    /// The functions whose binding differs from the start of the test.
    pub fn changed_bindings(&self) -> Vec<String> {
        let mut now = self.bindings();
        now.retain(|line| !self.before.contains(line));
        now
    }

    /// The files in the folder of the records.
    pub fn records(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.host.path("run/gpupt/cards")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|n| n.into_string().expect("text")).collect();
        names.sort();
        names
    }

    /// Checks that all bindings are those of the start of the test, and that there is no record.
    #[track_caller]
    pub fn assert_restored(&self, what: &str) {
        assert_eq!(self.bindings(), self.before, "{what}");
        assert_eq!(self.records(), [""; 0], "{what}");
    }

    /// Binds all functions of the card at 02:00 to vfio-pci, as at boot.
    pub fn bind_at_boot(&self) {
        for function in [crate::VIDEO, crate::AUDIO] {
            self.kernel
                .administrator_overrides(function, Some("vfio-pci"))
                .administrator_binds(function, Some("vfio-pci"));
        }
    }

    /// Adds a process that has this file open.
    pub fn process(&self, pid: u32, command: &str, open: &str) {
        let folder = format!("proc/{pid}");
        self.host
            .write(&format!("{folder}/comm"), &format!("{command}\n"));
        self.host.write(
            &format!("{folder}/cmdline"),
            &format!("/usr/bin/{command}\0"),
        );
        self.host.write(&format!("{folder}/maps"), "");
        fs::create_dir_all(self.host.path(&format!("{folder}/fd"))).expect("a folder");
        symlink(open, self.host.path(&format!("{folder}/fd/3"))).expect("a link");
    }
}

/// A journal entry of gpupt with these fields.
pub fn entry(fields: &[(&str, &str)]) -> Entry {
    let own = [("SYSLOG_IDENTIFIER", "gpupt")];
    let fields = fields.iter().chain(&own);
    fields
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The reason with which the card at 02:00 is refused.
pub fn because(causes: &[&str], tries: &[&str]) -> String {
    format!(
        "cannot prepare gpupci1 (0000:02:00): {}. State: nothing was changed. Try: {}.",
        causes.join("; "),
        tries.join("; ")
    )
}
