//! Every way in which a domain XML claims a card. The hook detaches the whole card and nothing
//! else.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::VIDEO;
use crate::guests::{Guest, hostdev};
use crate::host_tree::{add_function, class_link, regroup};
use crate::silence;
use crate::stage::{Stage, because};
use crate::support::{TestHost, run};

const MEDIATED: &str = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

/// The functions of the cards on these buses, bound to vfio-pci. Bus 04 has the display of the mainboard.
fn on_vfio_pci(buses: &[&str]) -> Vec<String> {
    let functions = buses.iter().flat_map(|bus| match *bus {
        "04" => vec!["04:03.0".to_owned()],
        bus => [0, 1].map(|n| format!("{bus}:00.{n}")).to_vec(),
    });
    functions
        .map(|function| format!("0000:{function} vfio-pci vfio-pci"))
        .collect()
}

pub fn mdev() -> String {
    format!(
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>\
         <address uuid='{MEDIATED}'/></source></hostdev>"
    )
}

fn rendering(node: &str) -> String {
    format!("<graphics type='egl-headless'><gl rendernode='{node}'/></graphics>")
}

/// A hostdev for the display of the mainboard, whose vendor does not count.
fn onboard() -> String {
    hostdev("04", 0).replace("slot='0x00'", "slot='0x03'")
}

#[test]
fn each_form_of_hostdev_detaches_the_whole_card_and_no_other() {
    let source = "<source><address type='pci' bus='2' function='1'/></source>";
    let plain = hostdev("02", 0);
    let usb =
        "<hostdev type='usb'><source><vendor id='0x10de'/><address bus='2'/></source></hostdev>";
    let network = hostdev("01", 0);
    let onboard = onboard();
    let cases: [(&str, String, &[&str]); 18] = [
        ("function 0", plain.clone(), &["02"]),
        ("function 1 alone", hostdev("02", 1), &["02"]),
        ("both functions", hostdev("02", 1) + &plain, &["02"]),
        ("unmanaged", plain.replace("yes", "no"), &["02"]),
        ("decimal", plain.replace("0x02", "2"), &["02"]),
        ("octal", plain.replace("0x02", "002"), &["02"]),
        ("escaped", plain.replace("0x02", "&#x30;&#120;2"), &["02"]),
        (
            "a place in the guest",
            plain.replace("</hostdev>", "<address type='pci' bus='3'/></hostdev>"),
            &["02"],
        ),
        (
            "an interface",
            format!("<interface type='hostdev'>{source}</interface>"),
            &["02"],
        ),
        (
            "a disk",
            format!(
                "<disk type='nvme'>{}</disk>",
                source.replace("<source", "<source type='pci'")
            ),
            &["02"],
        ),
        (
            "a second <devices>",
            format!("</devices><devices>{plain}"),
            &["02"],
        ),
        (
            "two cards",
            format!("{}{plain}", hostdev("03", 0)),
            &["02", "03"],
        ),
        (
            "a card and others",
            format!("{usb}{network}{plain}"),
            &["02"],
        ),
        ("no card", network, &[]),
        ("another vendor's", onboard.clone(), &["04"]),
        ("cards of two vendors", onboard + &plain, &["02", "04"]),
        ("not there", hostdev("7f", 0), &[]),
        ("usb", usb.to_owned(), &[]),
    ];
    let stage = Stage::manual();
    for (what, devices, buses) in cases {
        let guest = Guest::with(&devices);
        stage.hook_ok(&guest, "prepare");
        assert_eq!(stage.changed_bindings(), on_vfio_pci(buses), "{what}");
        assert_eq!(stage.records().len(), buses.len(), "{what}");
        stage.hook_ok(&guest, "release");
        stage.assert_restored(what);
    }
    assert_eq!(stage.kernel.failures(), [""; 0]);
}

#[test]
fn qemu_commandline_with_vfio_pci_claims_a_card() {
    let stage = Stage::manual();
    for argument in [
        "vfio-pci,host=02:00.1,multifunction=on",
        "{&quot;driver&quot;:&quot;vfio-pci&quot;,&quot;host&quot;:&quot;0000:02:00.0&quot;}",
    ] {
        let guest = Guest::with("");
        let line = format!(
            "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>\
             <q:arg value='-device'/><q:arg value='{argument}'/></q:commandline></domain>"
        );
        let xml = guest.xml().replace("</domain>", &line);
        for (operation, expected) in [("prepare", &["02"][..]), ("release", &[])] {
            let mut hook = stage.command(&guest, operation);
            assert_eq!(run(&mut hook, xml.as_bytes()), silence());
            assert_eq!(
                stage.changed_bindings(),
                on_vfio_pci(expected),
                "{argument}"
            );
        }
    }
}

#[test]
fn hook_handles_every_card_whatever_the_vendors_setting_says() {
    let stage = Stage::manual();
    for vendors in ["[\"102b\"]", "[\"1002\"]", "[]"] {
        stage
            .host
            .write("etc/gpupt.toml", &format!("vendors = {vendors}\n"));
        for (devices, bus) in [(hostdev("02", 0), "02"), (onboard(), "04")] {
            let guest = Guest::with(&devices);
            stage.hook_ok(&guest, "prepare");
            assert_eq!(stage.changed_bindings(), on_vfio_pci(&[bus]), "{vendors}");
            stage.hook_ok(&guest, "release");
            stage.assert_restored(vendors);
        }
    }
    assert!(!stage.host.path("var/lib/gpupt/cards.json").exists());
}

#[test]
fn card_of_a_vendor_that_does_not_count_is_refused_by_its_address() {
    let stage = Stage::manual();
    stage.process(7, "Xorg", "/dev/dri/card0");
    class_link(&stage.host, "drm", "card0", "0000:04:03.0");
    let why = "cannot prepare 0000:04:03.0 (0000:04:03): Xorg (pid 7) uses /dev/dri/card0. State: \
               nothing was changed. Try: stop Xorg (pid 7), or keep it from using this card.";
    stage.assert_refused(&Guest::with(&onboard()), why);
}

/// The host of an APU: functions of two vendors in one slot, each in an IOMMU group of its own.
fn apu() -> Stage {
    let host = TestHost::unpacked("manual.tree");
    for (function, class) in [(2, "0x108000"), (3, "0x0c0330")] {
        add_function(&host, &format!("0000:02:00.{function}"), "0x1022", class);
    }
    Stage::on(host)
}

#[test]
fn guest_with_another_device_of_the_slot_is_no_guest_with_a_card() {
    let stage = apu();
    stage.host.line("list").answer();
    class_link(&stage.host, "drm", "card0", VIDEO);
    stage.process(7, "Xorg", "/dev/dri/card0");
    let guest = Guest::with(&hostdev("02", 3));
    for settings in ["", "vendors = [\"1002\"]\n", "vendors = 7\n"] {
        stage.host.write("etc/gpupt.toml", settings);
        stage.hook_ok(&guest, "prepare");
        stage.hook_ok(&guest, "release");
        stage.assert_restored(settings);
    }
    assert_eq!(stage.kernel.writes(), [""; 0]);
}

#[test]
fn card_leaves_other_devices_of_its_slot_to_the_host() {
    let stage = apu();
    stage.hook_ok(&Guest::with(&hostdev("02", 1)), "prepare");
    assert_eq!(stage.changed_bindings(), on_vfio_pci(&["02"]));
}

/// The manual's host, whose first card has a mediated device and a render node.
pub fn shared_card() -> Stage {
    let host = TestHost::unpacked("manual.tree");
    fs::create_dir_all(host.path("sys/bus/mdev/devices")).expect("a folder");
    let device = format!("../../../devices/pci0000:00/0000:00:03.0/{VIDEO}/{MEDIATED}");
    let link = host.path(&format!("sys/bus/mdev/devices/{MEDIATED}"));
    symlink(device, link).expect("a link");
    class_link(&host, "drm", "renderD191", VIDEO);
    Stage::on(host)
}

#[test]
fn mediated_device_and_render_node_leave_the_card_on_the_host() {
    let stage = shared_card();
    let guest = Guest::with(&(mdev() + &rendering("/dev/dri/renderD191")));
    for operation in ["prepare", "reconnect", "release"] {
        stage.hook_ok(&guest, operation);
        stage.assert_restored(operation);
    }
    assert_eq!(stage.kernel.writes(), [""; 0]);
    let elsewhere = Guest::with(&(hostdev("03", 0) + &mdev() + &rendering("/dev/dri/renderD191")));
    stage.hook_ok(&elsewhere, "prepare");
    assert_eq!(
        stage.changed_bindings(),
        on_vfio_pci(&["03"]),
        "what it uses is another card's"
    );
}

#[test]
fn hostdev_of_a_card_and_of_its_mediated_device_or_render_node_is_refused() {
    let stage = shared_card();
    for (devices, part) in [
        (mdev(), format!("its mediated device {MEDIATED}")),
        (
            rendering("/dev/dri/renderD191"),
            "its render node /dev/dri/renderD191".to_owned(),
        ),
    ] {
        for devices in [hostdev("02", 0) + &devices, devices + &hostdev("02", 1)] {
            let why = format!(
                "its XML claims gpupci1 (0000:02:00) as a whole, and also {part}, which needs the \
                 card on its host driver. State: nothing was changed. Try: remove one of the two from its XML."
            );
            stage.assert_refused(&Guest::with(&devices), &why);
        }
    }
    let why = because(
        &[&format!("{VIDEO} has the mediated device {MEDIATED}")],
        &[&format!(
            "stop its guest, then remove it: echo 1 > /sys/bus/mdev/devices/{MEDIATED}/remove"
        )],
    );
    stage.assert_refused(&Guest::with(&hostdev("02", 0)), &why);
}

#[test]
fn guest_of_two_cards_gets_none_if_one_is_refused() {
    let stage = Stage::manual();
    stage.hook_ok(&Guest::other(1, &hostdev("03", 0)), "prepare");
    let both = Guest::with(&(hostdev("02", 0) + &hostdev("03", 0)));
    let why = because(
        &["guest guest-1 has this card"],
        &["shut down guest guest-1; if it is not running, run `gpupci recover`"],
    );
    let why = why.replace("gpupci1 (0000:02:00)", "gpupci2 (0000:03:00)");
    stage.assert_refused(&both, &why);
    assert_eq!(stage.changed_bindings(), on_vfio_pci(&["03"]));
}

#[test]
fn release_restores_the_first_card_after_the_second_failed() {
    let stage = Stage::manual();
    let both = Guest::with(&(hostdev("02", 0) + &hostdev("03", 0)));
    let busy = crate::support::kernel::Work::refuses();
    stage.kernel.on_probe(("vfio-pci", "0000:03:00.1"), busy);
    assert_eq!(stage.hook(&both, "prepare").code, Some(1));
    assert_eq!(
        stage.changed_bindings(),
        on_vfio_pci(&["02"]),
        "until the release"
    );
    stage.hook_ok(&both, "release");
    stage.assert_restored("release");
}

#[test]
fn cards_that_share_a_group_must_be_claimed_together() {
    let host = TestHost::unpacked("manual.tree");
    for function in ["0000:03:00.0", "0000:03:00.1"] {
        regroup(&host, function, Some(8));
    }
    let stage = Stage::on(host);
    let member = |function: &str, driver: &str| {
        format!("IOMMU group 8 also contains {function} of gpupci2, which stays bound to {driver}")
    };
    let why = because(
        &[
            &member("0000:03:00.0", "nvidia"),
            &member("0000:03:00.1", "snd_hda_intel"),
        ],
        &["detach gpupci2 in the same command, and give both cards to the same guest"],
    );
    stage.assert_refused(&Guest::with(&hostdev("02", 0)), &why);
    let both = Guest::with(&(hostdev("02", 0) + &hostdev("03", 0)));
    stage.hook_ok(&both, "prepare");
    assert_eq!(stage.changed_bindings(), on_vfio_pci(&["02", "03"]));
    stage.hook_ok(&both, "release");
    stage.assert_restored("both");
}

#[test]
fn group_member_that_the_same_guest_claims_is_no_reason_to_refuse() {
    // The XML claims the disk controller too. It is no card, so libvirt itself detaches it.
    let controller = hostdev("00", 2).replace("slot='0x00'", "slot='0x1f'");
    let host = TestHost::unpacked("manual.tree");
    regroup(&host, "0000:00:1f.2", Some(8));
    let stage = Stage::on(host);
    let both = Guest::with(&(hostdev("02", 0) + &controller));
    stage.hook_ok(&both, "prepare");
    assert_eq!(
        stage.changed_bindings(),
        on_vfio_pci(&["02"]),
        "the controller is left alone"
    );
    stage.hook_ok(&both, "release");
    stage.assert_restored("both");
    assert_eq!(
        stage.hook(&Guest::with(&hostdev("02", 0)), "prepare").code,
        Some(1)
    );
    // The same for a card that was bound to vfio-pci at boot.
    stage.host.line("-l").answer();
    stage.bind_at_boot();
    stage.hook_ok(&both, "prepare");
    assert_eq!(stage.changed_bindings(), on_vfio_pci(&["02"]));
}

#[test]
fn group_member_that_the_host_needs_is_refused_even_if_claimed() {
    let controller = hostdev("00", 2).replace("slot='0x00'", "slot='0x1f'");
    let host = TestHost::unpacked("manual.tree");
    regroup(&host, "0000:00:1f.2", Some(8));
    class_link(&host, "block", "sda1", "0000:00:1f.2");
    let mounts = "22 1 226:191 / / rw - ext4 /dev/sda1 rw\n";
    host.write("proc/self/mountinfo", mounts);
    let stage = Stage::on(host);
    let why = because(
        &[
            "IOMMU group 8 also contains 0000:00:1f.2, which stays bound to ahci and is used for / (sda1)",
        ],
        &["move the card to another slot; `gpupci groups` shows the groups"],
    );
    stage.assert_refused(&Guest::with(&(hostdev("02", 0) + &controller)), &why);
}

#[test]
fn start_of_a_guest_reads_only_the_devices_it_claims() {
    let stage = Stage::manual();
    stage.host.line("-l").answer();
    stage.bind_at_boot();
    // Reading this device fails.
    let folder = stage.host.path("sys/bus/pci/devices/0000:00:1f.2");
    let class = fs::canonicalize(folder).expect("a function").join("class");
    fs::write(class, "nonsense\n").expect("an attribute");
    let network = Guest::other(1, &hostdev("01", 0));
    stage.hook_ok(&network, "prepare");
    stage.hook_ok(&network, "release");
    let guest = Guest::with(&hostdev("02", 0));
    stage.hook_ok(&guest, "prepare");
    // To detach a card, the hook reads all devices.
    let other = Guest::other(2, &hostdev("03", 0));
    assert_eq!(stage.hook(&other, "prepare").code, Some(1));
    assert_eq!(stage.kernel.failures(), [""; 0]);
}

#[test]
fn card_is_found_among_hundreds_of_claimed_slots() {
    let stage = Stage::manual();
    let many: String = (0x10..0xf0)
        .map(|bus| hostdev(&format!("{bus:02x}"), 0))
        .collect();
    stage.hook_ok(&Guest::with(&(many.clone() + &hostdev("02", 0))), "prepare");
    assert_eq!(stage.changed_bindings().len(), 2);
    // None of them is a card.
    stage.hook_ok(&Guest::other(1, &many), "prepare");
    assert_eq!(stage.changed_bindings().len(), 2);
}
