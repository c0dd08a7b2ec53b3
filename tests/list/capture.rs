//! `fixtures/hosts/capture.sh`: it prints a host as a tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::host_trees::trees;
use crate::support::{RunOutput, TestHost, fixture, run};
use crate::{DEVICES, DISPLAY, NVIDIA, large};

fn capture(root: Option<&Path>) -> RunOutput {
    let mut command = Command::new("sh");
    command.arg(fixture("hosts/capture.sh")).args(root);
    run(&mut command, b"")
}

/// A test host from the captured tree.
fn unpack_captured(tree: &str) -> TestHost {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), tree).expect("the tree is written");
    TestHost::unpacked(file.path().to_str().expect("a plain path"))
}

/// The lines of a tree that a capture must contain, sorted.
fn sorted_lines(tree: &str) -> Vec<&str> {
    let functions = |line: &&str| line.starts_with("sys/devices/pci");
    let mut told: Vec<&str> = tree.lines().filter(functions).collect();
    told.retain(|line| {
        let path = line.split(' ').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_link = ["driver", "iommu_group", "physfn"].contains(&name);
        let is_attribute = [
            "vendor",
            "device",
            "subsystem_vendor",
            "subsystem_device",
            "class",
            "revision",
            "numa_node",
            "driver_override",
            "boot_vga",
            "power_state",
            "reset_method",
            "dev",
        ]
        .contains(&name);
        is_link || is_attribute || name.starts_with("virtfn")
    });
    told.sort_unstable();
    told
}

#[test]
fn capture_of_a_tree_is_the_same_tree() {
    for tree in trees() {
        let host = TestHost::unpacked(&tree);
        let captured = capture(Some(host.root.path())).answer();
        let text = fs::read_to_string(fixture("hosts").join(&tree)).expect("the tree");
        assert_eq!(sorted_lines(&captured), sorted_lines(&text), "{tree}");
        let copy = unpack_captured(&captured);
        for words in [
            &["list", "--json"][..],
            &["list", "--json", "--vendor", "1002", "--vendor", "1234"],
        ] {
            let (left, right) = (host.gpupci(words), copy.gpupci(words));
            assert_eq!(left.answer(), right.answer(), "{tree}");
        }
        // Groups and drivers are linked from both sides. A capture of the copy prints the same.
        assert_eq!(capture(Some(copy.root.path())).answer(), captured, "{tree}");
        for link in text.lines().filter(|line| {
            line.starts_with("sys/kernel/iommu_groups/")
                || line.starts_with("sys/bus/pci/devices/")
                || (line.starts_with("sys/bus/pci/drivers/") && line.contains(':'))
        }) {
            assert!(captured.lines().any(|line| line == link), "{tree}: {link}");
        }
    }
}

#[test]
fn capture_of_a_large_host_is_complete() {
    let host = large("64");
    let copy = unpack_captured(&capture(Some(host.root.path())).answer());
    assert_eq!(copy.cards(), host.cards());
    let functions = fs::read_dir(copy.path(DEVICES)).map(Iterator::count).ok();
    assert_eq!(functions, Some(64));
}

#[test]
fn capture_runs_on_the_machine_that_runs_the_tests() {
    let said = capture(None);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let tree = said.text();
    assert!(tree.contains("\nproc/sys/kernel/hostname = host\n"));
    let copy = unpack_captured(&tree);
    // The same cards, if this machine has a PCI bus.
    let mut here = crate::gpupci();
    here.args(["list", "--root", "/"]);
    let here = run(&mut here, b"");
    if here.code == Some(0) && !Path::new("/etc/gpupt.toml").exists() {
        assert_eq!(copy.gpupci(&["list"]).answer(), here.text());
    }
}

#[test]
fn capture_contains_no_private_data() {
    let host = TestHost::unpacked("z390-igpu.tree");
    host.write("proc/sys/kernel/hostname", "secret\n");
    host.write(
        "proc/cmdline",
        "BOOT_IMAGE=/secret root=UUID=secret ro ip=secret intel_iommu=on rd.luks.key=pci-secret \
         vfio-pci.ids=10de:1f02,10de:10f9 pcie_aspm=off secret=iommu video=efifb:off quiet \
         modprobe.blacklist=nouveau initcall_blacklist=sysfb_init pci=nomsi iommu=\"secret\" -- \
         vfio=secret\n",
    );
    let network = "sys/devices/pci0000:00/0000:00:1f.6/net/enx0123456789ab";
    fs::create_dir(host.path(network)).expect("the folder is made");
    let link = host.path("sys/class/net/enx0123456789ab");
    symlink(format!("../../{}", &network[4..]), link).expect("the link is made");
    let tree = capture(Some(host.root.path())).answer();
    assert!(!tree.contains("secret"), "{tree}");
    assert!(
        tree.contains(
            "\nproc/cmdline = intel_iommu=on vfio-pci.ids=10de:1f02,10de:10f9 pcie_aspm=off \
             video=efifb:off modprobe.blacklist=nouveau initcall_blacklist=sysfb_init pci=nomsi\n"
        ),
        "{tree}"
    );
    assert!(!tree.contains("0123456789ab"), "{tree}");
    assert!(tree.contains("/net/enx000000000001\n"), "{tree}");
    for private in ["mountinfo", "swaps", "route", "192.168", "0101A8C0"] {
        assert!(!tree.contains(private), "{private}");
    }
    unpack_captured(&tree);
}

#[test]
fn capture_omits_values_that_are_no_plain_text() {
    let host = TestHost::unpacked("manual.tree");
    let card = "sys/devices/pci0000:00/0000:00:03.0/0000:02:00.0";
    for (name, value) in [
        ("revision", "\u{1b}]0;owned\u{7}\n"),
        ("numa_node", "0\towned\n"),
        ("device", "\u{e9}\n"),
        ("driver_override", "fine\nowned = owned\n"),
        ("subsystem_device", &"9".repeat(1 << 20)),
        ("subsystem_vendor", ""),
    ] {
        fs::write(host.path(&format!("{card}/{name}")), value).expect("the file is written");
    }
    for (name, target) in [
        ("driver", "../../../../bus/pci/drivers/.."),
        ("iommu_group", "../../../../kernel/iommu_groups/1/../../x"),
        ("physfn", "../../../../../../../../etc"),
        ("virtfn0", "../0000:66:00.0 owned"),
        ("boot_vga", "/etc/passwd"),
    ] {
        let link = host.path(&format!("{card}/{name}"));
        drop(fs::remove_file(&link));
        symlink(target, link).expect("the link is made");
    }
    for (name, target) in [
        ("0000:66:00.0", "../../../../../../../etc"),
        ("0000:67:00.0", "/etc/0000:67:00.0"),
        ("0000:68:00.0", "../../../devices/x y/0000:68:00.0"),
        ("0000:69:00.0\nowned = owned", "../../../devices"),
        ("owned owned", "../../../devices"),
        ("-l", "../../../devices"),
    ] {
        let link = host.path(DEVICES).join(name);
        symlink(target, link).expect("the link is made");
    }
    host.write("sys/devices/x y/0000:68:00.0/vendor", NVIDIA);
    host.write("sys/class/drm/owned owned", "");
    for (class, name, target) in [
        ("drm", "card7", "../../devices/../../../../../etc/card7"),
        ("drm", "card8\nowned", "../../devices/pci0000:00"),
        ("block", "owned", "/etc/owned"),
        ("vtconsole", "vtcon9", "../../devices/virtual/../vtcon9"),
    ] {
        fs::create_dir_all(host.path("sys/class").join(class)).expect("the folder is made");
        let link = host.path("sys/class").join(class).join(name);
        symlink(target, link).expect("the link is made");
    }
    host.write("sys/bus/pci/drivers/owned \u{1b}[31m/x", "");
    host.write("proc/cmdline", "iommu=pt\u{1b}[31m owned\n");
    let said = capture(Some(host.root.path()));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for text in [said.text(), said.stderr.clone()] {
        assert!(
            !text.contains("owned") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
    for left_out in ["revision", "numa_node", "device", "subsystem_device"] {
        let path = format!("{card}/{left_out}\n");
        assert!(said.stderr.contains(&path), "{}", said.stderr);
    }
    assert!(said.stderr.contains("proc/cmdline\n"), "{}", said.stderr);
    let copy = unpack_captured(&said.text());
    assert_eq!(copy.cards(), crate::TREES[0].1);
    assert_eq!(
        fs::read_to_string(copy.path(&format!("{card}/driver_override"))).ok(),
        Some("fine\n".to_owned())
    );
}

#[test]
fn capture_runs_on_a_host_without_pci_functions() {
    let host = TestHost::named("bare");
    let said = capture(Some(host.root.path()));
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("no folder sys"), "{}", said.stderr);
    // A bus without functions, then a function without attributes.
    host.write("sys/bus/pci/rescan", "");
    unpack_captured(&capture(Some(host.root.path())).answer());
    fs::create_dir(host.path(DEVICES)).expect("the folder is made");
    assert_eq!(
        unpack_captured(&capture(Some(host.root.path())).answer()).cards(),
        ""
    );
    let function = "sys/devices/pci0000:00/0000:00:02.0";
    fs::create_dir_all(host.path(function)).expect("the folder is made");
    let link = host.path(DEVICES).join("0000:00:02.0");
    symlink("../../../devices/pci0000:00/0000:00:02.0", link).expect("the link is made");
    assert_eq!(
        unpack_captured(&capture(Some(host.root.path())).answer()).cards(),
        ""
    );
    host.write(&format!("{function}/vendor"), NVIDIA);
    host.write(&format!("{function}/class"), DISPLAY);
    let copy = unpack_captured(&capture(Some(host.root.path())).answer());
    assert_eq!(copy.cards(), "gpupci1 pci_0000_00_02_0\n");
}

/// A read of some attributes wakes a sleeping card, and some cards then hang.
#[test]
fn capture_reads_no_attribute_that_wakes_a_card() {
    const SLEEPY: [&str; 12] = [
        "config",
        "rom",
        "vpd",
        "resource",
        "resource0",
        "resource0_resize",
        "current_link_speed",
        "current_link_width",
        "max_link_speed",
        "max_link_width",
        "serial_number",
        "uevent",
    ];
    let host = TestHost::unpacked("laptop-asleep.tree");
    let before = capture(Some(host.root.path())).answer();
    let functions = || fs::read_dir(host.path(DEVICES)).expect("the bus is there");
    let paths = |name: &str| {
        let path = |function: Result<fs::DirEntry, _>| function.expect("an entry").path();
        functions().map(path).map(|path| path.join(name)).collect()
    };
    // First files whose content would be in the output; then pipes, whose open would block.
    for name in SLEEPY {
        let paths: Vec<_> = paths(name);
        for path in &paths {
            fs::write(path, "awake\n").expect("the file is written");
        }
    }
    assert_eq!(capture(Some(host.root.path())).answer(), before);
    for name in SLEEPY.into_iter().chain(["revision"]) {
        let paths: Vec<_> = paths(name);
        for path in &paths {
            fs::remove_file(path).expect("the file goes away");
        }
        assert_eq!(run(Command::new("mkfifo").args(&paths), b"").answer(), "");
    }
    let after = capture(Some(host.root.path())).answer();
    assert!(!after.contains("/revision = "));
    // The script names none of them except in its comments.
    let script = fs::read_to_string(fixture("hosts/capture.sh")).expect("the script");
    for line in script.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .collect();
        for name in SLEEPY {
            assert!(!words.contains(&name), "{line}");
        }
    }
}
