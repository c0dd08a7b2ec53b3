//! Changes to a host's files before its fake kernel starts.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{TestHost, run};
use crate::{DEVICES, VIDEO};

/// Moves a function to another IOMMU group, or to none.
pub fn regroup(host: &TestHost, function: &str, group: Option<u32>) {
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

/// Adds a function without a driver, in an IOMMU group of its own.
pub fn add_function(host: &TestHost, function: &str, vendor: &str, class: &str) {
    let beside = fs::canonicalize(host.path(&format!("{DEVICES}/{VIDEO}"))).expect("a function");
    let folder = beside.with_file_name(function);
    fs::create_dir_all(&folder).expect("a folder");
    for (name, value) in [
        ("vendor", vendor),
        ("device", "0x15e5"),
        ("subsystem_vendor", vendor),
        ("subsystem_device", "0x15e5"),
        ("class", class),
        ("driver_override", "(null)"),
    ] {
        fs::write(folder.join(name), format!("{value}\n")).expect("an attribute");
    }
    let number = 900 + function.bytes().map(u32::from).sum::<u32>();
    let members = host.path(&format!("sys/kernel/iommu_groups/{number}/devices"));
    fs::create_dir_all(&members).expect("a group");
    symlink(&folder, members.join(function)).expect("a member");
    let group = host.path(&format!("sys/kernel/iommu_groups/{number}"));
    symlink(group, folder.join("iommu_group")).expect("a link");
    symlink(&folder, host.path(&format!("{DEVICES}/{function}"))).expect("a link");
}

/// Adds a class device of a function, such as `sys/class/drm/renderD128`.
pub fn class_link(host: &TestHost, class: &str, name: &str, function: &str) {
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
