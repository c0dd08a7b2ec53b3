//! `migrate` and `restore`: for a guest from another host or from an image, the hook changes the
//! hostdev addresses to those of this host, and nothing else.

use std::fs;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::host_tree::script;
use crate::stage::Stage;
use crate::support::{RunOutput, TestHost, run};
use crate::{GPUPCI, silence};

const HERE: &str = "vm-container-0-15";
const SECRET: &str = "s3cret";

/// The manual's host in a cluster. Another host has cards of the same names at other addresses.
struct Cluster {
    stage: Stage,
    url: String,
}

impl Cluster {
    fn new() -> Self {
        let folder = TestHost::unpacked("manual.tree");
        let url = format!("sqlite:{}", folder.path("cluster.db").display());
        let host = folder.with_database(&url);
        for line in [
            format!("-q host add {HERE} gpupci1 02:00.0"),
            "-q host add there gpupci1 83:00.0".to_owned(),
            "-q host add rocks-33 gpupci gpupci1".to_owned(),
        ] {
            assert_eq!(host.line(&line).answer(), "");
        }
        let mut cluster = Self {
            stage: Stage::on(host),
            url: String::new(),
        };
        cluster.repair();
        cluster
    }

    /// Puts a working database URL and `gpupci` in place.
    fn repair(&mut self) {
        let host = &self.stage.host;
        self.url = format!("sqlite:{}", host.path("cluster.db").display());
        // The script logs arguments and environment, then runs the real gpupci.
        let text = format!(
            "#!/bin/sh\n{{ printf '<%s>' \"$@\"; echo; tr '\\0' '\\n' </proc/$$/environ; }} >>{}\n\
             exec {GPUPCI} \"$@\"\n",
            host.path("called").display()
        );
        script(&host.stand_in("gpupci"), &text);
    }

    fn hook(&self, operation: &str, xml: &str) -> RunOutput {
        self.hook_of("rocks-33", operation, xml)
    }

    fn hook_of(&self, guest: &str, operation: &str, xml: &str) -> RunOutput {
        let mut hook = self.stage.command_of(&[guest, operation, "begin", "-"]);
        hook.env("GPUPT_DATABASE", &self.url);
        run(&mut hook, xml.as_bytes())
    }

    /// The calls of `gpupci`, a line each, and the whole log with their environments.
    fn calls(&self) -> (Vec<String>, String) {
        let text = fs::read_to_string(self.stage.host.path("called")).unwrap_or_default();
        let calls = text.lines().filter(|line| line.starts_with('<'));
        (calls.map(str::to_owned).collect(), text.clone())
    }

    /// The message of the only journal entry.
    #[track_caller]
    fn message(&self) -> String {
        let entries = self.stage.journal();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0]["MESSAGE"].clone()
    }
}

/// Domain XML in an unusual layout, with the card on this bus.
fn document(bus: &str) -> String {
    let guest = Guest::with("");
    format!(
        "<?xml version='1.0'?>\r\n<domain   type=\"kvm\">\r\n\t<name>rocks-33</name><uuid>{}</uuid>\n\
         <!-- bus='0x83' -->\n<metadata><x:a xmlns:x='urn:x' bus='0x83'/></metadata><devices>\
         <graphics type='vnc' passwd='{SECRET}'/>\n  <hostdev mode='subsystem' type='pci' \
         managed='yes'><source><address domain='0x0000' bus='0x{bus}' slot='0x00' \
         function='0x0'/></source><address type='pci' domain='0x0000' bus='0x83' slot='0x07' \
         function='0x0'/></hostdev><hostdev type='pci'><source><address bus='0x01'/></source>\
         </hostdev><x><![CDATA[</devices>]]></x></devices></domain>\n\n",
        guest.uuid
    )
}

#[test]
fn migrate_and_restore_move_the_hostdevs_to_the_addresses_on_this_host() {
    let cluster = Cluster::new();
    for operation in ["migrate", "restore"] {
        let said = cluster.hook(operation, &document("83"));
        assert_eq!((said.stderr.as_str(), said.code), ("", Some(0)));
        assert_eq!(said.text(), document("02"), "not another byte");
        assert_eq!(cluster.stage.journal(), []);
        cluster.stage.assert_restored("nothing is bound yet");
    }
    let asked = [
        "<splice><--exact><--retarget><--><rocks-33>",
        "<splice><--exact><--><rocks-33>",
    ];
    assert_eq!(cluster.calls().0, [asked, asked].concat());
}

#[test]
fn restore_leaves_a_correct_hostdev_unchanged() {
    let cluster = Cluster::new();
    assert_eq!(cluster.hook("restore", &document("02")), silence());
    assert_eq!(cluster.stage.journal(), []);
}

#[test]
fn restore_adds_no_hostdev_to_an_image_without_one() {
    // libvirt refuses to restore a guest whose XML has another number of devices than its image.
    let cluster = Cluster::new();
    let guest = Guest::with("<graphics type='vnc' passwd='s3cret'/>");
    assert_eq!(cluster.hook("restore", &guest.xml()), silence());
    let uuid = guest.uuid;
    assert_eq!(
        cluster.message(),
        format!(
            "rocks-33 starts without its card: its save image does not have it, and libvirt accepts no new device now. When it runs: `gpupci detach` the card, virsh dumpxml --inactive {uuid} \
             | gpupci splice -- rocks-33, and virsh attach-device with the <hostdev> that this command adds"
        )
    );
}

#[test]
fn restore_leaves_a_guest_unchanged_that_is_not_in_the_cluster() {
    let cluster = Cluster::new();
    let names = [
        "rocks-34",
        "..",
        "-x",
        "--retarget",
        "a b",
        "$(touch owned)",
        "it's",
        "rocks-3%",
        "hosted-vm",
        "select 'rocks-33'",
    ];
    for name in names {
        let guest = Guest::with(&hostdev("83", 0)).named(name);
        let said = cluster.hook_of(name, "restore", &guest.xml());
        assert_eq!(said, silence(), "{name:?}");
        let message = cluster.message();
        let start = format!("{}: its XML is unchanged: ", guest.shown());
        assert!(message.starts_with(&start), "{message}");
    }
    let (calls, _) = cluster.calls();
    let asked: Vec<String> = names
        .iter()
        .map(|name| format!("<splice><--exact><--retarget><--><{name}>"))
        .collect();
    assert_eq!(calls, asked, "a name is no option, and nothing for a shell");
}

#[test]
fn migrate_and_restore_leave_the_xml_unchanged_if_the_rewrite_fails() {
    type Break = fn(&mut Cluster);
    let cases: [(&str, Break, &str); 6] = [
        (
            "a database that is down",
            |cluster| cluster.url = format!("mysql://root:{SECRET}@127.0.0.1:1/cluster"),
            "rocks-33: its XML is unchanged: gpupci: cannot connect to ",
        ),
        (
            "a URL that is none",
            |cluster| cluster.url = format!("oracle://root:{SECRET}@fe/x"),
            "rocks-33: its XML is unchanged: gpupci: ",
        ),
        (
            "no gpupci",
            |cluster| {
                fs::remove_file(cluster.stage.host.stand_in("gpupci")).expect("a file");
            },
            "rocks-33: its XML is unchanged: /usr/bin/gpupci: the path does not exist (os error 2)",
        ),
        (
            "a gpupci that reads nothing and fails",
            |cluster| {
                let path = cluster.stage.host.stand_in("gpupci");
                script(&path, "#!/bin/sh\necho half of it\necho no >&2\nexit 7\n");
            },
            "rocks-33: its XML is unchanged: no",
        ),
        (
            "a gpupci that is killed",
            |cluster| {
                let path = cluster.stage.host.stand_in("gpupci");
                script(&path, "#!/bin/sh\necho half of it\nkill -9 $$\n");
            },
            "rocks-33: its XML is unchanged: /usr/bin/gpupci: signal: 9 (SIGKILL)",
        ),
        (
            "a database that is none",
            |cluster| {
                cluster
                    .stage
                    .host
                    .write("cluster.db", &"garbage ".repeat(1000));
            },
            "rocks-33: its XML is unchanged: gpupci: ",
        ),
    ];
    let mut cluster = Cluster::new();
    for (what, breaks, message) in cases {
        cluster.repair();
        breaks(&mut cluster);
        for operation in ["migrate", "restore"] {
            let said = cluster.hook(operation, &document("83"));
            assert_eq!(said, silence(), "{what}");
            let said = cluster.message();
            assert!(said.starts_with(message), "{what}: {said}");
            assert!(!said.contains(SECRET), "{what}: {said}");
        }
    }
}

#[test]
fn database_password_is_not_in_arguments_environment_or_journal() {
    let cluster = Cluster::new();
    for xml in [document("83"), document("02"), Guest::with("").xml()] {
        cluster.hook("migrate", &xml);
        for entry in cluster.stage.journal() {
            assert!(!format!("{entry:?}").contains(SECRET), "{entry:?}");
        }
    }
    let (calls, text) = cluster.calls();
    assert_eq!(calls.len(), 6);
    assert!(
        text.contains("GPUPT_DATABASE="),
        "the environment is looked at"
    );
    assert!(!text.contains(SECRET), "{text}");
}
