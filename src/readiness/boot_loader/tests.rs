use pretty_assertions::assert_eq;

use super::*;
use crate::readiness::ConfigFile;

const RELEASE: &str = "6.8.0-x";
const ON: &str = "intel_iommu=on";
const GRUB_LINE: &str = "BOOT_IMAGE=/vmlinuz-6.8.0-x root=UUID=0 ro";
const EFI_LINE: &str = "initrd=\\initrd.img root=UUID=0 ro";

/// A host with this running line, these files and these programs; EFI, with what else `change` says.
fn boot_of(
    line: &str,
    files: &[(&str, &str)],
    programs: &[&str],
    change: impl FnOnce(&mut BootFacts),
) -> Boot {
    let file = |(path, text): &(&str, &str)| ConfigFile {
        path: (*path).to_owned(),
        text: Ok((*text).to_owned()),
    };
    let mut facts = BootFacts {
        programs: Programs::of(programs.iter().copied()),
        running: KernelCmdline::new(line),
        release: RELEASE.to_owned(),
        is_efi: true,
        files: files.iter().map(file).collect::<Vec<_>>().into(),
        ..BootFacts::default()
    };
    change(&mut facts);
    Boot::of(facts)
}

fn boot(line: &str, files: &[(&str, &str)], programs: &[&str]) -> Boot {
    boot_of(line, files, programs, |_| ())
}

/// A host that systemd-boot started.
fn systemd_boot(files: &[(&str, &str)], programs: &[&str]) -> Boot {
    boot_of(EFI_LINE, files, programs, |facts| {
        facts.loader_info = Some("systemd-boot 255".to_owned());
    })
}

/// A board without EFI.
fn board(files: &[(&str, &str)], programs: &[&str]) -> Boot {
    boot_of(
        "console=ttyS0 root=/dev/mmcblk0p2",
        files,
        programs,
        |facts| facts.is_efi = false,
    )
}

fn image(system: ImageSystem, files: &[(&str, &str)]) -> Boot {
    boot_of(GRUB_LINE, files, &[], |facts| facts.image = Some(system))
}

const DEFAULT_GRUB: (&str, &str) = ("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n");

#[test]
fn grub_is_configured_by_the_variable_and_file_that_count() {
    let cfg = ("/boot/grub/grub.cfg", "");
    let cfg2 = ("/boot/grub2/grub.cfg", "");
    let only_default = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
    );
    let cloud = (
        "/etc/default/grub.d/50-cloud.cfg",
        "GRUB_CMDLINE_LINUX=\"console=ttyS0\"\n",
    );
    let more = (
        "/etc/default/grub.d/60-more.cfg",
        "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX a\"\n",
    );
    let centos = ("/boot/efi/EFI/centos/grub.cfg", "menuentry 'x' {\n");
    let edit = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, ";
    let edit_default = "add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, ";
    let in_cloud = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub.d/50-cloud.cfg, ";
    for (files, programs, edit, apply) in [
        (
            vec![DEFAULT_GRUB, cfg],
            vec!["update-grub"],
            edit,
            "run `update-grub`",
        ),
        (
            vec![only_default, cfg],
            vec!["update-grub"],
            edit_default,
            "run `update-grub`",
        ),
        (
            vec![DEFAULT_GRUB, cloud, cfg],
            vec!["update-grub"],
            in_cloud,
            "run `update-grub`",
        ),
        (
            vec![DEFAULT_GRUB, more, cfg],
            vec!["update-grub"],
            edit,
            "run `update-grub`",
        ),
        (
            vec![DEFAULT_GRUB, cfg],
            vec!["grub-mkconfig"],
            edit,
            "run `grub-mkconfig -o /boot/grub/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, cfg2],
            vec!["grub2-mkconfig"],
            edit,
            "run `grub2-mkconfig -o /boot/grub2/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, centos],
            vec!["grub2-mkconfig"],
            edit,
            "run `grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, cfg],
            vec!["other"],
            edit,
            "generate grub.cfg anew",
        ),
    ] {
        let remedy = boot(GRUB_LINE, &files, &programs).with(ON);
        assert_eq!(remedy, format!("{edit}{apply}, then reboot"));
    }
    let remedy = boot(GRUB_LINE, &[], &["update-grub"]).with(ON);
    let unfound =
        "add intel_iommu=on to the kernel command line of GRUB (no file of it was found), ";
    assert_eq!(remedy, format!("{unfound}run `update-grub`, then reboot"));
}

#[test]
fn file_in_the_efi_partition_that_only_loads_grub_cfg_is_never_written() {
    let debian =
        "search.fs_uuid 0 root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n";
    let suse_15 = "set prefix=(${root})/boot/grub2\nsource \"${prefix}/grub.cfg\"\n";
    let suse_12 = "search --fs-uuid --set=root 0\nset prefix=(${root})/boot/grub2\nnormal\n";
    let fedora = "search --fs-uuid --set=dev 0\nexport $prefix\nconfigfile $prefix/grub.cfg\n";
    let whole = "insmod blscfg\nblscfg\n";
    let cfg = ("/boot/grub2/grub.cfg", "");
    let debian_cfg = ("/boot/grub/grub.cfg", "");
    let remedy = |files: &[(&str, &str)]| {
        let files = [&[DEFAULT_GRUB], files].concat();
        boot(GRUB_LINE, &files, &["grub-mkconfig", "grub2-mkconfig"]).with(ON)
    };
    for (vendor, cfg, text) in [
        ("debian", debian_cfg, debian),
        ("sles", cfg, suse_12),
        ("opensuse", cfg, suse_15),
        ("fedora", cfg, fedora),
        ("other", cfg, whole),
    ] {
        let stub = (&*format!("/boot/efi/EFI/{vendor}/grub.cfg"), text);
        let written = format!("-mkconfig -o {}`", cfg.0);
        assert!(remedy(&[cfg, stub]).contains(&written), "{vendor}");
        if vendor != "other" {
            assert!(
                remedy(&[stub]).contains(", generate grub.cfg anew"),
                "{vendor}"
            );
        }
    }
    assert!(remedy(&[("/boot/efi/EFI/redhat/grub.cfg", whole)]).contains("EFI/redhat/grub.cfg`"));
    assert!(remedy(&[("/boot/efi/EFI/$(x)/grub.cfg", whole)]).contains(", generate grub.cfg anew"));
}

#[test]
fn grub_is_applied_by_the_tool_that_owns_it() {
    let uuids = ("/etc/kernel/proxmox-boot-uuids", "A-B\n");
    let cmdline = ("/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1\n");
    let edit = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, run";
    let proxmox = boot(
        GRUB_LINE,
        &[DEFAULT_GRUB, uuids, cmdline],
        &["update-grub", "proxmox-boot-tool"],
    );
    assert_eq!(
        proxmox.with(ON),
        format!("{edit} `proxmox-boot-tool refresh`, then reboot")
    );
    let micro = image(ImageSystem::TransactionalUpdate, &[DEFAULT_GRUB]);
    assert_eq!(
        micro.with(ON),
        format!("{edit} `transactional-update grub.cfg`, then reboot")
    );
    let rhel = boot(GRUB_LINE, &[DEFAULT_GRUB], &["grubby", "grub2-mkconfig"]);
    assert_eq!(
        rhel.with(ON),
        "run `grubby --update-kernel=ALL --args=intel_iommu=on`, then reboot"
    );
    assert_eq!(
        rhel.without("iommu=off"),
        "run `grubby --update-kernel=ALL --remove-args=iommu=off`, then reboot"
    );
}

#[test]
fn systemd_boot_is_configured_where_its_entries_come_from() {
    let arch = (
        "/boot/loader/entries/arch.conf",
        "linux /vmlinuz\noptions root=UUID=0 ro\n",
    );
    let cmdline = ("/etc/kernel/cmdline", "root=UUID=0 ro\n");
    let installed = (
        "/efi/loader/entries/0123-6.8.0-x.conf",
        "linux /0123/linux\noptions ro\n",
    );
    let uuids = ("/etc/kernel/proxmox-boot-uuids", "A-B\n");
    let to_cmdline = "add intel_iommu=on to /etc/kernel/cmdline, run";
    for (files, programs, remedy) in [
        (
            vec![arch],
            vec!["kernel-install"],
            "add intel_iommu=on to the `options` line of /boot/loader/entries/arch.conf, then reboot"
                .to_owned(),
        ),
        (
            vec![arch, cmdline],
            vec!["kernel-install"],
            "add intel_iommu=on to the `options` line of /boot/loader/entries/arch.conf, then reboot"
                .to_owned(),
        ),
        (
            vec![installed, cmdline],
            vec!["kernel-install"],
            format!("{to_cmdline} `kernel-install add 6.8.0-x /lib/modules/6.8.0-x/vmlinuz`, then reboot"),
        ),
        (
            vec![installed, cmdline],
            vec!["kernel-install", "reinstall-kernels"],
            format!("{to_cmdline} `reinstall-kernels`, then reboot"),
        ),
        (
            vec![installed, cmdline],
            vec!["sdbootutil"],
            format!("{to_cmdline} `sdbootutil update-all-entries`, then reboot"),
        ),
        (
            vec![cmdline, uuids, DEFAULT_GRUB],
            vec!["proxmox-boot-tool"],
            format!("{to_cmdline} `proxmox-boot-tool refresh`, then reboot"),
        ),
        (
            vec![cmdline],
            vec!["kernelstub"],
            "run `kernelstub --add-options intel_iommu=on`, then reboot".to_owned(),
        ),
        (
            vec![],
            vec![],
            "add intel_iommu=on to the kernel command line of systemd-boot (no file of it was found), \
             then reboot"
                .to_owned(),
        ),
    ] {
        assert_eq!(systemd_boot(&files, &programs).with(ON), remedy);
    }
}

#[test]
fn unified_kernel_image_is_built_anew() {
    let cmdline = ("/etc/kernel/cmdline", "root=UUID=0 ro\n");
    let part = ("/etc/cmdline.d/root.conf", "root=UUID=0\n");
    let uki = ("/etc/kernel/install.conf", "layout=uki\n");
    for (files, programs, place, apply) in [
        (
            vec![cmdline],
            vec!["mkinitcpio"],
            "/etc/kernel/cmdline",
            "run `mkinitcpio -P`",
        ),
        (
            vec![part],
            vec!["mkinitcpio"],
            "/etc/cmdline.d/root.conf",
            "run `mkinitcpio -P`",
        ),
        (
            vec![cmdline, uki],
            vec!["kernel-install", "mkinitcpio"],
            "/etc/kernel/cmdline",
            "run `kernel-install add 6.8.0-x /lib/modules/6.8.0-x/vmlinuz`",
        ),
        (
            vec![cmdline],
            vec!["dracut"],
            "/etc/kernel/cmdline",
            "run `dracut -f`",
        ),
        (
            vec![],
            vec![],
            "the kernel command line of the unified kernel image (no file of it was found)",
            "build that image anew",
        ),
    ] {
        let boot = boot_of("root=UUID=0 ro", &files, &programs, |facts| {
            facts.is_unified = true;
        });
        assert_eq!(
            boot.with(ON),
            format!("add intel_iommu=on to {place}, {apply}, then reboot")
        );
    }
}

#[test]
fn proxmox_is_known_without_the_files_of_its_efi_partition() {
    let files = [
        ("/etc/kernel/cmdline", "root=ZFS=x\n"),
        ("/etc/kernel/proxmox-boot-uuids", "A-B\n"),
    ];
    assert_eq!(
        boot(EFI_LINE, &files, &["proxmox-boot-tool"]).with(ON),
        "add intel_iommu=on to /etc/kernel/cmdline, run `proxmox-boot-tool refresh`, then reboot"
    );
}

#[test]
fn nixos_without_a_known_configuration_names_its_option() {
    assert_eq!(
        image(ImageSystem::NixOs, &[]).with(ON),
        "add intel_iommu=on to `boot.kernelParams` in the configuration of NixOS, run \
         `nixos-rebuild boot`, then reboot"
    );
}

#[test]
fn unified_image_of_an_image_based_system_names_no_program() {
    let unified = boot_of("ro", &[], &["dracut"], |facts| {
        facts.is_unified = true;
        facts.image = Some(ImageSystem::TransactionalUpdate);
    });
    let remedy = unified.with(ON);
    assert!(!remedy.contains("dracut"), "{remedy}");
    assert!(remedy.contains("build that image anew"), "{remedy}");
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

#[test]
fn no_file_is_named_if_the_boot_loader_is_unknown() {
    let entries = ("/boot/loader/loader.conf", "");
    for files in [
        vec![],
        vec![DEFAULT_GRUB],
        vec![DEFAULT_GRUB, ("/boot/grub/grub.cfg", ""), entries],
    ] {
        let boot = boot("root=/dev/sda1 ro", &files, &["update-grub"]);
        assert_eq!(boot.loader(), None);
        let place =
            "the kernel command line (the boot loader of this host is unknown), then reboot";
        assert_eq!(boot.with(ON), format!("add intel_iommu=on to {place}"));
        assert_eq!(
            boot.without(ON),
            format!("remove intel_iommu=on from {place}")
        );
    }
}

#[test]
fn running_line_decides_and_not_the_files_that_lie_around() {
    let entries = ("/boot/loader/entries/a.conf", "linux /a\noptions ro\n");
    let cmdline = ("/etc/kernel/cmdline", "ro\n");
    let files = [DEFAULT_GRUB, ("/boot/grub/grub.cfg", ""), entries, cmdline];
    assert_eq!(
        boot(GRUB_LINE, &files, &[]).loader(),
        Some(BootLoader::Grub)
    );
    assert_eq!(
        boot(EFI_LINE, &files, &[]).loader(),
        Some(BootLoader::SystemdBoot)
    );
    // Somebody copied the line of GRUB into an entry of systemd-boot.
    let copied = format!("{EFI_LINE} {GRUB_LINE}");
    assert_eq!(
        boot(&copied, &files, &[]).loader(),
        Some(BootLoader::SystemdBoot)
    );
    let grub = boot_of("ro", &files, &[], |facts| {
        facts.loader_info = Some("GRUB 2.12".to_owned());
    });
    assert_eq!(grub.loader(), Some(BootLoader::Grub));
    let files = [DEFAULT_GRUB, ("/boot/grub/grub.cfg", "")];
    assert_eq!(boot("ro", &files, &[]).loader(), Some(BootLoader::Grub));
}

#[test]
fn configured_parameter_is_only_to_be_applied() {
    let set = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on\"\n",
    );
    let cfg = |text| ("/boot/grub/grub.cfg", text);
    let old = cfg("linux /vmlinuz root=UUID=0 ro quiet\n");
    let new = cfg("linux /vmlinuz ro quiet intel_iommu=on\nlinux /vmlinuz ro single\n");
    let update = ["update-grub"];
    let configured = boot(GRUB_LINE, &[set, old], &update);
    assert_eq!(configured.set_in(ON), Some("/etc/default/grub"));
    let remedy = "run `update-grub`, then reboot: /etc/default/grub has intel_iommu=on already";
    assert_eq!(configured.with(ON), remedy);
    let generated = boot(GRUB_LINE, &[set, new], &update);
    assert_eq!(generated.set_in(ON), Some("/boot/grub/grub.cfg"));
    assert_eq!(
        generated.with(ON),
        "reboot: /boot/grub/grub.cfg has intel_iommu=on already"
    );
    let overruled = (
        "/etc/default/grub.d/z.cfg",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=off\"\n",
    );
    assert_eq!(
        boot(GRUB_LINE, &[set, old, overruled], &update).set_in(ON),
        None
    );

    let entry = |text| ("/boot/loader/entries/a.conf", text);
    let entries = [entry("linux /a\noptions ro intel_iommu=on\n")];
    assert_eq!(
        systemd_boot(&entries, &[]).set_in(ON),
        Some("/boot/loader/entries/a.conf")
    );
    let other = ("/boot/loader/entries/b.conf", "linux /b\noptions ro\n");
    let both = systemd_boot(&[entries[0], other], &[]);
    assert_eq!(both.set_in(ON), None);
    assert!(
        both.with(ON).contains("of /boot/loader/entries/b.conf"),
        "{}",
        both.with(ON)
    );
    // RHEL's entries have their own line: /etc/default/grub does not reach them.
    let rhel = boot(GRUB_LINE, &[set, other], &["grubby"]);
    assert_eq!(rhel.set_in(ON), Some("/etc/default/grub"));
    assert!(
        rhel.with(ON).starts_with("run `grubby "),
        "{}",
        rhel.with(ON)
    );
}

#[test]
fn entries_that_do_not_boot_this_system_by_default_do_not_count() {
    let on = "root=UUID=0 ro intel_iommu=on";
    let entry = |options: &str| format!("linux /vmlinuz\noptions {options}\n");
    let (new, old) = (
        format!("version 10\n{}", entry(on)),
        format!("version 9\n{}", entry("root=UUID=0 ro")),
    );
    let first = "/boot/loader/entries/ostree-1.conf";
    let second = "/boot/loader/entries/ostree-2.conf";
    let ostree = image(ImageSystem::RpmOstree, &[(first, &new), (second, &old)]);
    assert_eq!(ostree.set_in(ON), Some(first));
    let ostree = image(ImageSystem::RpmOstree, &[(first, &old), (second, &new)]);
    assert_eq!(ostree.set_in(ON), Some(second));
    assert_eq!(
        ostree.without(ON),
        "run `rpm-ostree kargs --delete-if-present=intel_iommu=on`, then reboot"
    );

    let current = ("/boot/efi/loader/entries/Pop_OS-current.conf", &*entry(on));
    let recovery = (
        "/boot/efi/loader/entries/Recovery-1A2B.conf",
        &*entry("boot=casper"),
    );
    let other = (
        "/boot/efi/loader/entries/arch.conf",
        &*entry("root=UUID=1 ro"),
    );
    let pop = systemd_boot(&[current, recovery, other], &["kernelstub"]);
    assert_eq!(pop.set_in(ON), Some(current.0));

    let cfg = format!(
        "### BEGIN /etc/grub.d/10_linux ###\nlinux /vmlinuz {on}\n### END /etc/grub.d/10_linux ###\n\
         ### BEGIN /etc/grub.d/30_os-prober ###\nlinux /vmlinuz root=UUID=0 ro\n\
         ### BEGIN /etc/grub.d/20_memtest86+ ###\nlinux /memtest86+x64.bin console=ttyS0\n"
    );
    let grub = boot(
        GRUB_LINE,
        &[("/boot/grub/grub.cfg", &cfg)],
        &["update-grub"],
    );
    assert_eq!(grub.set_in(ON), Some("/boot/grub/grub.cfg"));
}

#[test]
fn removed_parameter_is_only_to_be_applied() {
    let off = "iommu=off";
    let has = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"iommu=soft,off\"\n",
    );
    let old = ("/boot/grub/grub.cfg", "linux /vmlinuz ro iommu=off\n");
    let new = ("/boot/grub/grub.cfg", "linux /vmlinuz ro\n");
    let update = ["update-grub"];
    let configured = boot(GRUB_LINE, &[has, old], &update);
    assert_eq!(configured.removed_from(off), None);
    assert_eq!(
        configured.without(off),
        "replace iommu=soft,off by iommu=soft in GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, run `update-grub`, then \
         reboot"
    );
    let removed = boot(GRUB_LINE, &[DEFAULT_GRUB, old], &update);
    assert_eq!(removed.removed_from(off), Some("/etc/default/grub"));
    let remedy = "run `update-grub`, then reboot: /etc/default/grub is without iommu=off already";
    assert_eq!(removed.without(off), remedy);
    let generated = boot(GRUB_LINE, &[DEFAULT_GRUB, new], &update);
    assert_eq!(
        generated.without(off),
        "reboot: the boot entries are without iommu=off already"
    );
    let entry = |text| ("/boot/loader/entries/a.conf", text);
    let rhel = |text| boot(GRUB_LINE, &[DEFAULT_GRUB, entry(text)], &["grubby"]);
    assert_eq!(
        rhel("linux /a\noptions ro iommu=off\n").removed_from(off),
        None
    );
    assert_eq!(
        rhel("linux /a\noptions ro $tuned_params\n").removed_from(off),
        None
    );
    assert!(rhel("linux /a\noptions ro\n").removed_from(off).is_some());
}

#[test]
fn part_of_a_list_is_removed_with_its_whole_word() {
    let line =
        "BOOT_IMAGE=/a ro intel_iommu=sm_on,off vfio_pci.ids=1:2 iommu=off iommu=soft,off x=$(y),z";
    let rhel = boot(line, &[], &["grubby"]);
    let grubby = "run `grubby --update-kernel=ALL";
    for (parameter, commands) in [
        (
            "intel_iommu=off",
            format!(
                "{grubby} --remove-args=intel_iommu=sm_on,off`, {grubby} --args=intel_iommu=sm_on`"
            ),
        ),
        (
            "vfio-pci.ids",
            format!("{grubby} --remove-args=vfio_pci.ids=1:2`"),
        ),
        ("x=z", "remove x=z from the kernel command line".to_owned()),
    ] {
        assert_eq!(rhel.without(parameter), format!("{commands}, then reboot"));
    }
    let grub = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"iommu=off iommu=soft,off\"\n",
    );
    let place = "GRUB_CMDLINE_LINUX in /etc/default/grub";
    assert_eq!(
        boot(line, &[grub], &["update-grub"]).without("iommu=off"),
        format!(
            "remove iommu=off from {place}, replace iommu=soft,off by iommu=soft in {place}, \
             run `update-grub`, then reboot"
        )
    );
}

#[test]
fn common_options_of_entries_are_read_from_grubenv() {
    let entry = (
        "/boot/loader/entries/a.conf",
        "linux /a\noptions $kernelopts\n",
    );
    let env = (
        "/boot/grub2/grubenv",
        "# GRUB\nkernelopts=root=UUID=0 ro intel_iommu=on\n####",
    );
    let rhel = boot(GRUB_LINE, &[entry, env], &["grubby"]);
    assert_eq!(rhel.set_in(ON), Some("/boot/loader/entries/a.conf"));
}

#[test]
fn hostile_release_is_in_no_command() {
    let files = [("/etc/kernel/cmdline", "ro\n")];
    let boot = boot_of(
        "initrd=\\$(x)\\initrd ro",
        &files,
        &["kernel-install"],
        |facts| {
            facts.release = "$(x)".to_owned();
            facts.loader_info = Some(String::new());
        },
    );
    let remedy = boot.with("a");
    assert_eq!(
        remedy,
        "add a to /etc/kernel/cmdline, run `kernel-install add-all`, then reboot"
    );
}

#[test]
fn every_boot_loader_has_a_row_with_a_source() {
    for row in &LOADERS {
        assert_eq!(row.loader.row(), Some(row));
        assert!(
            !row.source.is_empty() && !row.known_by.is_empty(),
            "{row:?}"
        );
    }
}
