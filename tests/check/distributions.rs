//! Packages are installed by the command of the host's distribution.

use pretty_assertions::assert_eq;

use crate::ready;

#[test]
fn usr_lib_os_release_is_read_if_etc_os_release_is_missing() {
    let host = ready();
    host.remove("etc/os-release");
    host.write("usr/lib/os-release", "ID=arch\n");
    host.remove("etc/libvirt");
    let (trouble, _) = host.trouble();
    assert_eq!(
        trouble.lines().nth(1),
        Some("      try: pacman -S libvirt qemu-base")
    );
}
