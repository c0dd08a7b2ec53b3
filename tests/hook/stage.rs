//! A host, its kernel and its journal; and guests that want something of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::kernel::FakeKernel;
use crate::support::{Host, Said, run};
use crate::{DEVICES, HOOK, silence};

/// A line of the journal, by its fields.
pub type Entry = BTreeMap<String, String>;

pub struct Stage {
    pub host: Host,
    pub kernel: FakeKernel,
    journal: UnixDatagram,
    /// How all functions were bound in the beginning.
    pub before: Vec<String>,
}

impl Stage {
    /// `manual.tree`, whose two cards have two functions each.
    pub fn manual() -> Self {
        Self::on(Host::unpacked("manual.tree"))
    }

    pub fn on(host: Host) -> Self {
        let kernel = FakeKernel::on(&host);
        fs::create_dir_all(host.path("run/systemd/journal")).expect("a folder");
        let journal = UnixDatagram::bind(host.path("run/systemd/journal/socket"));
        let journal = journal.expect("a journal");
        journal.set_nonblocking(true).expect("a socket");
        let before = bindings(&host);
        Self {
            host,
            kernel,
            journal,
            before,
        }
    }

    /// The hook as libvirt runs it at this step of a guest.
    pub fn command(&self, guest: &Guest, operation: &str) -> Command {
        let step = match operation {
            "stopped" | "release" => "end",
            _ => "begin",
        };
        self.command_of(&[&guest.name, operation, step, "-"])
    }

    /// The hook with these arguments.
    pub fn command_of(&self, words: &[&str]) -> Command {
        let mut command = Command::new(HOOK);
        command
            .args(words)
            .env_clear()
            .env("LC_ALL", "C")
            .env("GPUPT_ROOT", self.host.root.path());
        command
    }

    pub fn hook(&self, guest: &Guest, operation: &str) -> Said {
        run(&mut self.command(guest, operation), guest.xml().as_bytes())
    }

    /// A step that goes well.
    #[track_caller]
    pub fn goes(&self, guest: &Guest, operation: &str) {
        assert_eq!(self.hook(guest, operation), silence(), "{operation}");
    }

    /// A guest whose start is refused for this reason, by nobody's writing anything. Standard error,
    /// the journal and `gpupci why` say the same.
    #[track_caller]
    pub fn refuses(&self, guest: &Guest, why: &str) {
        let state = || (self.bindings(), self.records(), self.kernel.writes());
        let before = state();
        self.fails(guest, why);
        assert_eq!(state(), before);
    }

    /// The same, whatever was written meanwhile.
    #[track_caller]
    pub fn fails(&self, guest: &Guest, why: &str) {
        self.journal();
        let said = self.hook(guest, "prepare");
        let line = format!("guest {} cannot start: {why}", guest.shown());
        assert_eq!(said.stderr, format!("gpupt: {line}\n"));
        assert_eq!((said.text(), said.code), (String::new(), Some(1)));
        let entries = self.journal();
        let expected = entry(&[
            ("MESSAGE", &line),
            ("PRIORITY", "3"),
            ("GPUPT_GUEST", &guest.shown()),
            ("GPUPT_UUID", &guest.uuid),
        ]);
        assert_eq!(entries, [expected]);
    }

    /// What was said in the journal since the last look.
    pub fn journal(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length) = self.journal.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).expect("UTF-8");
            let text = text.strip_suffix('\n').expect("whole lines");
            let fields = text.split('\n').map(|line| {
                let (name, value) = line.split_once('=').expect("a field");
                (name.to_owned(), value.to_owned())
            });
            entries.push(fields.collect());
        }
        entries
    }

    /// Driver and override of every function: `0000:02:00.0 nvidia (null)`.
    pub fn bindings(&self) -> Vec<String> {
        bindings(&self.host)
    }

    /// The functions that are not bound as they were in the beginning.
    pub fn moved(&self) -> Vec<String> {
        let mut now = self.bindings();
        now.retain(|line| !self.before.contains(line));
        now
    }

    /// What is kept of cards.
    pub fn records(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.host.path("run/gpupt/cards")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|n| n.into_string().expect("text")).collect();
        names.sort();
        names
    }

    /// All is as it was in the beginning, and nothing is kept.
    #[track_caller]
    pub fn is_as_before(&self, what: &str) {
        assert_eq!(self.bindings(), self.before, "{what}");
        assert_eq!(self.records(), [""; 0], "{what}");
    }

    /// Puts all functions of the card at 02:00 on vfio-pci, as from boot on.
    pub fn bind_at_boot(&self) {
        for function in [crate::VIDEO, crate::AUDIO] {
            self.kernel
                .administrator_overrides(function, Some("vfio-pci"))
                .administrator_binds(function, Some("vfio-pci"));
        }
    }

    /// A process that has this file open.
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

/// A guest, and what it has in `<devices>`.
#[derive(Clone)]
pub struct Guest {
    pub name: String,
    pub uuid: String,
    pub devices: String,
}

impl Guest {
    /// The guest of the manual.
    pub fn with(devices: &str) -> Self {
        Self {
            name: "rocks-33".to_owned(),
            uuid: "c7a5fdbd-edaf-9455-926a-d65c16db1809".to_owned(),
            devices: devices.to_owned(),
        }
    }

    /// Another guest, one for each number.
    pub fn other(number: usize, devices: &str) -> Self {
        Self {
            name: format!("guest-{number}"),
            uuid: format!("00000000-0000-4000-8000-{number:012}"),
            devices: devices.to_owned(),
        }
    }

    pub fn named(self, name: &str) -> Self {
        let name = name.to_owned();
        Self { name, ..self }
    }

    pub fn xml(&self) -> String {
        let name = self.name.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<domain type='kvm' id='1'>\n  <name>{name}</name>\n  <uuid>{}</uuid>\n  \
             <devices>{}</devices>\n</domain>\n",
            self.uuid, self.devices
        )
    }

    /// Its name in a line.
    pub fn shown(&self) -> String {
        self.name
            .replace('\n', "\\n")
            .replace('\u{202e}', "\\u{202e}")
    }
}

/// A hostdev that claims a function of bus, slot 0.
pub fn hostdev(bus: &str, function: u8) -> String {
    format!(
        "<hostdev mode='subsystem' type='pci' managed='yes'><source>\
         <address domain='0x0000' bus='0x{bus}' slot='0x00' function='0x{function}'/></source>\
         </hostdev>"
    )
}

/// A line of ours in the journal.
pub fn entry(fields: &[(&str, &str)]) -> Entry {
    let own = [("SYSLOG_IDENTIFIER", "gpupt")];
    let fields = fields.iter().chain(&own);
    fields
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Why a card at 02:00 is refused.
pub fn because(causes: &[&str], tries: &[&str]) -> String {
    format!(
        "its card cannot be made ready: gpupci1 (0000:02:00): {}. Now: nothing was changed. \
         What to do: {}.",
        causes.join("; "),
        tries.join("; ")
    )
}

/// Puts a function into an IOMMU group, or into none.
pub fn regroup(host: &Host, function: &str, group: Option<u32>) {
    let link = host.path(&format!("{DEVICES}/{function}/iommu_group"));
    let old = fs::read_link(&link).expect("a group");
    let old = old.file_name().expect("a group has a number");
    let groups = host.path("sys/kernel/iommu_groups");
    fs::remove_file(groups.join(old).join("devices").join(function)).expect("a member");
    fs::remove_file(&link).expect("a link");
    let Some(group) = group else { return };
    let members = groups.join(group.to_string()).join("devices");
    let device = format!("../../../../bus/pci/devices/{function}");
    symlink(device, members.join(function)).expect("a member");
    symlink(format!("../../../../kernel/iommu_groups/{group}"), link).expect("a link");
}

/// A node of a function, as a class of sysfs has it: `sys/class/drm/renderD128`.
pub fn class_link(host: &Host, class: &str, name: &str, function: &str) {
    let folder = host.path(&format!("sys/class/{class}"));
    fs::create_dir_all(&folder).expect("a folder");
    let real = fs::canonicalize(host.path(&format!("{DEVICES}/{function}"))).expect("a function");
    let real = real.join(class).join(name);
    fs::create_dir_all(&real).expect("a folder");
    fs::write(real.join("dev"), "226:191\n").expect("a number");
    let root = fs::canonicalize(host.root.path()).expect("a root");
    let inside = real.strip_prefix(root.join("sys")).expect("it is below");
    symlink(Path::new("../..").join(inside), folder.join(name)).expect("a link");
}

/// Writes a script. A file that this process itself had open for writing could not be run while
/// another thread starts a program.
pub fn script(path: &Path, text: &str) {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path);
    assert_eq!(run(&mut shell, text.as_bytes()).answer(), "");
}

fn bindings(host: &Host) -> Vec<String> {
    let entries = fs::read_dir(host.path(DEVICES)).expect("a PCI bus");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|n| n.into_string().expect("text")).collect();
    names.sort();
    let line = |name: &String| {
        let folder = host.path(&format!("{DEVICES}/{name}"));
        let over = fs::read_to_string(folder.join("driver_override")).unwrap_or_default();
        let driver = fs::read_link(folder.join("driver")).ok();
        let driver = driver.as_deref().and_then(Path::file_name);
        let driver = driver.map_or("-".into(), |name| name.to_string_lossy());
        format!("{name} {driver} {}", over.trim_end())
    };
    names.iter().map(line).collect()
}
