//! The initramfs tool that remedies name is the one of the host.

use std::os::unix::fs::symlink;

use crate::{assert_trouble, ready};

/// Asserts the remedy for a blacklist that the initramfs does not have, on a host with these files.
#[track_caller]
fn assert_rebuild(files: &[&str], remedy: &str) {
    let host = ready();
    host.remove("usr/bin/dracut");
    host.write("etc/modprobe.d/gpu.conf", "blacklist nvidia\n");
    for file in files {
        host.write(file, "");
    }
    let lines = [
        "WARN  nvidia is blacklisted (/etc/modprobe.d/gpu.conf), but 0000:02:00.0 is bound to it: \
         something loaded it by name, or the initramfs is older than the blacklist",
        &format!("      try: {remedy}, then reboot"),
    ];
    assert_trouble(&host, 0, &lines);
}

#[test]
fn check_names_the_initramfs_tool_that_is_installed() {
    assert_rebuild(&["usr/sbin/dracut"], "run `dracut -f`");
    assert_rebuild(
        &["usr/sbin/dracut", "usr/local/bin/dracut-rebuild"],
        "run `dracut-rebuild`",
    );
    assert_rebuild(&["sbin/update-initramfs"], "run `update-initramfs -u`");
    assert_rebuild(&["bin/mkinitcpio"], "run `mkinitcpio -P`");
    let booster = ["usr/bin/booster", "usr/lib/booster/regenerate_images"];
    assert_rebuild(&booster, "run `/usr/lib/booster/regenerate_images`");
    let both = "rebuild the initramfs with the tool that built it (`mkinitcpio -P` or `dracut -f`)";
    assert_rebuild(&["usr/bin/dracut", "usr/bin/mkinitcpio"], both);
    assert_rebuild(&["usr/bin/other"], "rebuild the initramfs");
}

#[test]
fn check_rebuilds_the_initramfs_of_an_image_based_system_its_own_way() {
    let dracut = "usr/bin/dracut";
    let ostree = "run/ostree-booted";
    let rpm_ostree = "run `rpm-ostree initramfs --enable` (if that is enabled already, `rpm-ostree \
                      upgrade` rebuilds it)";
    assert_rebuild(&[dracut, ostree, "usr/bin/rpm-ostree"], rpm_ostree);
    let bootc = "rebuild the initramfs in the image (a `RUN dracut` line of its Containerfile), update \
                 this host to it";
    assert_rebuild(&[dracut, ostree, "usr/bin/bootc"], bootc);
    let transaction = "run `transactional-update initrd`";
    assert_rebuild(&[dracut, "usr/sbin/transactional-update"], transaction);
    assert_rebuild(&[dracut, "etc/NIXOS"], "run `nixos-rebuild boot`");
    let unraid = "keep the file in /boot/config/modprobe.d (Unraid has no initramfs to rebuild)";
    assert_rebuild(&["usr/bin/other", "etc/unraid-version"], unraid);
}

#[test]
fn initramfs_tool_is_unknown_where_no_programs_can_be_seen() {
    let host = ready();
    host.remove("usr");
    symlink("bin", host.path("bin")).expect("a link to itself");
    host.write("etc/modprobe.d/gpu.conf", "blacklist nvidia\n");
    let (trouble, _) = host.trouble();
    let remedy = "      try: rebuild the initramfs, then reboot";
    assert_eq!(trouble.lines().nth(1), Some(remedy), "{trouble}");
}
