//! Other boot loaders, boards, and systems that are built as an image.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn nixos_without_a_known_configuration_names_its_option() {
    assert_eq!(
        image(ImageSystem::NixOs, &[]).with(ON),
        "add intel_iommu=on to `boot.kernelParams` in the configuration of NixOS, run \
         `nixos-rebuild boot`, then reboot"
    );
}

#[test]
fn other_boot_loaders_name_their_own_file() {
    let refind = ("/boot/refind_linux.conf", "\"Boot\" \"root=UUID=0 ro\"\n");
    let limine = ("/boot/limine.conf", "/Linux\n    cmdline: root=UUID=0 ro\n");
    let unraid = (
        "/boot/syslinux/syslinux.cfg",
        "label a\n  append initrd=/bzroot\n",
    );
    let alpine = (
        "/etc/update-extlinux.conf",
        "default_kernel_opts=\"quiet\"\n",
    );
    let zipl = ("/etc/zipl.conf", "parameters=\"root=/dev/dasda1\"\n");
    let limine_info = |facts: &mut BootFacts| facts.loader_info = Some("Limine 9.2".to_owned());
    for (boot, remedy) in [
        (
            boot(EFI_LINE, &[refind], &[]),
            "each line with options in /boot/refind_linux.conf",
        ),
        (
            boot("ro initrd=boot\\initramfs-linux.img", &[refind], &[]),
            "each line with options in /boot/refind_linux.conf",
        ),
        (
            boot_of("ro", &[limine], &[], limine_info),
            "the command line in /boot/limine.conf",
        ),
        (
            boot(GRUB_LINE, &[unraid], &[]),
            "the `append` line of /boot/syslinux/syslinux.cfg",
        ),
        (
            boot(GRUB_LINE, &[alpine], &["update-extlinux"]),
            "default_kernel_opts in /etc/update-extlinux.conf, run `update-extlinux`",
        ),
        (
            boot("BOOT_IMAGE=0 ro", &[zipl], &["zipl"]),
            "parameters in /etc/zipl.conf, run `zipl`",
        ),
    ] {
        assert_eq!(
            boot.with(ON),
            format!("add intel_iommu=on to {remedy}, then reboot")
        );
    }
}

#[test]
fn boards_without_efi_name_their_own_file() {
    let extlinux = (
        "/boot/extlinux/extlinux.conf",
        "label l0\n  append root=/dev/mmcblk0p1\n",
    );
    let u_boot = ("/etc/default/u-boot", "U_BOOT_PARAMETERS=\"ro\"\n");
    let pi = (
        "/boot/firmware/cmdline.txt",
        "console=tty1 root=/dev/mmcblk0p2\n",
    );
    let old_pi = ("/boot/cmdline.txt", "console=tty1 root=/dev/mmcblk0p2\n");
    let armbian = ("/boot/armbianEnv.txt", "verbosity=1\n");
    let flash = (
        "/etc/default/flash-kernel",
        "LINUX_KERNEL_CMDLINE=\"quiet\"\n",
    );
    for (files, programs, remedy) in [
        (
            vec![extlinux],
            vec![],
            "the `append` line of /boot/extlinux/extlinux.conf",
        ),
        (
            vec![extlinux, u_boot],
            vec!["u-boot-update"],
            "U_BOOT_PARAMETERS in /etc/default/u-boot, run `u-boot-update`",
        ),
        (
            vec![pi, old_pi],
            vec![],
            "the one line of /boot/firmware/cmdline.txt",
        ),
        (vec![old_pi], vec![], "the one line of /boot/cmdline.txt"),
        (vec![armbian], vec![], "`extraargs` in /boot/armbianEnv.txt"),
        (
            vec![flash],
            vec!["flash-kernel"],
            "LINUX_KERNEL_CMDLINE in /etc/default/flash-kernel, run `flash-kernel`",
        ),
    ] {
        let remedy = format!("add a=b to {remedy}, then reboot");
        assert_eq!(board(&files, &programs).with("a=b"), remedy);
    }
}

#[test]
fn file_that_a_generator_writes_is_never_the_place_to_edit() {
    let extlinux = ("/boot/extlinux/extlinux.conf", "label l0\n  append ro\n");
    let limine = ("/boot/limine.conf", "/Linux\n    cmdline: root=UUID=0 ro\n");
    let default = (
        "/etc/default/limine",
        "KERNEL_CMDLINE[default]+=\"quiet\"\n",
    );
    let cmdline = ("/etc/kernel/cmdline", "root=UUID=0\n");
    let limine_boot = |files: &[(&str, &str)], programs: &[&str]| {
        boot_of("ro", files, programs, |facts| {
            facts.loader_info = Some("Limine 9.2".to_owned());
        })
    };
    let menu = ("/boot/syslinux/syslinux.cfg", "label a\n  append ro\n");
    let kernel_cmdline = "KERNEL_CMDLINE[default] in /etc/default/limine, run";
    for (boot, place) in [
        (
            board(&[extlinux], &["u-boot-update"]),
            "U_BOOT_PARAMETERS in /etc/default/u-boot, run `u-boot-update`".to_owned(),
        ),
        (
            limine_boot(&[limine], &["limine-update"]),
            "KERNEL_CMDLINE[default] (after all words of /proc/cmdline) in /etc/default/limine, run \
             `limine-update`"
                .to_owned(),
        ),
        (
            limine_boot(&[limine, default, cmdline], &["limine-mkinitcpio"]),
            format!("{kernel_cmdline} `limine-mkinitcpio`"),
        ),
        (
            // A variable of its own would replace this line.
            limine_boot(&[limine, cmdline], &["limine-update"]),
            "the command line in /etc/kernel/cmdline, run `limine-update`".to_owned(),
        ),
        (
            boot(GRUB_LINE, &[menu], &["update-extlinux"]),
            "default_kernel_opts in /etc/update-extlinux.conf, run `update-extlinux`".to_owned(),
        ),
        (
            limine_boot(&[limine, default], &["bash"]),
            "the command line in /boot/limine.conf".to_owned(),
        ),
    ] {
        assert_eq!(
            boot.with(ON),
            format!("add intel_iommu=on to {place}, then reboot")
        );
    }
}

#[test]
fn image_based_systems_change_the_line_their_own_way() {
    let nix = ("/etc/nixos/configuration.nix", "{ }\n");
    let now = ("/nix/var/nix/profiles/system/kernel-params", "a=b c");
    assert_eq!(
        image(ImageSystem::NixOs, &[nix, now]).set_in("a=b"),
        Some(now.0)
    );
    for (system, files, with, without) in [
        (
            ImageSystem::RpmOstree,
            vec![],
            "run `rpm-ostree kargs --append-if-missing=a=b`",
            "run `rpm-ostree kargs --delete-if-present=a=b`",
        ),
        (
            ImageSystem::NixOs,
            vec![nix],
            "add a=b to `boot.kernelParams` in /etc/nixos/configuration.nix, run `nixos-rebuild boot`",
            "remove a=b from `boot.kernelParams` in /etc/nixos/configuration.nix, run `nixos-rebuild boot`",
        ),
    ] {
        let boot = image(system, &files);
        assert_eq!(boot.with("a=b"), format!("{with}, then reboot"));
        assert_eq!(boot.without("a=b"), format!("{without}, then reboot"));
    }
    let remedy = image(ImageSystem::Bootc, &[DEFAULT_GRUB]).with("a=b");
    assert!(
        remedy.contains("a file of the image in /usr/lib/bootc/kargs.d, update"),
        "{remedy}"
    );
}
