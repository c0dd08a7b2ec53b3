//! What the host needs: its file systems and its network, followed to the end.

use std::fs;
use std::os::unix::fs::symlink;

use gpupt::binding::Stub;
use gpupt::host::Machine;
use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::with_kernel;

const USB: &str = "0000:17:00.2";

/// The causes for which `detach gpupci1` is refused, when the USB function of the card has two disks and a
/// network interface, and `needs` says what the host does with them.
fn causes(needs: impl Fn(&TestHost)) -> Vec<String> {
    let (host, kernel) = with_kernel("four-functions.tree");
    host.class_link("block", "sdx", USB, "8:128");
    host.class_link("block", "sdx1", USB, "8:129");
    host.class_link("net", "eth7", USB, "0:0");
    needs(&host);
    let said = host.line("detach gpupci1");
    let causes = said.stderr.lines();
    let causes: Vec<String> = causes
        .filter_map(|line| line.strip_prefix("  cause: "))
        .map(str::to_owned)
        .collect();
    let is_refused = said.code == Some(4) && kernel.writes().is_empty();
    assert!(
        is_refused || causes.is_empty() && said.code == Some(0),
        "{said:?}"
    );
    causes
}

fn used_for(what: &str) -> String {
    format!("{USB} is used for {what}")
}

/// A disk that is built on others.
fn volume(host: &TestHost, name: &str, number: &str, below: &[&str]) {
    let folder = format!("sys/devices/virtual/block/{name}");
    host.write(&format!("{folder}/dev"), &format!("{number}\n"));
    let link = host.path(&format!("sys/class/block/{name}"));
    symlink(format!("../../devices/virtual/block/{name}"), link).expect("a link");
    for disk in below {
        host.write(&format!("sys/class/block/{disk}/holders/{name}/dev"), "");
    }
}

/// A network interface that is built on another one.
fn interface(host: &TestHost, name: &str, below: &str) {
    host.write(&format!("sys/class/net/{name}/lower_{below}/mtu"), "1500\n");
    host.write(&format!("sys/class/net/{below}/upper_{name}/mtu"), "1500\n");
}

fn default_route(host: &TestHost, interface: &str) {
    let route = format!(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
         {interface}\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    );
    host.write("proc/net/route", &route);
}

fn mounted(host: &TestHost, line: &str) {
    host.write("proc/self/mountinfo", &format!("22 1 {line}\n"));
}

#[test]
fn function_on_vfio_is_not_searched_for_disks_and_interfaces() {
    let (host, _kernel) = with_kernel("four-functions.tree");
    let machine = Machine::at(host.root.path());
    let uses = || {
        let function = USB.parse().expect("an address");
        let now = machine.binding(function, &Stub::Auto).expect("a function");
        // These do not exist below a function on VFIO.
        host.class_link("net", "eth7", USB, "0:0");
        default_route(&host, "eth7");
        let uses = machine.host_uses(&now).len();
        fs::remove_dir_all(host.path("sys/class/net")).expect("a folder");
        uses
    };
    assert_eq!(uses(), 1);
    host.line("detach gpupci1").answer();
    assert_eq!(uses(), 0);
}

#[test]
fn idle_disks_and_interfaces_are_not_needed() {
    assert_eq!(causes(|_| ()), [""; 0]);
}

#[test]
fn default_route_is_followed_over_every_interface_that_is_built_on_another() {
    let routed = causes(|host| {
        interface(host, "bond0", "eth7");
        interface(host, "bond0.5", "bond0");
        interface(host, "br0", "bond0.5");
        // A circle ends.
        interface(host, "eth7", "br0");
        default_route(host, "br0");
    });
    assert_eq!(routed, [used_for("the default route (br0)")]);
}

#[test]
fn bridge_of_open_vswitch_is_taken_to_be_built_on_its_ports() {
    let routed = causes(|host| {
        interface(host, "ovs-system", "eth7");
        host.write("sys/class/net/br-ex/mtu", "1500\n");
        default_route(host, "br-ex");
    });
    assert_eq!(routed, [used_for("the default route (br-ex)")]);
    let elsewhere = causes(|host| {
        interface(host, "ovs-system", "eth7");
        host.write("sys/class/net/eth0/device/vendor", "0x8086\n");
        default_route(host, "eth0");
    });
    assert_eq!(elsewhere, [""; 0]);
}

#[test]
fn mount_is_followed_over_volumes_on_arrays() {
    let mount = causes(|host| {
        volume(host, "md0", "9:0", &["sdx1"]);
        volume(host, "dm-3", "253:3", &["md0"]);
        mounted(host, "253:3 / / rw - xfs /dev/mapper/vg-root rw");
    });
    assert_eq!(mount, [used_for("/ (dm-3)")]);
}

#[test]
fn array_that_no_mount_explains_is_needed() {
    let array = causes(|host| volume(host, "md0", "9:0", &["sdx1"]));
    assert_eq!(array, [used_for("md0 (sdx1)")]);
}

#[test]
fn every_disk_of_a_btrfs_is_needed() {
    for (source, members) in [("/dev/sda2", "sda2 sdx1"), ("/dev/root", "sda2 sdx1")] {
        let mount = causes(|host| {
            let disks = "sys/fs/btrfs/2f0a/devices";
            for member in members.split(' ') {
                host.write(&format!("{disks}/{member}/dev"), "");
            }
            host.write("sys/class/block/sda2/dev", "8:2\n");
            mounted(host, &format!("0:25 / /home rw - btrfs {source} rw"));
        });
        assert_eq!(mount, [used_for("/home (sdx1)")], "{source}");
    }
    let elsewhere = causes(|host| {
        host.write("sys/fs/btrfs/2f0a/devices/sda2/dev", "");
        host.write("sys/class/block/sda2/dev", "8:2\n");
        mounted(host, "0:25 / /home rw - btrfs /dev/sda2 rw");
    });
    assert_eq!(elsewhere, [""; 0]);
}

#[test]
fn disk_of_an_imported_zfs_pool_is_needed() {
    let member = "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n";
    let pool = |content: &'static str, imported: &'static str| {
        causes(move |host| {
            host.write(&format!("proc/spl/kstat/zfs/{imported}/state"), "ONLINE\n");
            host.write("run/udev/data/b8:128", "E:ID_PART_TABLE_TYPE=gpt\n");
            host.write("run/udev/data/b8:129", content);
        })
    };
    assert_eq!(pool(member, "tank"), [used_for("tank (sdx1)")]);
    assert_eq!(pool(member, "other"), [""; 0]);
    assert_eq!(pool("E:ID_FS_TYPE=ext4\n", "tank"), [""; 0]);
    // A disk that udev does not know may be in the pool.
    let unknown = causes(|host| host.write("proc/spl/kstat/zfs/tank/state", "ONLINE\n"));
    assert_eq!(unknown, [used_for("tank (sdx)"), used_for("tank (sdx1)")]);
}

#[test]
fn disk_of_several_nvme_controllers_is_found_by_each_of_them() {
    let mount = causes(|host| {
        let subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0";
        host.write(&format!("{subsystem}/nvme0n1/dev"), "259:0\n");
        let controller = format!("../../../pci0000:16/{USB}/nvme/nvme0");
        symlink(controller, host.path(&format!("{subsystem}/nvme0"))).expect("a link");
        fs::create_dir_all(host.path("sys/class/nvme-subsystem")).expect("a folder");
        let class = host.path("sys/class/nvme-subsystem/nvme-subsys0");
        symlink("../../devices/virtual/nvme-subsystem/nvme-subsys0", class).expect("a link");
        let block = host.path("sys/class/block/nvme0n1");
        let head = "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
        symlink(head, block).expect("a link");
        mounted(host, "259:0 / / rw - ext4 /dev/nvme0n1 rw");
    });
    assert_eq!(mount, [used_for("/ (nvme0n1)")]);
}

#[test]
fn swap_is_found_under_any_name_of_its_device() {
    let swap = causes(|host| {
        volume(host, "dm-4", "253:4", &["sdx1"]);
        host.write("sys/class/block/dm-4/dm/name", "vg-swap\n");
        let text = "Filename Type Size Used Priority\n/dev/mapper/vg-swap partition 1 0 -2\n";
        host.write("proc/swaps", text);
    });
    assert_eq!(swap, [used_for("swap (dm-4)")]);
}
