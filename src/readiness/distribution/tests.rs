use pretty_assertions::assert_eq;

use super::*;

fn remedy_of(os_release: &str, loader: Loader, is_efi: bool) -> String {
    Distribution::of(os_release, loader, is_efi).with_argument("x=y")
}

#[test]
fn kernel_parameter_remedy_is_that_of_the_distribution() {
    let centos =
        "NAME=\"CentOS Linux\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n";
    for (os_release, loader, is_efi, command) in [
        (
            centos,
            Loader::Grub,
            false,
            "grub2-mkconfig -o /boot/grub2/grub.cfg",
        ),
        (
            centos,
            Loader::Grub,
            true,
            "grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg",
        ),
        (
            centos,
            Loader::Grubby,
            true,
            "grubby --update-kernel=ALL --args=x=y",
        ),
        (
            "ID=rocky\nVERSION_ID=9.4",
            Loader::Grub,
            true,
            "-o /boot/grub2/grub.cfg",
        ),
        (
            "ID=rhel\nVERSION_ID=\"8.10\"",
            Loader::Grub,
            true,
            "EFI/redhat/grub.cfg",
        ),
        (
            "ID=debian\nVERSION_ID=\"12\"",
            Loader::Grub,
            true,
            "`update-grub`",
        ),
        (
            "ID=linuxmint\nID_LIKE='ubuntu debian'",
            Loader::Grub,
            false,
            "`update-grub`",
        ),
        (
            "ID=debian",
            Loader::Proxmox,
            true,
            "proxmox-boot-tool refresh",
        ),
        (
            "ID=bazzite\nID_LIKE=fedora",
            Loader::RpmOstree,
            true,
            "kargs --append=x=y",
        ),
        (
            "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"",
            Loader::Grub,
            true,
            "grub2-mkconfig",
        ),
        (
            "ID=arch",
            Loader::Grub,
            true,
            "grub-mkconfig -o /boot/grub/grub.cfg",
        ),
        ("ID=\u{1b}[31m", Loader::Grub, true, "in your boot loader"),
        ("", Loader::Grub, true, "in your boot loader"),
    ] {
        let remedy = remedy_of(os_release, loader, is_efi);
        assert!(remedy.contains(command), "{os_release}: {remedy}");
    }
}

#[test]
fn last_assignment_in_os_release_counts_without_its_quotes() {
    assert_eq!(value("ID=a\nID=\"b\"\nNOT_ID=c\n", "ID"), Some("b"));
    assert_eq!(value("# ID = x\nIDENTITY=y", "ID"), None);
}
