//! The findings of `gpupci check`: a host without a problem, then the same host with one problem at a
//! time.

use gpupt::binding::{
    Binding, CardView, HostConsole, HostUse, Neighbour, Phase, Refusal, Unseen, User,
};
use gpupt::gpu::{PciFunction, Uncounted, cards_of};
use gpupt::hook_folder::{GpupciState, HookFacts, HookFile};
use gpupt::pci::{ClassCode, DriverName, Identity, PciAddress, VendorId};
use gpupt::readiness::{
    Boot, BootFacts, CardFacts, Chipset, ClusterFacts, ConfigFile, Distribution, DriverSource,
    Finding, FunctionFacts, HostFacts, ImageSystem, Initramfs, InterruptFacts, KernelCmdline,
    ModprobeFacts, ModuleFacts, Platform, Processor, Programs, RecordFacts, RemappingUnit,
    StubFacts, SwitchFacts, judge,
};
use gpupt::rocks::Origin;

use crate::hooks::{gpupci, useless_gpupcis};
use crate::{escaped, read, table};

const ID: &str = "10de:1eb8";

fn video() -> PciAddress {
    read("0000:02:00.0")
}

fn binding(function: &str, class: &str, driver: Option<&str>) -> Binding {
    Binding {
        function: read(function),
        class: ClassCode::from_sysfs(class).expect("a class"),
        driver: driver.map(read),
        module: None,
        driver_override: None,
        is_vfio: driver == Some("vfio-pci"),
        stub: DriverName::vfio_pci(),
    }
}

fn bindings(video: Option<&str>, audio: Option<&str>) -> Vec<Binding> {
    vec![
        binding("0000:02:00.0", "0x030000", video),
        binding("0000:02:00.1", "0x040300", audio),
    ]
}

fn neighbour(card: Option<&str>) -> Neighbour {
    Neighbour {
        group: read("8"),
        binding: binding("0000:00:1f.2", "0x010601", Some("ahci")),
        card: card.map(read),
        host_uses: Vec::new(),
    }
}

fn user(guest: Option<&str>) -> User {
    User {
        pid: 812,
        command: "Xorg".to_owned(),
        guest: guest.map(str::to_owned),
        node: "/dev/nvidiactl".to_owned(),
    }
}

fn card() -> CardFacts {
    CardFacts {
        name: read("gpupci1"),
        display: video(),
        functions: vec![video(), read("0000:02:00.1")],
        view: CardView {
            bindings: bindings(Some("nvidia"), Some("snd_hda_intel")),
            ..CardView::default()
        },
        variants: Vec::new(),
        groups: vec![read("8")],
        is_boot_display: false,
        resets: Some("flr bus".to_owned()),
        power_state: Some("D0".to_owned()),
        record: RecordFacts::None,
        unreadable: Vec::new(),
    }
}

fn function(address: &str, device: u16, driver: &str) -> FunctionFacts {
    FunctionFacts {
        address: read(address),
        identity: Some(Identity {
            vendor: VendorId::NVIDIA,
            device,
            subsystem: None,
        }),
        driver: Some(read(driver)),
        is_vfio: driver == "vfio-pci",
        is_boot_display: false,
    }
}

pub fn hook_file(path: &str, is_ours: bool) -> HookFile {
    HookFile {
        path: path.to_owned(),
        is_ours,
        is_direct: true,
        is_executable: true,
        is_open_to_all: false,
        calls_virsh: false,
        unread: None,
    }
}

/// A host that GRUB started with the parameters `before`, and that has these for the next boot.
fn grub(before: &str, next: &str) -> Boot {
    let variable = format!("GRUB_CMDLINE_LINUX=\"{next}\"\n");
    let file = |path: &str, text: &str| ConfigFile {
        path: path.to_owned(),
        text: Ok(text.to_owned()),
    };
    Boot::of(BootFacts {
        programs: Programs::of(["update-grub"]),
        running: KernelCmdline::new(&format!("BOOT_IMAGE=/vmlinuz {before}")),
        files: vec![
            file("/etc/default/grub", &variable),
            file("/boot/grub/grub.cfg", ""),
        ]
        .into(),
        ..BootFacts::default()
    })
}

/// A host without a problem.
fn host() -> HostFacts {
    HostFacts {
        distribution: Distribution::of("ID=debian\nVERSION_ID=12"),
        image: None,
        boot: grub("", ""),
        initramfs: Initramfs::of(None, &Programs::of(["update-initramfs"])),
        platform: Platform {
            release: "6.1.0-18-amd64".to_owned(),
            cmdline: KernelCmdline::new("ro intel_iommu=on iommu=pt"),
            processor: Some(Processor::Intel),
            is_guest: false,
            acpi_table: Some("DMAR".to_owned()),
            has_device_tree: false,
            iommu_count: 1,
            group_count: 42,
            has_driver_override: Some(true),
            is_vtd_on_by_default: false,
            is_noiommu_enabled: false,
        },
        interrupts: InterruptFacts {
            units: vec![RemappingUnit {
                name: "dmar0".to_owned(),
                capabilities: Some(0xf0_20df),
            }],
            chipsets: Vec::new(),
            are_unsafe_allowed: false,
        },
        stubs: vec![StubFacts {
            driver: DriverName::vfio_pci(),
            is_loaded: true,
            source: DriverSource::Module,
            misspelled: None,
        }],
        modules: ModuleFacts::default(),
        module_switches: Vec::new(),
        modprobe: ModprobeFacts::default(),
        module_lists: Vec::new(),
        functions: vec![
            function("0000:02:00.0", 0x1eb8, "nvidia"),
            function("0000:02:00.1", 0x10f8, "snd_hda_intel"),
            function("0000:04:00.0", 0x1ad8, "xhci_hcd"),
        ],
        vendors: vec!["10de".to_owned()],
        uncounted: Uncounted::default(),
        switches: Vec::new(),
        cards: Ok(vec![card()]),
        only: None,
        names: None,
        hooks: Some(HookFacts {
            is_hidden: false,
            files: vec![hook_file("/etc/libvirt/hooks/qemu", true)],
            is_seen: true,
            daemon: "libvirtd",
        }),
        gpupci: gpupci(GpupciState::Usable),
        cluster: Some(ClusterFacts::Known {
            host: "vm-container-0-15".to_owned(),
            cards: vec![(read("gpupci1"), "pci_0000_02_00_0".to_owned())],
            conflicts: Vec::new(),
        }),
    }
}

/// Display functions whose vendors do not count.
fn uncounted(displays: &[(&str, &str)]) -> Uncounted {
    let displays = displays.iter().map(|(address, vendor)| PciFunction {
        address: read(address),
        vendor: read(vendor),
        class: ClassCode::from_sysfs("0x030000").expect("a class"),
        is_virtual: false,
    });
    let cards = cards_of(displays.collect(), &[]);
    Uncounted::among(&cards, &[VendorId::NVIDIA])
}

/// That host after `change`.
fn changed(change: impl FnOnce(&mut HostFacts)) -> HostFacts {
    let mut host = host();
    change(&mut host);
    host
}

fn with_card(change: impl FnOnce(&mut CardFacts)) -> HostFacts {
    let mut card = card();
    change(&mut card);
    changed(|host| host.cards = Ok(vec![card]))
}

fn with_view(change: impl FnOnce(&mut CardView)) -> HostFacts {
    with_card(|card| change(&mut card.view))
}

fn with_cmdline(line: &str) -> HostFacts {
    changed(|host| {
        host.platform.cmdline = KernelCmdline::new(line);
        host.boot = grub(line, line);
    })
}

fn with_modprobe(path: &str, text: Result<&str, &str>) -> HostFacts {
    changed(|host| host.modprobe = modprobe(path, text))
}

fn modprobe(path: &str, text: Result<&str, &str>) -> ModprobeFacts {
    ModprobeFacts {
        files: vec![ConfigFile {
            path: path.to_owned(),
            text: text.map(str::to_owned).map_err(str::to_owned),
        }],
        after_initramfs: Vec::new(),
    }
}

fn with_hooks(change: impl FnOnce(&mut HookFacts)) -> HostFacts {
    changed(|host| {
        let mut hooks = host.hooks.take().unwrap_or_default();
        change(&mut hooks);
        host.hooks = Some(hooks);
    })
}

fn with_cluster(cluster: ClusterFacts) -> HostFacts {
    changed(|host| host.cluster = Some(cluster))
}

/// A host whose IOMMU is off, with this kernel command line.
fn without_groups(line: &str, change: impl FnOnce(&mut Platform)) -> HostFacts {
    changed(|host| {
        host.platform.cmdline = KernelCmdline::new(line);
        host.boot = grub(line, line);
        host.platform.group_count = 0;
        change(&mut host.platform);
    })
}

fn kernel_and_iommu() -> Vec<HostFacts> {
    let no_table = |vendor, is_guest| {
        without_groups("ro", |platform| {
            platform.acpi_table = None;
            platform.iommu_count = 0;
            platform.processor = vendor;
            platform.is_guest = is_guest;
        })
    };
    vec![
        changed(|host| host.platform.release = String::new()),
        changed(|host| host.platform.has_driver_override = None),
        changed(|host| {
            host.platform.has_driver_override = Some(false);
            host.platform.release = "3.10.0".to_owned();
        }),
        changed(|host| host.platform.acpi_table = None),
        with_cmdline("ro"),
        changed(|host| host.platform.group_count = 1),
        no_table(Some(Processor::Intel), false),
        no_table(Some(Processor::Amd), false),
        no_table(None, false),
        no_table(Some(Processor::Intel), true),
        no_table(Some(Processor::Arm), false),
        no_table(Some(Processor::Arm), true),
        no_table(Some(Processor::Other), false),
        without_groups("ro", |platform| {
            platform.acpi_table = None;
            platform.iommu_count = 0;
            platform.has_device_tree = true;
            platform.processor = Some(Processor::Arm);
        }),
        without_groups("amd_iommu=on", |_| ()),
        without_groups("amd_iommu=on", |platform| {
            platform.acpi_table = None;
            platform.processor = Some(Processor::Arm);
        }),
        without_groups("intel_iommu=on", |platform| {
            platform.processor = Some(Processor::Amd);
        }),
        without_groups("ro", |_| ()),
        HostFacts {
            boot: grub("ro", "ro intel_iommu=on"),
            ..without_groups("ro", |_| ())
        },
        HostFacts {
            boot: grub("ro iommu=off", "ro"),
            ..without_groups("ro iommu=off", |_| ())
        },
        without_groups("iommu=off", |_| ()),
        without_groups("intel_iommu=off", |_| ()),
        without_groups("intel_iommu=on", |_| ()),
        without_groups("amd_iommu=off", |platform| {
            platform.processor = Some(Processor::Amd);
        }),
        without_groups("intel_iommu=on", |platform| {
            platform.processor = None;
            platform.acpi_table = None;
        }),
        changed(|host| host.platform.is_noiommu_enabled = true),
        with_cmdline("pcie_acs_override=downstream"),
    ]
}

fn interrupts() -> Vec<HostFacts> {
    let unit = |capabilities, are_unsafe_allowed| {
        changed(|host| {
            host.interrupts.units[0].capabilities = capabilities;
            host.interrupts.are_unsafe_allowed = are_unsafe_allowed;
        })
    };
    vec![
        unit(None, false),
        unit(Some(0xf0_20d7), false),
        unit(Some(0xf0_20d7), true),
        unit(Some(0xf0_20df), true),
        changed(|host| {
            let (device, revision) = (0x3405, 0x13);
            host.interrupts.chipsets = vec![Chipset { device, revision }];
        }),
        with_cmdline("nointremap"),
        with_cmdline("intremap=off"),
    ]
}

fn stub() -> Vec<HostFacts> {
    let source = |source| {
        changed(|host| {
            host.stubs[0].is_loaded = false;
            host.stubs[0].source = source;
        })
    };
    let blacklist = "/etc/modprobe.d/blacklist.conf";
    let blacklisted = |is_loaded, source| {
        changed(|host| {
            host.stubs[0].is_loaded = is_loaded;
            host.stubs[0].source = source;
            host.modprobe = modprobe(blacklist, Ok("blacklist vfio-pci"));
        })
    };
    let misspelled = changed(|host| {
        host.stubs[0].driver = read("mlx5_vfio_pci");
        host.stubs[0].misspelled = Some(read("mlx5-vfio-pci"));
    });
    vec![
        misspelled,
        source(DriverSource::BuiltIn),
        source(DriverSource::Module),
        source(DriverSource::Missing),
        source(DriverSource::NoModules),
        blacklisted(true, DriverSource::Module),
        blacklisted(false, DriverSource::Module),
        blacklisted(false, DriverSource::BuiltIn),
        with_cmdline("modprobe.blacklist=vfio-pci"),
        with_cmdline("module_blacklist=vfio_pci"),
        with_modprobe(
            "/etc/modprobe.d/vfio.conf",
            Ok("install vfio-pci /bin/false"),
        ),
    ]
}

fn rules_of_modprobe() -> Vec<HostFacts> {
    let vfio = "/etc/modprobe.d/vfio.conf";
    let builtin_with_ids = changed(|host| {
        host.stubs[0].source = DriverSource::BuiltIn;
        host.modprobe = modprobe(vfio, Ok("options vfio-pci ids=10de:1eb8"));
    });
    let twin = function("0000:03:00.0", 0x1eb8, "vfio-pci");
    let foreign = |id: &str| {
        changed(|host| {
            host.platform.cmdline = KernelCmdline::new(&format!("vfio-pci.ids={id}"));
            host.functions.push(twin.clone());
        })
    };
    vec![
        with_modprobe(vfio, Err("Permission denied (os error 13)")),
        with_modprobe(vfio, Ok("blacklist nouveau")),
        with_modprobe(vfio, Ok("blacklist nvidia")),
        changed(|host| {
            host.modprobe = modprobe(vfio, Ok("blacklist nvidia"));
            host.modprobe.after_initramfs = vec![vfio.to_owned()];
        }),
        with_modprobe("/usr/lib/modprobe.d/a.conf", Ok("blacklist vfio_pci")),
        on_image(ImageSystem::NixOs),
        on_image(ImageSystem::Unraid),
        with_cmdline("modprobe.blacklist=nouveau"),
        with_cmdline("module_blacklist=nouveau"),
        with_modprobe(vfio, Ok("softdep nvidia pre: vfio-pci")),
        with_modprobe(vfio, Ok("softdep nvidia-gpu pre: vfio-pci")),
        with_modprobe(vfio, Ok("blacklist nvidia-gpu")),
        with_built_in("snd_hda_intel", "softdep snd_hda_intel pre: vfio-pci"),
        with_built_in("snd_hda_intel", "blacklist snd_hda_intel"),
        with_cmdline("modprobe.blacklist=xhci_hcd"),
        changed(|host| {
            host.modules.loadable.insert("xhci_hcd".to_owned());
            host.modprobe = modprobe(vfio, Ok("softdep xhci_hcd pre: vfio-pci"));
        }),
        with_modprobe(vfio, Ok("options vfio-pci ids=10de:1eb8")),
        changed(|host| {
            host.platform.release = "6.2.0".to_owned();
            host.module_lists = modprobe("/etc/initramfs-tools/modules", Ok("vfio_virqfd")).files;
        }),
        with_built_in("vfio_pci", "options vfio-pci disable_idle_d3=1"),
        with_built_in("vfio_pci", "options vfio-pci disable_idle_d3=`x`"),
        with_switch(true, ""),
        with_switch(false, "options vfio-pci disable_idle_d3=1"),
        with_switch(true, "options vfio-pci disable_idle_d3=0"),
        changed(|host| {
            *host = with_switch(false, "");
            host.platform.cmdline = KernelCmdline::new("vfio_pci.disable_idle_d3=1");
        }),
        changed(|host| {
            *host = with_switch(true, "");
            host.modules.built_in.insert("vfio_pci".to_owned());
        }),
        builtin_with_ids,
        foreign(ID),
        foreign("10de:1ad8"),
        with_cmdline("vfio-pci.ids=10de:ffff"),
        with_cmdline("vfio-pci.ids=10de:1eb8 vfio-pci.ids=10de:1eb8,10de:10f8"),
        with_ids(&[None, None, None]),
        changed(|host| {
            host.functions[0].is_boot_display = true;
            host.platform.cmdline = KernelCmdline::new("vfio-pci.ids=10de:1eb8,10de:10f8");
        }),
        changed(|host| {
            host.functions[0].is_boot_display = true;
            host.modprobe = modprobe(vfio, Ok("blacklist nvidia"));
        }),
        with_ids(&[Some("vfio-pci"), None, None]),
        with_ids(&[Some("vfio-pci"), Some("vfio-pci"), Some("xhci_hcd")]),
        with_ids(&[Some("vfio-pci"), None, Some("xhci_hcd"), Some("nvidia-gpu")]),
    ]
}

/// A host whose system is built as an image, with a rule to remove, and a switch to keep.
fn on_image(image: ImageSystem) -> HostFacts {
    changed(|host| {
        *host = with_switch(true, "blacklist vfio_pci");
        host.image = Some(image);
        host.initramfs = Initramfs::of(Some(image), &Programs::default());
    })
}

/// A host with ids of the first two functions of the card, and the drivers of all its functions.
fn with_ids(drivers: &[Option<&str>]) -> HostFacts {
    let addresses = [
        "0000:02:00.0",
        "0000:02:00.1",
        "0000:02:00.2",
        "0000:02:00.3",
    ];
    with_card_and_functions(|card, functions| {
        let own = addresses.iter().take(drivers.len());
        card.functions = own.map(|address| read(address)).collect();
        let devices = [0x1eb8, 0x10f8, 0x1ad8, 0x1ad9];
        let all = addresses.iter().zip(devices).zip(drivers);
        let all = all.map(|((address, device), driver)| FunctionFacts {
            driver: driver.map(read),
            ..function(address, device, driver.unwrap_or("none"))
        });
        *functions = all.collect();
    })
}

fn with_card_and_functions(
    change: impl FnOnce(&mut CardFacts, &mut Vec<FunctionFacts>),
) -> HostFacts {
    let mut card = card();
    changed(|host| {
        change(&mut card, &mut host.functions);
        host.platform.cmdline = KernelCmdline::new("vfio-pci.ids=10de:1eb8,10de:10f8");
        host.cards = Ok(vec![card]);
    })
}

/// A host with this value of a module's switch, and this rule.
fn with_switch(is_on: bool, rule: &str) -> HostFacts {
    changed(|host| {
        let (module, name) = ("vfio_pci", "disable_idle_d3");
        host.module_switches = vec![SwitchFacts {
            module,
            name,
            is_on,
        }];
        host.modprobe = modprobe("/etc/modprobe.d/vfio.conf", Ok(rule));
    })
}

/// A host whose kernel has this module built in, with a rule for it.
fn with_built_in(module: &str, rule: &str) -> HostFacts {
    changed(|host| {
        host.modules.built_in.insert(module.to_owned());
        host.modprobe = modprobe("/etc/modprobe.d/vfio.conf", Ok(rule));
    })
}

/// A host whose kernel has a variant of vfio-pci for the display function.
fn with_variant(driver: Option<&str>, stub: &str) -> HostFacts {
    with_card(|card| {
        card.variants = vec![(video(), read("mlx5_vfio_pci"))];
        card.view.bindings = bindings(driver, driver);
        card.view.bindings[0].stub = read(stub);
    })
}

fn cards() -> Vec<HostFacts> {
    let driver = |video, audio| with_view(|view| view.bindings = bindings(video, audio));
    let power = |state: &str| with_card(|card| card.power_state = Some(state.to_owned()));
    let second = CardFacts {
        name: read("gpupci2"),
        display: read("0000:03:00.0"),
        ..card()
    };
    vec![
        changed(|host| host.cards = Err("cannot list /sys/bus/pci/devices".to_owned())),
        changed(|host| host.cards = Ok(Vec::new())),
        changed(|host| {
            host.cards = Ok(Vec::new());
            host.uncounted = uncounted(&[("0000:05:00.0", "amd")]);
        }),
        changed(|host| host.uncounted = uncounted(&[("0000:05:00.0", "amd")])),
        changed(|host| host.switches = vec![read("0000:06:00.0")]),
        changed(|host| {
            host.switches = vec![read("0000:06:00.0"), read("0000:07:00.0")];
            host.cards = Ok(Vec::new());
        }),
        changed(|host| {
            host.uncounted = uncounted(&[("0000:05:00.0", "amd"), ("0000:06:00.0", "1d0f")]);
        }),
        changed(|host| host.cards = Ok(vec![card(), second])),
        changed(|host| {
            host.names = Some("cannot read /var/lib/gpupt/cards.json".to_owned());
        }),
        with_card(|card| {
            let path = "/sys/bus/pci/devices/0000:02:00.0/power_state";
            card.unreadable = vec![format!("cannot read {path}")];
        }),
        driver(Some("vfio-pci"), Some("snd_hda_intel")),
        driver(Some("vfio-pci"), Some("vfio-pci")),
        driver(None, None),
        with_variant(Some("nvidia"), "mlx5_vfio_pci"),
        with_variant(Some("vfio-pci"), "mlx5_vfio_pci"),
        with_variant(Some("nvidia"), "vfio-pci"),
        with_card(|card| card.groups.push(read("9"))),
        with_card(|card| card.is_boot_display = true),
        with_card(|card| card.resets = None),
        power("D3cold"),
        power("error"),
        with_card(|card| card.record = RecordFacts::Phase(Phase::Detaching)),
        with_card(|card| {
            let why = "cannot parse /run/gpupt/cards/0000:02:00.json";
            card.record = RecordFacts::Unreadable(why.to_owned());
        }),
    ]
}

/// A card that `gpupci detach` refuses.
fn refused_cards() -> Vec<HostFacts> {
    let uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    let lasting = crate::cards::refusals()
        .into_iter()
        .filter(|refusal| matches!(refusal, Refusal::Poisoned(_) | Refusal::Differs { .. }));
    let mut hosts: Vec<HostFacts> = lasting
        .map(|refusal| with_view(|view| view.known = vec![refusal]))
        .collect();
    hosts.extend([
        with_view(|view| view.ungrouped = vec![video()]),
        with_view(|view| view.neighbours = vec![neighbour(None)]),
        with_view(|view| view.neighbours = vec![neighbour(Some("gpupci2"))]),
        with_view(|view| view.users = vec![user(None)]),
        with_view(|view| view.users = vec![user(Some("rocks-34"))]),
        with_view(|view| {
            view.unseen = vec![Unseen::unreadable("Xorg (pid 812): Permission denied")];
        }),
        with_view(|view| {
            let framebuffer = "fb0".to_owned();
            let device = Some("vtcon1".to_owned());
            let console = HostConsole {
                framebuffer,
                device,
            };
            view.consoles = vec![(video(), console)];
        }),
        with_view(|view| {
            let device = "sda1".to_owned();
            let at = "/home".to_owned();
            view.host_uses = vec![(video(), HostUse::FileSystem { device, at })];
        }),
        with_view(|view| view.virtual_functions = vec![(video(), 2)]),
        with_view(|view| view.mediated = vec![(video(), uuid.parse().expect("a uuid"))]),
        with_view(|view| view.driverctl = vec![(video(), "nouveau".to_owned())]),
    ]);
    hosts
}

fn hooks() -> Vec<HostFacts> {
    let ours = |change: fn(&mut HookFile)| with_hooks(|hooks| change(&mut hooks.files[0]));
    let other = |change: fn(&mut HookFile)| {
        with_hooks(|hooks| {
            let mut file = hook_file("/etc/libvirt/hooks/qemu.d/10-site", false);
            change(&mut file);
            hooks.files.push(file);
        })
    };
    let programs = useless_gpupcis().into_iter();
    let programs = programs.map(|program| changed(|host| host.gpupci = program));
    let mut hosts = vec![
        changed(|host| host.hooks = None),
        changed(|host| {
            host.hooks = None;
            host.distribution = Distribution::of("ID=debian").or_proxmox(true);
        }),
        with_hooks(|hooks| hooks.files.clear()),
        with_hooks(|hooks| hooks.is_hidden = true),
        ours(|file| file.is_executable = false),
        other(|file| file.is_ours = true),
        with_hooks(|hooks| hooks.is_seen = false),
        other(|file| file.is_open_to_all = true),
        other(|file| file.unread = Some("Permission denied (os error 13)".to_owned())),
        other(|file| file.calls_virsh = true),
    ];
    hosts.extend(programs);
    hosts
}

fn attributes() -> Vec<HostFacts> {
    let known = |card: &[&str], conflicts: Vec<String>| {
        let cards = card
            .iter()
            .map(|name| (read(name), "pci_0000_05_00_0".to_owned()));
        with_cluster(ClusterFacts::Known {
            host: "vm-container-0-15".to_owned(),
            cards: cards.collect(),
            conflicts,
        })
    };
    let unknown = |name: Option<&str>, origin| {
        with_cluster(ClusterFacts::UnknownHost {
            name: name.map(str::to_owned),
            origin,
        })
    };
    vec![
        with_cluster(ClusterFacts::Unreachable {
            why: "cannot connect to mysql://root@frontend:40000/cluster".to_owned(),
            remedy: "check that the server runs".to_owned(),
        }),
        unknown(None, Origin::Embedded),
        unknown(Some("vm-container-0-15"), Origin::Embedded),
        unknown(Some("vm-container-0-15"), Origin::Rocks),
        known(&[], Vec::new()),
        known(&["gpupci1"], Vec::new()),
        known(&["gpupci2"], Vec::new()),
        known(&[], vec![crate::cluster::conflict()]),
    ]
}

/// The message as `gpupci check` shows it: after the name of the card.
fn row(finding: &Finding) -> [String; 4] {
    let card = finding.card.map(|card| format!("{card}: "));
    [
        format!("`{}`", finding.topic),
        finding.verdict.word().to_owned(),
        escaped(&format!("{}{}", card.unwrap_or_default(), finding.text)),
        escaped(finding.remedy.as_deref().unwrap_or_default()),
    ]
}

/// Each finding once, in the order of their topics.
fn findings() -> Vec<Finding> {
    let mut hosts = vec![host()];
    hosts.extend(kernel_and_iommu());
    hosts.extend(interrupts());
    hosts.extend(stub());
    hosts.extend(rules_of_modprobe());
    hosts.extend(cards());
    hosts.extend(refused_cards());
    hosts.extend(hooks());
    hosts.extend(attributes());
    let words = |finding: &Finding| (finding.text.clone(), finding.remedy.clone());
    let mut findings: Vec<Finding> = Vec::new();
    for finding in hosts.iter().flat_map(judge) {
        if findings.iter().all(|one| words(one) != words(&finding)) {
            findings.push(finding);
        }
    }
    findings.sort_by_key(|finding| (finding.topic, finding.verdict));
    findings
}

/// The commands that install packages, for each distribution.
fn distributions() -> Vec<[String; 2]> {
    const DEBIAN: &str = "ID=debian\nVERSION_ID=12";
    let releases = [
        ("RHEL 7", "ID=centos\nVERSION_ID=7"),
        ("RHEL 9, Fedora", "ID=rhel\nVERSION_ID=9"),
        ("Debian", DEBIAN),
        ("Ubuntu", "ID=ubuntu\nVERSION_ID=24.04"),
        ("SUSE", "ID=sles\nID_LIKE=suse\nVERSION_ID=15"),
        ("Arch", "ID=arch"),
        ("any other", "ID=other"),
    ];
    let commands = |(name, release): (&str, &str), processor| {
        let distribution = Distribution::of(release);
        let commands = [
            distribution.modules("6.1.0"),
            distribution.libvirt(Some(processor)).to_owned(),
        ];
        [name.to_owned(), escaped(&commands.join("\n"))]
    };
    let images = ImageSystem::ALL.map(|(image, marks)| {
        let commands = [image.modules(), image.libvirt()];
        [escaped(marks), escaped(&commands.join("\n"))]
    });
    let releases = releases.into_iter();
    let mut rows: Vec<[String; 2]> = releases
        .map(|release| commands(release, Processor::Intel))
        .collect();
    rows.push(commands(("Debian on Arm", DEBIAN), Processor::Arm));
    rows.push(commands(("Debian elsewhere", DEBIAN), Processor::Other));
    rows.extend(images);
    rows
}

pub fn sections() -> String {
    let findings = findings();
    let rows: Vec<[String; 4]> = findings.iter().map(row).collect();
    table(
        "Findings of `gpupci check`",
        ["topic", "result", "message", "what to do"],
        &rows,
    ) + &table(
        "Commands of distributions",
        ["distribution", "kernel modules, libvirt"],
        &distributions(),
    )
}
