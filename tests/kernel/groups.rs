//! IOMMU groups: their nodes, their guests, bridges in them.

use pretty_assertions::assert_eq;

use crate::client::{DONE, KernelClient, fails_with, until};
use crate::support::TestHost;
use crate::support::kernel::{Driver, Errno, FakeKernel};

const CARD: &str = "0000:02:00.0";
const SOUND: &str = "0000:02:00.1";

fn host(release: &str) -> TestHost {
    let host = TestHost::unpacked("manual.tree");
    host.write("proc/sys/kernel/osrelease", &format!("{release}\n"));
    host
}

fn vfio_dev(host: &TestHost, address: &str) -> bool {
    host.path(&format!("sys/bus/pci/devices/{address}/vfio-dev"))
        .exists()
}

#[test]
fn group_node_exists_while_vfio_pci_has_a_member() {
    let host = host("6.1.0");
    let _kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    let node = host.path("dev/vfio/8");
    assert!(host.path("dev/vfio/vfio").exists() && !node.exists());
    machine.detach("nvidia", CARD);
    machine.detach("snd_hda_intel", SOUND);
    assert!(node.exists() && vfio_dev(&host, CARD) && vfio_dev(&host, SOUND));
    let first = host.path("sys/bus/pci/devices/0000:02:00.0/vfio-dev/vfio0");
    let second = host.path("sys/bus/pci/devices/0000:02:00.1/vfio-dev/vfio1");
    assert!(first.exists() && second.exists());
    assert_eq!(machine.unbind("vfio-pci", CARD), DONE);
    assert!(node.exists() && !vfio_dev(&host, CARD));
    assert_eq!(machine.unbind("vfio-pci", SOUND), DONE);
    assert!(!node.exists() && !vfio_dev(&host, SOUND));
}

#[test]
fn vfio_variant_driver_creates_a_group_node_and_pci_stub_does_not() {
    let host = host("6.1.0");
    let kernel = FakeKernel::on(&host);
    kernel.add_driver(Driver::named("nvgrace-gpu-vfio-pci").vfio());
    let machine = KernelClient(&host);
    let node = host.path("dev/vfio/8");
    assert_eq!(machine.overrides(CARD, "pci-stub"), DONE);
    assert_eq!(machine.unbind("nvidia", CARD), DONE);
    assert_eq!(machine.probe(CARD), DONE);
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("pci-stub"));
    assert!(!node.exists() && !vfio_dev(&host, CARD));
    assert_eq!(machine.unbind("pci-stub", CARD), DONE);
    assert_eq!(machine.overrides(CARD, "nvgrace-gpu-vfio-pci"), DONE);
    assert_eq!(machine.bind("nvgrace-gpu-vfio-pci", CARD), DONE);
    assert!(node.exists() && vfio_dev(&host, CARD));
}

#[test]
fn kernel_5_15_has_no_vfio_dev() {
    let host = host("5.15.0-102-generic");
    let _kernel = FakeKernel::on(&host);
    KernelClient(&host).detach("nvidia", CARD);
    assert!(host.path("dev/vfio/8").exists() && !vfio_dev(&host, CARD));
}

#[test]
fn guest_takes_a_group_without_host_drivers() {
    let host = host("6.1.0");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(kernel.guest_takes("8"), Err(Errno::ENOENT));
    machine.detach("nvidia", CARD);
    assert_eq!(kernel.guest_takes("8"), Err(Errno::EPERM), "sound");
    assert_eq!(machine.unbind("snd_hda_intel", SOUND), DONE);
    assert_eq!(kernel.guest_takes("8"), Ok(()));
    assert_eq!(kernel.guest_takes("8"), Err(Errno::EBUSY));
    assert_eq!(machine.probe(SOUND), fails_with(Errno::EINVAL));
    assert_eq!(
        machine.bind("snd_hda_intel", SOUND),
        fails_with(Errno::EBUSY)
    );
    assert_eq!(kernel.driver_of(SOUND), None);
    kernel.guest_leaves("8");
    assert_eq!(machine.probe(SOUND), DONE);
    assert_eq!(kernel.driver_of(SOUND).as_deref(), Some("snd_hda_intel"));
}

#[test]
fn unbind_from_vfio_pci_waits_for_the_guest() {
    let host = host("6.1.0");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    machine.detach("nvidia", CARD);
    machine.detach("snd_hda_intel", SOUND);
    assert_eq!(kernel.guest_takes("8"), Ok(()));
    std::thread::scope(|scope| {
        let unbind = scope.spawn(|| machine.unbind("vfio-pci", CARD));
        until(|| kernel.driver_of(CARD).is_none());
        assert!(host.path("dev/vfio/8").exists());
        kernel.guest_leaves("8");
        assert_eq!(unbind.join().expect("it ends"), DONE);
    });
}

#[test]
fn before_5_19_binding_a_host_driver_in_a_guests_group_is_a_kernel_bug() {
    let host = host("5.15.0");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    machine.detach("nvidia", CARD);
    assert_eq!(machine.unbind("snd_hda_intel", SOUND), DONE);
    assert_eq!(kernel.guest_takes("8"), Ok(()));
    assert_eq!(machine.probe(SOUND), DONE);
    assert_eq!(
        kernel.complaints(),
        ["kernel BUG: 0000:02:00.1 given to snd_hda_intel while a guest has group 8"]
    );
}

/// mixed.tree: group 1 holds two ports, a switch, a card with sound and another card.
#[test]
fn ports_leave_a_group_viable_and_cannot_be_bound_to_vfio_pci() {
    let host = TestHost::unpacked("mixed.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    machine.detach("amdgpu", "0000:03:00.0");
    assert_eq!(machine.unbind("snd_hda_intel", "0000:03:00.1"), DONE);
    assert_eq!(kernel.guest_takes("1"), Err(Errno::EPERM), "the other card");
    assert_eq!(machine.unbind("nvidia", "0000:04:00.0"), DONE);
    assert_eq!(kernel.guest_takes("1"), Ok(()));

    let port = "0000:00:1c.0";
    assert_eq!(machine.unbind("pcieport", port), DONE);
    assert_eq!(machine.overrides(port, "vfio-pci"), DONE);
    assert_eq!(machine.bind("vfio-pci", port), fails_with(Errno::EINVAL));
}

#[test]
fn vfio_pci_refuses_a_card_without_group_or_with_virtual_functions() {
    let host = TestHost::unpacked("mixed.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    let parent = "0000:05:00.0";
    assert_eq!(machine.overrides(parent, "vfio-pci"), DONE);
    assert_eq!(machine.unbind("nvidia", parent), DONE);
    assert_eq!(machine.bind("vfio-pci", parent), fails_with(Errno::EBUSY));

    let card = "0000:04:00.0";
    kernel.vanish(card).reappear_in(card, card, None);
    assert_eq!(machine.overrides(card, "vfio-pci"), DONE);
    assert_eq!(machine.unbind("nvidia", card), DONE);
    assert_eq!(machine.bind("vfio-pci", card), fails_with(Errno::EINVAL));
}

/// An ISA bridge and a host bridge have a normal configuration header.
#[test]
fn bridge_with_a_normal_header_and_a_host_driver_makes_the_group_not_viable() {
    for release in ["5.15.0", "6.1.0"] {
        for class in ["0x060000", "0x060100", "0x068000"] {
            let (host, kernel) = with_audio_as(release, class);
            kernel.add_driver(Driver::named("lpc_ich"));
            kernel.administrator_binds(SOUND, Some("lpc_ich"));
            let machine = KernelClient(&host);
            machine.detach("nvidia", CARD);
            assert_eq!(
                kernel.guest_takes("8"),
                Err(Errno::EPERM),
                "{release} {class}"
            );
            kernel.administrator_binds(SOUND, None);
            assert_eq!(kernel.guest_takes("8"), Ok(()), "{release} {class}");
        }
    }
}

#[test]
fn only_before_5_19_a_bridge_header_excuses_any_driver() {
    for (release, taken) in [("5.18.19", Ok(())), ("5.19.0", Err(Errno::EPERM))] {
        for class in ["0x060400", "0x060700", "0x060900"] {
            let (host, kernel) = with_audio_as(release, class);
            kernel.add_driver(Driver::named("shpchp"));
            kernel.administrator_binds(SOUND, Some("shpchp"));
            KernelClient(&host).detach("nvidia", CARD);
            assert_eq!(kernel.guest_takes("8"), taken, "{release} {class}");
        }
    }
}

#[test]
fn guest_cannot_take_a_group_with_a_direct_region() {
    for (release, region, taken) in [
        ("6.1.0", "direct", Err(Errno::EPERM)),
        ("6.6.0", "direct", Err(Errno::EINVAL)),
        ("6.6.0", "direct-relaxable", Ok(())),
        ("6.6.0", "msi", Ok(())),
    ] {
        let host = host(release);
        let kernel = FakeKernel::on(&host);
        let regions = "sys/kernel/iommu_groups/8/reserved_regions";
        host.write(
            regions,
            &format!("0x00000000000e8000 0x00000000000e8fff {region}\n"),
        );
        let machine = KernelClient(&host);
        machine.detach("nvidia", CARD);
        machine.detach("snd_hda_intel", SOUND);
        assert_eq!(kernel.guest_takes("8"), taken, "{release} {region}");
    }
}

/// The manual's host, whose first card has another device instead of its audio function.
fn with_audio_as(release: &str, class: &str) -> (TestHost, FakeKernel) {
    let host = host(release);
    let path = host.path(&format!("sys/bus/pci/devices/{SOUND}/class"));
    std::fs::write(path, format!("{class}\n")).expect("a class");
    let kernel = FakeKernel::on(&host);
    (host, kernel)
}
