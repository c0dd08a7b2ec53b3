//! Which guest is meant: a defined one, a running one, a transient one.

use std::fs;

use pretty_assertions::assert_eq;

use crate::{GUEST, Host, OTHER_UUID, UUID, hostdev};

#[test]
fn why_finds_a_guest_by_name_and_by_uuid() {
    let host = Host::with_guest(&hostdev("7f"));
    for guest in [GUEST, UUID, &UUID.to_uppercase()] {
        let text = host.line(&format!("why {guest}")).answer();
        let first = "now:        this host has no device 0000:7f:00.0\n";
        assert!(text.starts_with(first), "{text}");
    }
}

#[test]
fn why_knows_a_transient_guest_from_the_hook() {
    let host = Host::new();
    host.process(812, "Xorg", "/dev/nvidiactl");
    host.prepare_refused(GUEST, UUID, &hostdev("02"));
    for guest in [GUEST, UUID] {
        let text = host.line(&format!("why {guest}")).answer();
        let first = "now:        gpupci1 (0000:02:00): Xorg (pid 812) uses /dev/nvidiactl\n";
        assert!(text.starts_with(first), "{text}");
    }
}

#[test]
fn newest_start_counts_if_several_guests_had_the_name() {
    let host = Host::new();
    let record = |uuid: &str, at: u64, claim: &str| {
        let start = format!(
            "{{\"guest\":\"{GUEST}\",\"at\":{at},\"refused\":null,\"codes\":[],\"claims\":[\"{claim}\"]}}"
        );
        host.write(&format!("run/gpupt/guests/{uuid}.json"), &start);
    };
    record(UUID, 30, "0000:7e:00.0");
    record(OTHER_UUID, 20, "0000:7f:00.0");
    assert!(host.why().contains("no device 0000:7e:00.0"));
    record(OTHER_UUID, 40, "0000:7f:00.0");
    assert!(host.why().contains("no device 0000:7f:00.0"));
}

#[test]
fn start_of_an_earlier_release_is_read_and_its_cards_are_not_judged() {
    let host = Host::new();
    let start = format!("{{\"guest\":\"{GUEST}\",\"at\":30,\"refused\":\"it was so\"}}");
    host.write(&format!("run/gpupt/guests/{UUID}.json"), &start);
    let said = host.line("why rocks-33");
    assert_eq!(said.code, Some(0));
    assert!(said.text().contains("ago: it was so\n"), "{}", said.text());
    assert!(
        said.stderr.contains("its cards are not judged"),
        "{}",
        said.stderr
    );
}

#[test]
fn record_of_a_start_has_the_claims_and_not_the_xml() {
    let host = Host::new();
    let mediated = "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>\
        <address uuid='11111111-2222-3333-4444-555555555555'/></source></hostdev>\
        <graphics type='vnc' passwd='secret'><gl rendernode='/dev/dri/renderD128'/></graphics>";
    host.prepare_ok(GUEST, UUID, &format!("{}{mediated}", hostdev("02")));
    let path = host.path(&format!("run/gpupt/guests/{UUID}.json"));
    let text = fs::read_to_string(path).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        record["claims"],
        serde_json::json!([
            "managed 0000:02:00.0",
            "mdev 11111111-2222-3333-4444-555555555555",
            "rendernode /dev/dri/renderD128",
        ])
    );
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn why_refuses_an_unknown_guest_of_any_name() {
    let host = Host::with_guest(&hostdev("02"));
    for guest in ["rocks-34", "..", "../qemu/rocks-33", "", "a\nb", "-x"] {
        let said = host.gpupci(&["why", "--", guest]);
        assert_eq!((said.code, said.text().as_str()), (Some(3), ""), "{guest}");
        assert_eq!(
            said.stderr,
            format!(
                "gpupci: this host has no guest {guest:?}\n  \
                 try:   `virsh list --all` lists the guests of this host\n"
            )
        );
    }
}

#[test]
fn why_says_nothing_about_a_guest_without_problems() {
    let host = Host::with_guest(&hostdev("02"));
    host.write(
        "etc/libvirt/qemu/broken.xml",
        "<domain><name>rocks-33</name>",
    );
    host.write(
        "etc/libvirt/qemu/other.xml",
        "<domain><name>other</name></domain>",
    );
    let said = host.line("why rocks-33");
    assert_eq!((said.code, said.text().as_str()), (Some(0), ""));
    assert_eq!(
        said.stderr,
        "gpupci: no failed start is known, and nothing blocks a start now\n"
    );
    assert_eq!(host.line("why other -q").answer(), "");
}

#[test]
fn files_that_are_pipes_are_not_waited_for() {
    let host = Host::with_guest(&hostdev("02"));
    for file in [
        "run/libvirt/qemu/rocks-33.pid",
        "run/gpupt/guests/c7a5fdbd-edaf-9455-926a-d65c16db1809.json",
    ] {
        host.write(file, "");
        let file = host.path(file);
        fs::remove_file(&file).expect("a file");
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    }
    assert_eq!(host.line("why rocks-33").text(), "");
}
