//! Files of modprobe that were changed after the initramfs was made, which has a copy of them.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::support::TestHost;
use crate::{RELEASE, ready};

const FILE: &str = "etc/modprobe.d/gpu.conf";

/// Makes a file this many seconds old.
fn age(host: &TestHost, path: &str, seconds: u64) {
    host.write(path, "blacklist nvidia\n");
    let file = File::options()
        .write(true)
        .open(host.path(path))
        .expect("a file");
    let time = SystemTime::now() - Duration::from_secs(seconds);
    file.set_modified(time).expect("the time is set");
}

#[test]
fn check_names_a_file_that_the_initramfs_has_an_older_copy_of() {
    for image in [
        format!("boot/initrd.img-{RELEASE}"),
        format!("boot/initramfs-{RELEASE}.img"),
        format!("boot/initrd-{RELEASE}"),
        "boot/initramfs-linux-lts.img".to_owned(),
    ] {
        let host = ready();
        host.write(&format!("lib/modules/{RELEASE}/pkgbase"), "linux-lts\n");
        age(&host, FILE, 60);
        let cause =
            "bound to it: /etc/modprobe.d/gpu.conf was changed after the initramfs was made\n";
        for (seconds, is_late) in [(120, true), (30, false)] {
            age(&host, &image, seconds);
            let (trouble, _) = host.trouble();
            assert_eq!(
                trouble.contains(cause),
                is_late,
                "{image} {seconds}: {trouble}"
            );
        }
    }
}

#[test]
fn ids_in_a_file_that_is_newer_than_the_initramfs_are_told_so() {
    let host = ready();
    age(&host, &format!("boot/initrd.img-{RELEASE}"), 120);
    let vendor = "sys/bus/pci/devices/0000:02:00.0/device";
    host.write(vendor, "0x06dd\n");
    host.write(FILE, "options vfio-pci ids=10de:06dd\n");
    let (trouble, _) = host.trouble();
    let cause = "bound later; /etc/modprobe.d/gpu.conf was changed after the initramfs was made\n";
    assert!(trouble.contains(cause), "{trouble}");
}
