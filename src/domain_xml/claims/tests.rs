use super::*;
use pretty_assertions::assert_eq;

const MEDIATED: &str = "c2177883-f1bb-47f0-914d-32a22e3a8804";

fn function(text: &str) -> Claim {
    Claim::Function(text.parse().expect("an address"))
}

fn claimed(devices: &str) -> Vec<Claim> {
    let document = format!("<domain><name>x</name><devices>{devices}</devices></domain>");
    claims(document.as_bytes())
}

#[test]
fn every_form_of_claim_is_found() {
    let address = |attributes| {
        format!("<source {attributes}><address domain='0' bus='2' slot='0' function='1'/></source>")
    };
    let plain = address("");
    for (device, claim) in [
        (format!("<hostdev type='pci'>{plain}</hostdev>"), function("02:00.1")),
        (format!("<hostdev mode='subsystem' type='pci' managed='no'>{plain}<address type='pci' bus='9'/></hostdev>"), function("02:00.1")),
        ("<interface type='hostdev'><source><address type='pci' bus='0x02' function='1'/></source></interface>".to_owned(), function("02:00.1")),
        (format!("<disk type='nvme'>{}</disk>", address("type='pci' namespace='1'")), function("02:00.1")),
        (format!("<disk type='file'><source file='/x'/><backingStore type='nvme'>{}</backingStore></disk>", address("type='pci'")), function("02:00.1")),
        (format!("<disk type='file'><mirror type='nvme'><format/>{}</mirror></disk>", address("type='pci'")), function("02:00.1")),
        (format!("<hostdev type='mdev' model='vfio-pci'><source><address uuid='{}'/></source></hostdev>", MEDIATED.to_uppercase()), Claim::Mediated(MEDIATED.parse().expect("a uuid"))),
        ("<graphics type='spice'><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>".to_owned(), Claim::RenderNode("/dev/dri/renderD128".to_owned())),
        ("<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD129'/></graphics>".to_owned(), Claim::RenderNode("/dev/dri/renderD129".to_owned())),
        ("<video><model type='virtio'><acceleration rendernode='/dev/dri/renderD1'/></model></video>".to_owned(), Claim::RenderNode("/dev/dri/renderD1".to_owned())),
    ] {
        assert_eq!(claimed(&device), [claim], "{device}");
    }
}

#[test]
fn libvirt_binds_only_managed_devices() {
    let address = "02:00.1".parse().expect("an address");
    let source = "<source type='pci' {}><address type='pci' bus='2' function='1'/></source>";
    let plain = source.replace(" {}", "");
    for (device, claim) in [
        (
            format!("<hostdev type='pci' managed='yes'>{plain}</hostdev>"),
            Claim::Managed(address),
        ),
        (
            format!("<hostdev type='pci' managed='no'>{plain}</hostdev>"),
            Claim::Function(address),
        ),
        (
            format!("<hostdev type='pci'>{plain}</hostdev>"),
            Claim::Function(address),
        ),
        (
            format!("<interface type='hostdev' managed='yes'>{plain}</interface>"),
            Claim::Managed(address),
        ),
        (
            format!("<interface type='hostdev'>{plain}</interface>"),
            Claim::Function(address),
        ),
        (
            format!(
                "<disk type='nvme'>{}</disk>",
                source.replace("{}", "managed='yes'")
            ),
            Claim::Managed(address),
        ),
        (
            format!("<disk type='nvme' managed='yes'>{plain}</disk>"),
            Claim::Function(address),
        ),
    ] {
        assert_eq!(claimed(&device), [claim], "{device}");
    }
}

#[test]
fn devices_that_claim_no_card_are_ignored() {
    for device in [
        "<hostdev type='usb'><source><address bus='2'/></source></hostdev>",
        "<hostdev mode='capabilities' type='pci'><source><address bus='2'/></source></hostdev>",
        "<hostdev type='pci'><address bus='2'/></hostdev>",
        "<hostdev type='pci'><source/><source><address bus='2'/></source></hostdev>",
        "<hostdev type='pci'><source><address bus='1f'/></source></hostdev>",
        "<interface type='network'><source><address bus='2'/></source></interface>",
        "<disk type='nvme'><source><address bus='2'/></source></disk>",
        "<x xmlns='urn:x'><hostdev type='pci'><source><address bus='2'/></source></hostdev></x>",
        "<!-- <hostdev type='pci'><source><address bus='2'/></source></hostdev> -->",
    ] {
        assert_eq!(claimed(device), [], "{device}");
    }
    let elsewhere = "<domain><metadata><devices><hostdev type='pci'><source><address bus='2'/>\
         </source></hostdev></devices></metadata></domain>";
    assert_eq!(claims(elsewhere.as_bytes()), []);
}

#[test]
fn qemu_device_arguments_are_parsed() {
    for (argument, found) in [
        ("vfio-pci,host=02:00.1,multifunction=on", Some("02:00.1")),
        ("vfio-pci,id=a,host=10000:02:00.1", Some("10000:02:00.1")),
        (
            "{&quot;driver&quot;:&quot;vfio-pci&quot;,&quot;host&quot;: &quot;0000:02:00.1&quot;}",
            Some("02:00.1"),
        ),
        ("virtio-net-pci,host=02:00.1", None),
        ("vfio-pci,sysfsdev=/sys/x", None),
        (
            "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:02:00.1,id=a",
            Some("02:00.1"),
        ),
        (
            "{&quot;driver&quot;:&quot;vfio-pci&quot;,&quot;sysfsdev&quot;:\
             &quot;/sys/bus/pci/devices/0000:02:00.1&quot;}",
            Some("02:00.1"),
        ),
        ("vfio-pci,host=nonsense", None),
    ] {
        let document = format!(
            "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><devices/>\
             <q:commandline><q:arg value='-device'/><q:arg value='{argument}'/>\
             </q:commandline></domain>"
        );
        let found: Vec<Claim> = found.map(function).into_iter().collect();
        assert_eq!(claims(document.as_bytes()), found, "{argument}");
    }
}

#[test]
fn a_disk_or_an_interface_claims_only_what_libvirt_reads() {
    let address = "<address type='pci' bus='2'/>";
    for device in [
        format!("<disk type='file'><source type='pci'>{address}</source></disk>"),
        format!(
            "<disk type='nvme'><source type='pci'/><source type='pci'>{address}</source></disk>"
        ),
        format!(
            "<disk type='file'><x type='nvme'><source type='pci'>{address}</source></x></disk>"
        ),
        "<interface type='hostdev'><source><address type='usb' bus='2'/></source></interface>"
            .to_owned(),
        "<interface type='hostdev'><source><address bus='2'/></source></interface>".to_owned(),
    ] {
        assert_eq!(claimed(&device), [], "{device}");
    }
}

#[test]
fn every_list_of_devices_counts_and_a_list_alone_too() {
    let hostdev =
        |bus| format!("<hostdev type='pci'><source><address bus='{bus}'/></source></hostdev>");
    let lists = format!(
        "<domain><devices>{}</devices><devices>{}<devices>{}</devices></devices></domain>",
        hostdev("2"),
        hostdev(" +010"),
        hostdev("4")
    );
    let both = [function("02:00.0"), function("08:00.0")];
    assert_eq!(claims(lists.as_bytes()), both);
    let alone = format!("<devices>{}</devices>", hostdev("0x83"));
    assert_eq!(claims(alone.as_bytes()), [function("83:00.0")]);
    let other = format!("<domstatus><devices>{}</devices></domstatus>", hostdev("2"));
    assert_eq!(claims(other.as_bytes()), []);
}

#[test]
fn only_options_in_the_namespace_of_qemu_claim() {
    let document = |declared: &str, prefix: &str| {
        format!(
            "<domain {declared}><devices/><{prefix}commandline><{prefix}arg value='-device'/>\
             <{prefix}arg value='vfio-pci,host=02:00.0'/></{prefix}commandline></domain>"
        )
    };
    let qemu = format!("xmlns:q='{QEMU}'");
    let claimed = claims(document(&qemu, "q:").as_bytes());
    assert_eq!(claimed, [function("02:00.0")]);
    for (declared, prefix) in [
        (qemu.as_str(), ""),
        (&qemu, "r:"),
        ("xmlns:q='urn:x'", "q:"),
    ] {
        let claimed = claims(document(declared, prefix).as_bytes());
        assert_eq!(claimed, [], "{declared} {prefix}");
    }
}

#[test]
fn a_property_that_is_overridden_for_qemu_claims() {
    let document = format!(
        "<domain xmlns:qemu='{QEMU}'><devices/><qemu:override><qemu:device alias='hostdev0'>\
         <qemu:frontend><qemu:property name='host' type='string' value='0000:02:00.1'/>\
         </qemu:frontend></qemu:device></qemu:override></domain>"
    );
    assert_eq!(claims(document.as_bytes()), [function("02:00.1")]);
}
