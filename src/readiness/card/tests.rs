use pretty_assertions::assert_eq;

use super::*;
use crate::binding::{HostConsole, Neighbour, PendingWrite, Unseen, User};
use crate::exit::Exit;
use crate::pci::{ClassCode, DriverName, Identity, VendorId};
use crate::readiness::Verdict;

fn address(function: u32) -> PciAddress {
    PciAddress::new(0, 2, 0, function).expect("an address")
}

fn group() -> IommuGroup {
    "7".parse().expect("a group")
}

fn binding(function: u32, driver: Option<&str>) -> Binding {
    Binding {
        function: address(function),
        class: ClassCode::from_sysfs("0x030000").expect("a class"),
        driver: driver.map(|name| name.parse().expect("a driver")),
        module: None,
        driver_override: None,
        is_vfio: driver == Some("vfio-pci"),
        stub: DriverName::vfio_pci(),
    }
}

fn card(drivers: [Option<&str>; 2]) -> CardFacts {
    let [video, audio] = drivers;
    CardFacts {
        name: "gpupci1".parse().expect("a name"),
        display: address(0),
        functions: vec![address(0), address(1)],
        view: CardView {
            bindings: vec![binding(0, video), binding(1, audio)],
            ..CardView::default()
        },
        variants: Vec::new(),
        groups: vec![group()],
        is_boot_display: false,
        resets: Some("flr bus".to_owned()),
        power_state: Some("D0".to_owned()),
        record: RecordFacts::None,
        unreadable: Vec::new(),
    }
}

/// The verdicts and topics of a card, in order: `pass driver`, `warn use`, ….
fn verdicts(card: &CardFacts) -> Vec<String> {
    let findings = card.judge(true);
    let words = findings
        .iter()
        .map(|f| format!("{} {}", f.verdict.word(), f.topic));
    words.collect()
}

/// The failures and warnings of a card.
#[track_caller]
fn assert_trouble(card: &CardFacts, trouble: &[&str]) {
    let all = verdicts(card).into_iter();
    let found: Vec<String> = all.filter(|words| !words.starts_with("pass")).collect();
    assert_eq!(found, trouble);
}

#[test]
fn card_without_problems_passes_everywhere() {
    let passes = [
        "pass driver",
        "pass iommu-group",
        "pass use",
        "pass console",
        "pass reset",
    ];
    for drivers in [
        [Some("nvidia"), Some("snd_hda_intel")],
        [Some("vfio-pci"), Some("vfio-pci")],
        [Some("vfio-pci"), None],
        [None, None],
    ] {
        assert_eq!(verdicts(&card(drivers)), passes, "{drivers:?}");
    }
    assert_trouble(
        &card([Some("vfio-pci"), Some("snd_hda_intel")]),
        &["warn driver"],
    );
}

#[test]
fn group_member_with_a_host_driver_is_a_failure_unless_it_is_a_card() {
    let neighbour = |card: Option<&str>| Neighbour {
        group: group(),
        binding: binding(7, Some("ahci")),
        card: card.map(|name| name.parse().expect("a name")),
        host_uses: Vec::new(),
    };
    let mut one = card([None, None]);
    one.view.neighbours = vec![neighbour(None)];
    assert_trouble(&one, &["fail iommu-group"]);
    one.view.neighbours = vec![neighbour(Some("gpupci2"))];
    assert_trouble(&one, &["warn iommu-group"]);
    one.view.neighbours = Vec::new();
    one.view.ungrouped = vec![address(1)];
    assert_trouble(&one, &["fail iommu-group"]);
    let findings = one.judge(false);
    assert!(
        findings.iter().all(|f| f.verdict == Verdict::Pass),
        "the IOMMU is off as a whole"
    );
}

#[test]
fn use_by_a_guest_passes_and_use_by_others_is_a_warning() {
    let user = |guest: Option<&str>| User {
        pid: 7,
        command: "qemu".to_owned(),
        guest: guest.map(str::to_owned),
        node: "/dev/vfio/7".to_owned(),
    };
    let mut one = card([Some("vfio-pci"), Some("vfio-pci")]);
    one.view.users = vec![user(Some("rocks-33"))];
    assert_trouble(&one, &[]);
    one.view.users.push(user(None));
    one.view.unseen = vec![Unseen::unreadable("why")];
    assert_trouble(&one, &["warn use", "warn use"]);
}

#[test]
fn reasons_of_detach_to_refuse_are_failures_or_warnings() {
    let mut one = card([Some("nvidia"), None]);
    let console = HostConsole {
        framebuffer: "fb0".to_owned(),
        device: None,
    };
    one.view.consoles = vec![(address(0), console)];
    one.view.virtual_functions = vec![(address(0), 4)];
    one.view.mediated = vec![(
        address(0),
        "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
            .parse()
            .expect("a uuid"),
    )];
    one.view.driverctl = vec![(address(0), "nvidia".to_owned())];
    assert_trouble(
        &one,
        &[
            "fail console",
            "warn virtual-functions",
            "warn mediated-device",
            "warn driverctl",
        ],
    );
}

#[test]
fn another_or_locked_card_has_its_own_exit_code() {
    let identity = |device| Identity {
        vendor: VendorId::NVIDIA,
        device,
        subsystem: None,
    };
    let mut one = card([None, None]);
    let differs = Refusal::Differs {
        name: one.name,
        recorded: identity(1),
        found: identity(2),
        gone_to: None,
    };
    let poisoned = Refusal::Poisoned(PendingWrite::of_unknown("unbind".to_owned()));
    for (refusal, exit, topic) in [
        (differs, Exit::Differs, "fail identity"),
        (poisoned, Exit::Poisoned, "fail record"),
    ] {
        one.view.known = vec![refusal];
        assert_trouble(&one, &[topic]);
        let findings = one.judge(true);
        assert_eq!(crate::readiness::exit_of(&findings), exit);
    }
}

#[test]
fn reset_record_and_boot_display_are_reported() {
    let mut one = card([Some("nvidia"), None]);
    one.is_boot_display = true;
    one.resets = None;
    one.record = RecordFacts::Phase(Phase::Detaching);
    one.unreadable = vec!["why".to_owned()];
    let trouble = ["fail sysfs", "warn console", "warn reset", "warn record"];
    assert_trouble(&one, &trouble);
    let mut other = card([Some("vfio-pci"), Some("vfio-pci")]);
    other.is_boot_display = true;
    other.record = RecordFacts::Phase(Phase::Detached);
    assert_trouble(&other, &[]);
    other.record = RecordFacts::Unreadable("why".to_owned());
    assert_trouble(&other, &["fail record"]);
}
