use pretty_assertions::assert_eq;

use super::*;

#[test]
fn packages_are_installed_by_the_command_of_the_distribution() {
    for (os_release, modules, libvirt) in [
        (
            "ID=centos\nVERSION_ID=\"7\"",
            "yum reinstall kernel-6.1",
            "yum install libvirt",
        ),
        (
            "ID=rocky\nVERSION_ID=9.4",
            "dnf install kernel-modules-6.1",
            "dnf install libvirt",
        ),
        (
            "ID=debian",
            "apt-get install --reinstall linux-image-6.1",
            "apt-get install libvirt",
        ),
        (
            "ID=linuxmint\nID_LIKE='ubuntu debian'",
            "linux-modules-extra-6.1",
            "apt-get install",
        ),
        (
            "ID=sles\nID_LIKE=\"suse\"",
            "install the modules",
            "zypper install libvirt",
        ),
        ("ID=arch", "install the modules", "pacman -S libvirt"),
        (
            "ID=\u{1b}[31m",
            "install the modules",
            "install libvirt and QEMU",
        ),
    ] {
        let distribution = Distribution::of(os_release);
        let found = (
            distribution.modules("6.1"),
            distribution.libvirt(None).to_owned(),
        );
        assert!(
            found.0.contains(modules) && found.1.contains(libvirt),
            "{found:?}"
        );
    }
}

#[test]
fn last_assignment_in_os_release_counts_without_its_quotes() {
    assert_eq!(value("ID=a\nID=\"b\"\nNOT_ID=c\n", "ID"), Some("b"));
    assert_eq!(value("# ID = x\nIDENTITY=y", "ID"), None);
}

#[test]
fn package_of_qemu_is_the_one_of_the_processor() {
    for (os_release, processor, package) in [
        ("ID=debian", Processor::Amd, "qemu-system-x86"),
        ("ID=debian", Processor::Arm, "qemu-system-arm"),
        ("ID=debian", Processor::Other, "qemu-system"),
        ("ID=sles\nID_LIKE=suse", Processor::Arm, "qemu"),
    ] {
        let command = Distribution::of(os_release).libvirt(Some(processor));
        assert_eq!(command.split(' ').next_back(), Some(package), "{command}");
    }
}

#[test]
fn unknown_release_becomes_no_part_of_a_command() {
    for release in ["", "6.1; reboot"] {
        let told = Distribution::of("ID=fedora").modules(release);
        assert_eq!(told, "install the modules of the running kernel");
    }
}
