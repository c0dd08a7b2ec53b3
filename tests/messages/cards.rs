//! Refusals to detach or attach a card, and failures of that.

use std::time::Duration;

use gpupt::binding::{
    HostConsole, HostUse, PendingWrite, Refusal, Step, Unseen, User, VirtualFunction,
};
use gpupt::diagnosis::NoSuchDevice;
use gpupt::error::Error;
use gpupt::failure::Code;
use gpupt::gpu::{GpuCard, PciFunction};
use gpupt::handover::{CardError, Fault, FunctionError, NoSuchCard, Recovered};
use gpupt::hook::{CardPart, FunctionsGone, HookRefusal, InputError};
use gpupt::host::{LockError, StateFileError, SysfsError};
use gpupt::pci::{ClassCode, DriverName, Identity, PciAddress, VendorId};
use gpupt::settings::SettingsError;
use pretty_assertions::assert_eq;

use crate::{read, refused, section, sentences};

fn video() -> PciAddress {
    read("0000:02:00.0")
}

fn nvidia() -> DriverName {
    read("nvidia")
}

fn bind() -> Step {
    Step::Bind {
        function: video(),
        driver: nvidia(),
    }
}

fn drivers_now() -> String {
    "0000:02:00.0 is bound to nvidia, 0000:02:00.1 is bound to vfio-pci".to_owned()
}

fn card() -> GpuCard {
    let display = PciFunction {
        address: video(),
        vendor: VendorId::NVIDIA,
        class: ClassCode::from_sysfs("0x030000").expect("a class"),
        is_virtual: false,
    };
    GpuCard {
        name: read("gpupci1"),
        display: display.clone(),
        functions: vec![display],
    }
}

fn host_uses() -> Vec<HostUse> {
    let host_uses = vec![
        HostUse::FileSystem {
            device: "sda1".to_owned(),
            at: "/home".to_owned(),
        },
        HostUse::Swap {
            device: "sda2".to_owned(),
        },
        HostUse::Pool {
            device: "sda3".to_owned(),
            pool: "tank".to_owned(),
        },
        HostUse::Holder {
            device: "sda4".to_owned(),
            holder: "md0".to_owned(),
        },
        HostUse::DefaultRoute {
            interface: "eth0".to_owned(),
        },
    ];
    assert_complete!(
        &host_uses,
        HostUse::FileSystem { .. },
        HostUse::Swap { .. },
        HostUse::Pool { .. },
        HostUse::Holder { .. },
        HostUse::DefaultRoute { .. },
    );
    host_uses
}

fn console(framebuffer: &str, device: Option<&str>) -> Refusal {
    Refusal::Console {
        function: video(),
        console: HostConsole {
            framebuffer: framebuffer.to_owned(),
            device: device.map(str::to_owned),
        },
    }
}

pub fn refusals() -> Vec<Refusal> {
    let user = |guest: Option<&str>| User {
        pid: 812,
        command: "Xorg".to_owned(),
        guest: guest.map(str::to_owned),
        node: "/dev/nvidiactl".to_owned(),
    };
    let shared = |card: Option<&str>, host_uses| Refusal::GroupShared {
        group: read("8"),
        member: read("0000:00:1f.2"),
        driver: read("ahci"),
        card: card.map(read),
        host_uses,
    };
    let differs = |gone_to| Refusal::Differs {
        name: read("gpupci1"),
        recorded: Identity {
            vendor: VendorId::NVIDIA,
            device: 0x06de,
            subsystem: Some((0x10de, 0x082f)),
        },
        found: Identity {
            vendor: VendorId::NVIDIA,
            device: 0x1eb8,
            subsystem: None,
        },
        gone_to,
    };
    let mut refusals = vec![
        Refusal::NoGroup(video()),
        shared(None, Vec::new()),
        shared(None, host_uses()),
        shared(Some("gpupci2"), Vec::new()),
        Refusal::ReservedRegions {
            group: read("8"),
            regions: vec!["0xe8000-0xe8fff".to_owned(), "0xf4000-0xf4fff".to_owned()],
        },
        Refusal::NoStub {
            driver: DriverName::vfio_pci(),
            why: "the path does not exist (os error 2)".to_owned(),
        },
        Refusal::NoOverride(video()),
        Refusal::Used(user(None)),
        Refusal::Used(user(Some("rocks-34"))),
        Refusal::Unseen(Unseen::unreadable(
            "Xorg (pid 812): Permission denied (os error 13)",
        )),
        Refusal::Unseen(Unseen::Unreadable {
            why: "Xorg (pid 812): Permission denied (os error 13)".to_owned(),
            others: 3,
        }),
        Refusal::Unseen(Unseen::Hangs {
            pid: 812,
            command: "Xorg".to_owned(),
        }),
        Refusal::Unseen(Unseen::Late(Duration::from_secs(30))),
        Refusal::Unseen(Unseen::TooManyFiles {
            uid: 1000,
            processes: 16,
            descriptors: 131_072,
        }),
        console("fb0", Some("vtcon1")),
        console("VGA text", None),
        Refusal::FirmwareFramebuffer {
            function: video(),
            framebuffer: "fb0".to_owned(),
        },
        Refusal::VirtualFunctions {
            function: video(),
            count: 2,
        },
        Refusal::MediatedDevice {
            function: video(),
            uuid: "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
                .parse()
                .expect("a uuid"),
        },
        Refusal::HeldBack {
            group: read("8"),
            card: read("gpupci2"),
        },
        Refusal::GroupHeld {
            group: read("8"),
            member: read("0000:03:00.0"),
            card: Some(read("gpupci2")),
            guest: "rocks-34".to_owned(),
        },
        Refusal::Held {
            guest: "rocks-34".to_owned(),
        },
        Refusal::Poisoned(pending_write()),
        Refusal::Poisoned(PendingWrite::of_unknown(bind().to_string())),
        differs(None),
        differs(Some(read("0000:03:00.0"))),
        Refusal::Driverctl {
            function: video(),
            driver: "nouveau".to_owned(),
        },
        Refusal::More {
            code: Code::Busy,
            count: 2994,
        },
    ];
    refusals.extend(host_uses().into_iter().map(|host_use| Refusal::UsedByHost {
        function: video(),
        host_use,
    }));
    assert_complete!(
        &refusals,
        Refusal::NoGroup(_),
        Refusal::GroupShared { .. },
        Refusal::ReservedRegions { .. },
        Refusal::NoStub { .. },
        Refusal::NoOverride(_),
        Refusal::Used(_),
        Refusal::Unseen(_),
        Refusal::Console { .. },
        Refusal::FirmwareFramebuffer { .. },
        Refusal::UsedByHost { .. },
        Refusal::VirtualFunctions { .. },
        Refusal::MediatedDevice { .. },
        Refusal::Held { .. },
        Refusal::HeldBack { .. },
        Refusal::GroupHeld { .. },
        Refusal::Poisoned(_),
        Refusal::Differs { .. },
        Refusal::Driverctl { .. },
        Refusal::More { .. },
    );
    refusals
}

fn pending_write() -> PendingWrite {
    PendingWrite {
        write: bind().to_string(),
        pid: Some(4711),
        age: Some(40),
    }
}

fn function_errors() -> Vec<FunctionError> {
    let errors = vec![
        FunctionError::Step {
            step: bind(),
            source: refused(),
        },
        FunctionError::NotLoaded {
            function: video(),
            driver: nvidia(),
            why: "FATAL: Module nvidia not found in directory /lib/modules/6.12.0".to_owned(),
        },
        FunctionError::NotBound {
            function: video(),
            stub: DriverName::vfio_pci(),
        },
        FunctionError::NotVfio {
            function: video(),
            driver: nvidia(),
        },
        FunctionError::NotBoundAgain {
            function: video(),
            driver: nvidia(),
        },
        FunctionError::StillBound(video()),
        FunctionError::Override(video()),
        FunctionError::BoundToStubAgain {
            function: video(),
            driver: Some(DriverName::vfio_pci()),
        },
        FunctionError::BoundToStubAgain {
            function: video(),
            driver: None,
        },
        FunctionError::Late(Refusal::Held {
            guest: "rocks-34".to_owned(),
        }),
        FunctionError::Unseen {
            function: video(),
            why: Box::new(Fault::Sysfs(crate::files::sysfs_error())),
        },
    ];
    assert_complete!(
        &errors,
        FunctionError::Step { .. },
        FunctionError::NotLoaded { .. },
        FunctionError::NotBound { .. },
        FunctionError::NotVfio { .. },
        FunctionError::NotBoundAgain { .. },
        FunctionError::StillBound(_),
        FunctionError::Override(_),
        FunctionError::BoundToStubAgain { .. },
        FunctionError::Late(_),
        FunctionError::Unseen { .. },
    );
    errors
}

fn faults() -> Vec<Fault> {
    let cause = || FunctionError::NotBound {
        function: video(),
        stub: DriverName::vfio_pci(),
    };
    let left = || FunctionError::NotBoundAgain {
        function: video(),
        driver: nvidia(),
    };
    let not_given_back = |is_unchanged| Fault::NotRestored {
        causes: vec![left()],
        is_unchanged,
        drivers_now: drivers_now(),
    };
    let faults = vec![
        Fault::Refused(vec![Refusal::NoGroup(video())]),
        Fault::Sysfs(crate::files::sysfs_error()),
        Fault::StateFile(StateFileError::Write {
            path: "/run/gpupt/cards/0000:02:00.json".into(),
            source: refused(),
        }),
        Fault::Lock(LockError::Held {
            pid: Some(4711),
            seconds: 30.0,
        }),
        Fault::Undone {
            cause: Box::new(cause()),
            drivers_now: drivers_now(),
        },
        Fault::Undone {
            cause: Box::new(FunctionError::NotVfio {
                function: video(),
                driver: nvidia(),
            }),
            drivers_now: drivers_now(),
        },
        Fault::NotUndone {
            cause: Box::new(cause()),
            left: vec![left()],
            drivers_now: drivers_now(),
        },
        not_given_back(true),
        not_given_back(false),
        Fault::Stuck {
            write: bind().to_string(),
            seconds: 30.0,
            drivers_now: drivers_now(),
        },
    ];
    assert_complete!(
        &faults,
        Fault::Refused(_),
        Fault::Sysfs(_),
        Fault::StateFile(_),
        Fault::Lock(_),
        Fault::Undone { .. },
        Fault::NotUndone { .. },
        Fault::NotRestored { .. },
        Fault::Stuck { .. },
    );
    faults
}

fn hook_refusals() -> Vec<HookRefusal> {
    let no_group = Fault::Refused(vec![Refusal::NoGroup(video())]);
    let split = |part| HookRefusal::ClaimedInParts {
        name: read("gpupci1"),
        slot: video().slot(),
        part,
    };
    let parts = [
        CardPart::MediatedDevice(
            "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
                .parse()
                .expect("a uuid"),
        ),
        CardPart::RenderNode("/dev/dri/renderD128".to_owned()),
    ];
    assert_complete!(&parts, CardPart::MediatedDevice(_), CardPart::RenderNode(_));
    let mut refusals = vec![
        HookRefusal::Host(Error::Sysfs(SysfsError::List {
            path: "/sys/bus/pci/devices".into(),
            source: refused(),
        })),
        HookRefusal::Host(Error::Settings(SettingsError::Read {
            path: "/etc/gpupt.toml".into(),
            source: refused(),
        })),
        HookRefusal::Card(CardError::new("prepare", &card(), no_group)),
        HookRefusal::AssignedElsewhere(
            "gpupci1 (0000:02:00): the cluster gives it to rocks-34".to_owned(),
        ),
        HookRefusal::CardChanged {
            name: read("gpupci1"),
            slot: video().slot(),
        },
    ];
    refusals.extend(parts.into_iter().map(split));
    let claimed = |vgpu_type| VirtualFunction {
        address: read("0001:c8:00.4"),
        driver: Some(read("nvidia")),
        vgpu_type,
    };
    let claimed = [Some(1145), None].map(claimed);
    refusals.extend(claimed.map(HookRefusal::ManagedVirtualFunction));
    refusals.push(HookRefusal::SwitchOnHost(read("0000:06:00.0")));
    refusals.push(HookRefusal::SwitchInUse {
        address: read("0000:06:00.0"),
        refusals: vec![Refusal::Used(User {
            pid: 901,
            command: "nv-fabricmanage".to_owned(),
            guest: None,
            node: "/dev/nvidia-nvswitch0".to_owned(),
        })],
    });
    let inputs = [
        InputError::Late(60),
        InputError::Unread(refused()),
        InputError::TooLong,
        InputError::NotADomain,
        InputError::NoUuid,
    ];
    assert_complete!(
        &inputs,
        InputError::Late(_),
        InputError::Unread(_),
        InputError::TooLong,
        InputError::NotADomain,
        InputError::NoUuid,
    );
    refusals.extend(inputs.into_iter().map(HookRefusal::Input));
    assert_complete!(
        &refusals,
        HookRefusal::Host(_),
        HookRefusal::Input(_),
        HookRefusal::Card(_),
        HookRefusal::AssignedElsewhere(_),
        HookRefusal::CardChanged { .. },
        HookRefusal::ClaimedInParts { .. },
        HookRefusal::ManagedVirtualFunction(_),
        HookRefusal::SwitchInUse { .. },
        HookRefusal::SwitchOnHost(_),
    );
    refusals
}

fn functions_gone() -> Vec<FunctionsGone> {
    vec![FunctionsGone {
        card: "gpupci1".to_owned(),
        slot: video().slot(),
        guest: "rocks-33".to_owned(),
        functions: vec![video()],
    }]
}

fn recovered() -> Vec<Recovered> {
    let recovered = vec![
        Recovered::Finished,
        Recovered::Restored,
        Recovered::Sound,
        Recovered::Starting,
        Recovered::ReboundByOthers,
        Recovered::Gone,
    ];
    assert_complete!(
        &recovered,
        Recovered::Finished,
        Recovered::Restored,
        Recovered::Sound,
        Recovered::Starting,
        Recovered::ReboundByOthers,
        Recovered::Gone,
    );
    recovered
}

pub fn sections() -> String {
    let faults = faults().into_iter();
    let errors: Vec<CardError> = faults
        .map(|fault| CardError::new("detach", &card(), fault))
        .collect();
    section("Refusals", &refusals())
        + &section("A card was not detached or attached", &errors)
        + &sentences("A function was not rebound", &function_errors())
        + &section("The hook refuses a start", &hook_refusals())
        + &section("The hook restores a part of a card", &functions_gone())
        + &section(
            "A guest claims a device that is not there (`gpupci why`)",
            &[NoSuchDevice(video())],
        )
        + &section(
            "An argument names no card",
            &[NoSuchCard("gpupci9".to_owned())],
        )
        + &sentences(
            "Results of `gpupci recover`, after the slot of a card",
            &recovered(),
        )
}
