//! Random domains, in every layout, quoting and spelling that XML allows.
//!
//! A domain is generated with `\n`, `\t` and `'`; the final line ends, blanks and quotes are chosen
//! last.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use gpupt::pci::{PciAddress, PciSlot};

/// A slot out of so few that two choices are often equal. 8, 10 and 0x10 are there because a wrong
/// number base mixes them up.
pub fn slot() -> impl Strategy<Value = PciSlot> {
    let slots = [
        (0, 2, 0),
        (0, 8, 0x1f),
        (0, 10, 9),
        (0, 0x10, 0),
        (0, 0, 2),
        (1, 0xff, 0),
        (0x10000, 2, 0),
        (u32::MAX, 0x83, 0x1f),
    ];
    let slots = slots.map(|(domain, bus, slot)| PciAddress::new(domain, bus, slot, 0));
    select(
        slots
            .map(|address| address.expect("numbers of PCI").slot())
            .to_vec(),
    )
}

/// A function of one of these slots.
pub fn address() -> impl Strategy<Value = PciAddress> {
    let function = select(vec![0, 0, 0, 1, 7]);
    (slot(), function).prop_filter_map("a function", |(slot, number)| slot.function(number))
}

/// Functions, without duplicates.
pub fn addresses(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<PciAddress>> {
    vec(address(), count).prop_map(|mut addresses| {
        let mut seen = std::collections::BTreeSet::new();
        addresses.retain(|address| seen.insert(*address));
        addresses
    })
}

/// A document to splice.
pub fn domain() -> impl Strategy<Value = String> {
    let hostdevs =
        addresses(0..5).prop_flat_map(|all| all.into_iter().map(hostdev).collect::<Vec<_>>());
    let document = hostdevs.prop_flat_map(|hostdevs| {
        let bare = (prolog(), devices(hostdevs.clone()), epilog())
            .prop_map(|(before, devices, after)| format!("{before}{devices}{after}"));
        prop_oneof![1 => bare, 4 => whole(hostdevs)]
    });
    let indent = select(vec!["\t", "  ", "    ", " "]);
    (
        document,
        any::<bool>(),
        select(vec!["\n", "\n", "\r\n"]),
        indent,
        any::<bool>(),
    )
        .prop_map(|(document, double, eol, indent, mark)| {
            let document = if double {
                document.replace('\'', "\"")
            } else {
                document
            };
            let document = document.replace('\t', indent).replace('\n', eol);
            if mark {
                format!("\u{feff}{document}")
            } else {
                document
            }
        })
}

/// A whole `<domain>`, in which `hostdevs` stand in one `<devices>` or several.
fn whole(hostdevs: Vec<String>) -> impl Strategy<Value = String> {
    let split = 0..=hostdevs.len();
    let lists = (split, 0..4_usize).prop_flat_map(move |(split, count)| {
        let (first, rest) = hostdevs.split_at(split);
        let lists: Vec<BoxedStrategy<String>> = match count {
            0 => Vec::new(),
            1 => vec![devices(hostdevs.clone()).boxed()],
            2 => vec![
                devices(first.to_vec()).boxed(),
                devices(rest.to_vec()).boxed(),
            ],
            _ => vec![
                devices(first.to_vec()).boxed(),
                devices(rest.to_vec()).boxed(),
                devices(Vec::new()).boxed(),
            ],
        };
        lists
    });
    let others = vec((gap(), select(DOMAIN_CHILDREN)), 0..6);
    let start = select(vec![
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>",
        "<domain\n\ttype='kvm' id = '1' xmlns='' xmlns:qemu='u' note='a>b &#x27;'\n>",
    ]);
    let empty = select(vec!["<domain/>", "<domain type='kvm' />"]).prop_map(str::to_owned);
    let filled = (
        start,
        lists,
        others,
        any::<prop::sample::Index>(),
        vec(gap(), 4),
    )
        .prop_map(|(start, lists, others, place, gaps)| {
            let mut children: Vec<String> = others
                .into_iter()
                .map(|(gap, child)| format!("{gap}{child}"))
                .collect();
            let at = place.index(children.len() + 1);
            let lists = lists
                .into_iter()
                .zip(&gaps)
                .map(|(list, gap)| format!("{gap}{list}"));
            children.splice(at..at, lists);
            format!("{start}{}{}</domain>", children.concat(), gaps[3])
        });
    (prolog(), prop_oneof![1 => empty, 12 => filled], epilog())
        .prop_map(|(before, domain, after)| format!("{before}{domain}{after}"))
}

/// A `<devices>` with `hostdevs` among its children; without any, perhaps the empty element.
fn devices(hostdevs: Vec<String>) -> impl Strategy<Value = String> {
    let start = select(vec![
        "<devices>",
        "<devices>",
        "<devices >",
        "<devices\n\tx='>'>",
    ]);
    let end = select(vec!["</devices>", "</devices>", "</devices \n>"]);
    let empty = select(vec!["<devices/>", "<devices />", "<devices x='/>'\n/>"]);
    let can_be_empty = hostdevs.is_empty();
    let others = vec((gap(), select(DEVICES)), 0..5);
    let gaps = vec(gap(), hostdevs.len() + 1);
    let filled = (start, others, gaps, any::<prop::sample::Index>(), end).prop_map(
        move |(start, others, gaps, place, end)| {
            let mut children: Vec<String> = others
                .into_iter()
                .map(|(gap, child)| format!("{gap}{child}"))
                .collect();
            let at = place.index(children.len() + 1);
            let new = hostdevs
                .iter()
                .zip(&gaps)
                .map(|(hostdev, gap)| format!("{gap}{hostdev}"));
            children.splice(at..at, new);
            format!("{start}{}{}{end}", children.concat(), gaps[hostdevs.len()])
        },
    );
    (filled, empty, 0..3).prop_map(move |(filled, empty, chance)| {
        if can_be_empty && chance == 0 {
            empty.to_owned()
        } else {
            filled
        }
    })
}

/// A PCI hostdev for `address`.
fn hostdev(address: PciAddress) -> impl Strategy<Value = String> {
    let attributes = [
        ("domain", address.domain()),
        ("bus", address.bus().into()),
        ("slot", address.slot_number().into()),
        ("function", address.function().into()),
    ]
    .map(|(name, number)| {
        spelling(number).prop_map(move |value| match value {
            Some(value) => format!(" {name}='{value}'"),
            None => String::new(),
        })
    })
    .into_iter()
    .collect::<Vec<_>>();
    let start = select(vec![
        "<hostdev mode='subsystem' type='pci' managed='yes'>",
        "<hostdev type='pci'>",
        "<hostdev\n\tmanaged='no' type='&#112;ci'\n\tmode='subsystem'>",
    ]);
    let before = select(vec![
        "",
        "\n\t\t<!-- <source><address bus='0x02'/></source> -->",
        "<address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>",
        "\n\t\t<driver name='vfio'/>",
    ]);
    let end = select(vec!["/>", " />", "></address>"]);
    let second = select(vec!["", "", "<address bus='0x0a'/>"]);
    (start, before, attributes, end, second, vec(gap(), 4)).prop_map(
        |(start, before, attributes, end, second, gaps)| {
            let attributes = attributes.concat();
            let [a, b, c, d] = &gaps[..] else { unreachable!() };
            format!(
                "{start}{before}{a}<source>{b}<address{attributes}{end}{second}{c}</source>{d}</hostdev>"
            )
        },
    )
}

/// The spellings of a number that libvirt reads; a missing attribute is 0.
fn spelling(number: u32) -> impl Strategy<Value = Option<String>> {
    let mut ways = vec![
        Some(format!("0x{number:02x}")),
        Some(format!("0x{number:04x}")),
        Some(format!("0X{number:X}")),
        Some(format!("{number}")),
        Some(format!("0{number:o}")),
        Some(format!("&#48;&#x78;{number:x}")),
    ];
    if number == 0 {
        ways.push(None);
    }
    select(ways)
}

/// The text between two elements.
fn gap() -> impl Strategy<Value = &'static str> {
    select(vec![
        "", "", " ", "\n", "\n\t", "\n\t", "\n\t\t", "\n\t\t", "\n\n\t\t", " \n \t ",
    ])
}

fn prolog() -> impl Strategy<Value = String> {
    let declaration = select(vec![
        "",
        "<?xml version='1.0'?>\n",
        "<?xml version='1.0' encoding='utf-8' standalone='no' ?>",
    ]);
    let rest = select(vec![
        "",
        "",
        "\n",
        "<!-- <devices> -->\n",
        "<?editor x='<devices/>'?>\n\t",
    ]);
    (declaration, rest).prop_map(|(declaration, rest)| format!("{declaration}{rest}"))
}

fn epilog() -> impl Strategy<Value = &'static str> {
    select(vec!["", "\n", "\n\n", "\n<!-- <devices/> -->\n", "<?end?>"])
}

const DOMAIN_CHILDREN: &[&str] = &[
    "<name>rocks-33</name>",
    "<memory unit='KiB'>8388608</memory>",
    "<title>Gäste für Ωmega &amp; 机</title>",
    "<!-- <devices>\n\t</devices> -->",
    "<?note </devices>?>",
    "<metadata>\n\t\t<x:y xmlns:x='u'><devices>\n\t\t\t<x:z/></devices></x:y>\n\t</metadata>",
    "<metadata><![CDATA[</devices></domain>]]]]><![CDATA[>]]></metadata>",
    "<devices xmlns='u'><hostdev type='pci'/></devices>",
    "<features>\n\t\t<acpi/>\n\t</features>",
    "<qemu:commandline>\n\t\t<qemu:arg value='-enable-kvm'/>\n\t</qemu:commandline>",
    "<qemu:commandline>\n\t\t<qemu:arg value='-device'/>\n\t\t\
     <qemu:arg value='vfio-pci,id=a,host=08:1f.0'/>\n\t</qemu:commandline>",
    "<qemu:override>\n\t\t<qemu:device alias='ua-a'><qemu:frontend>\n\t\t\
     <qemu:property name='host' type='string' value='0000:0a:09.0'/>\
     </qemu:frontend></qemu:device>\n\t</qemu:override>",
    "text",
];

const DEVICES: &[&str] = &[
    "<emulator>/usr/libexec/qemu-kvm</emulator>",
    "<interface type='bridge'>\n\t\t\t<source bridge='eth0'/>\n\t\t</interface>",
    "<interface type='hostdev'><source><address type='pci' bus='0x02'/></source></interface>",
    "<disk type='nvme'><source type='pci' namespace='1'><address bus='0x10'/></source></disk>",
    "<disk type='file' device='cdrom'>\n<readonly/>\n</disk>",
    "<!-- <hostdev type='pci'> -->",
    "<!-- two\nlines -->",
    "<![CDATA[</devices>]]>",
    "<?x </devices>?>",
    "&#10;",
    "ü",
    "<console tty='/dev/pts/0'/>",
    "<devices><hostdev type='pci'/></devices>",
    "<hostdev/>",
    "<hostdev type='pci'/>",
    "<hostdev type='pci'><source/></hostdev>",
    "<hostdev type='pci'><source><address bus='1f'/></source></hostdev>",
    "<hostdev mode='subsystem' type='usb'><source><address bus='2' device='0'/></source></hostdev>",
    "<hostdev mode='capabilities' type='pci'><source><address bus='2'/></source></hostdev>",
    "<hostdev type='pci'><address type='pci' bus='0x02' slot='0x00' function='0x0'/></hostdev>",
];
