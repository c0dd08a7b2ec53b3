//! Overrides, binding and unbinding.

use pretty_assertions::assert_eq;

use crate::client::{Answer, DONE, KernelClient, fails_with, of};
use crate::support::TestHost;
use crate::support::kernel::{Errno, FakeKernel, Work};

const CARD: &str = "0000:02:00.0";
const SOUND: &str = "0000:02:00.1";
const TWIN: &str = "0000:03:00.0";

fn host() -> TestHost {
    let host = TestHost::unpacked("manual.tree");
    host.write("proc/sys/kernel/osrelease", "6.1.0-56-amd64\n");
    host
}

fn content(text: &str) -> Answer {
    Ok(text.as_bytes().to_vec())
}

#[test]
fn card_is_bound_to_vfio_pci_and_back() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    machine.detach("nvidia", CARD);
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("vfio-pci"));
    assert_eq!(kernel.driver_of(TWIN).as_deref(), Some("nvidia"));
    let listed = host.path("sys/bus/pci/drivers/vfio-pci/0000:02:00.0/vendor");
    assert_eq!(
        std::fs::read(listed).expect("the link leads there"),
        b"0x10de\n"
    );

    assert_eq!(machine.overrides(CARD, ""), DONE);
    assert_eq!(machine.write(&of(CARD, "driver/unbind"), CARD), DONE);
    assert_eq!(machine.probe(CARD), DONE);
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("nvidia"));
    assert_eq!(
        kernel.writes(),
        [
            "/sys/bus/pci/devices/0000:02:00.0/driver_override <- vfio-pci",
            "/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0",
            "/sys/bus/pci/drivers_probe <- 0000:02:00.0",
            "/sys/bus/pci/devices/0000:02:00.0/driver_override <- \\n",
            "/sys/bus/pci/devices/0000:02:00.0/driver/unbind <- 0000:02:00.0",
            "/sys/bus/pci/drivers_probe <- 0000:02:00.0",
        ]
    );
    assert_eq!(kernel.failures(), [""; 0]);
}

#[test]
fn driver_override_reads_back_what_was_written() {
    let host = host();
    let _kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    let file = of(CARD, "driver_override");
    let long = "a".repeat(4094);
    for (written, read) in [
        ("", "(null)\n"),
        ("abc", "abc\n"),
        ("", "abc\n"),
        ("x\ny\n", "x\n"),
        ("a b", "a b\n"),
        ("\n", "(null)\n"),
        ("(null)", "(null)\n"),
        (&long, &format!("{long}\n")),
    ] {
        assert_eq!(machine.write(&file, written), DONE, "{written:?}");
        assert_eq!(machine.read(&file), content(read), "{written:?}");
    }
    assert_eq!(
        machine.write(&file, &"a".repeat(4095)),
        fails_with(Errno::EINVAL)
    );
    assert_eq!(machine.read(&file), content(&format!("{long}\n")));
}

#[test]
fn override_to_an_unknown_driver_prevents_all_binding() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(machine.overrides(CARD, "(null)"), DONE);
    assert_eq!(kernel.override_of(CARD).as_deref(), Some("(null)"));
    assert_eq!(machine.unbind("nvidia", CARD), DONE);
    assert_eq!(machine.probe(CARD), DONE, "success, and nothing bound");
    assert_eq!(kernel.driver_of(CARD), None);
    assert_eq!(machine.bind("nvidia", CARD), fails_with(Errno::ENODEV));
    assert_eq!(machine.overrides(CARD, ""), DONE);
    assert_eq!(machine.bind("nvidia", CARD), DONE);
}

#[test]
fn unbind_works_only_for_the_bound_driver() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(machine.unbind("vfio-pci", CARD), fails_with(Errno::ENODEV));
    assert_eq!(
        machine.unbind("nvidia", "02:00.0"),
        fails_with(Errno::ENODEV)
    );
    assert_eq!(
        machine.unbind("nvidia", " 0000:02:00.0"),
        fails_with(Errno::ENODEV)
    );
    assert_eq!(
        machine.unbind("nvidia", "0000:02:00.0\n\n"),
        fails_with(Errno::ENODEV)
    );
    assert_eq!(machine.unbind("nouveau", CARD), fails_with(Errno::ENOENT));
    assert_eq!(machine.unbind("nvidia", "0000:02:00.0\n"), DONE);
    assert_eq!(machine.unbind("nvidia", CARD), fails_with(Errno::ENODEV));
    let through_the_link = machine.write(&of(CARD, "driver/unbind"), CARD);
    assert_eq!(through_the_link, fails_with(Errno::ENOENT));
    assert_eq!(
        kernel.failures()[3..],
        [
            "/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0\\n: ENODEV",
            "/sys/bus/pci/drivers/nouveau/unbind <- 0000:02:00.0: ENOENT",
            "/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0: ENODEV",
            "/sys/bus/pci/devices/0000:02:00.0/driver/unbind <- 0000:02:00.0: ENOENT",
        ]
    );
}

#[test]
fn bind_reports_errors_and_drivers_probe_does_not() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(machine.bind("nvidia", CARD), fails_with(Errno::EBUSY));
    assert_eq!(
        machine.bind("vfio-pci", CARD),
        fails_with(Errno::ENODEV),
        "no override"
    );
    assert_eq!(machine.probe(CARD), DONE, "bound already");
    assert_eq!(machine.probe("0000:7f:00.0"), fails_with(Errno::ENODEV));
    for (work, said) in [
        (Work::fails(Errno::EIO), Errno::EIO),
        (Work::refuses(), Errno::ENODEV),
        (Work::deferred(), Errno::EAGAIN),
    ] {
        kernel.on_probe(("nvidia", CARD), work);
        assert_eq!(machine.unbind("nvidia", CARD), DONE);
        assert_eq!(machine.bind("nvidia", CARD), fails_with(said));
        assert_eq!(machine.probe(CARD), DONE, "{said}");
        assert_eq!(kernel.driver_of(CARD), None);
        kernel.on_probe("nvidia", Work::default()).offer(CARD);
        assert_eq!(kernel.driver_of(CARD).as_deref(), Some("nvidia"));
    }
    kernel.flavour(|flavour| flavour.bind_tells = false);
    assert_eq!(
        machine.bind("nvidia", CARD),
        fails_with(Errno::ENODEV),
        "before 5.14"
    );
}

#[test]
fn unwritable_and_unreadable_files_give_errors() {
    let host = host();
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(
        machine.write(&of(CARD, "vendor"), "1"),
        fails_with(Errno::EACCES)
    );
    assert_eq!(
        machine.write(&of(CARD, "nothing"), "1"),
        fails_with(Errno::ENOENT)
    );
    assert_eq!(
        machine.write("/sys/bus/pci", "1"),
        fails_with(Errno::EISDIR)
    );
    assert_eq!(
        machine.read(&of(CARD, "nothing")),
        fails_with(Errno::ENOENT)
    );
    assert_eq!(machine.read(&of(CARD, "vendor")), content("0x10de\n"));
    kernel.on_read(&of(CARD, "vendor"), Errno::EIO);
    assert_eq!(machine.read(&of(CARD, "vendor")), fails_with(Errno::EIO));
}

#[test]
fn kernel_without_driver_override_has_no_such_file() {
    let host = TestHost::unpacked("old-kernel.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(
        machine.overrides(CARD, "vfio-pci"),
        fails_with(Errno::ENOENT)
    );
    assert_eq!(machine.unbind("snd_hda_intel", SOUND), DONE);
    assert_eq!(machine.probe(SOUND), DONE);
    assert_eq!(kernel.driver_of(SOUND).as_deref(), Some("snd_hda_intel"));
}

#[test]
fn fake_kernel_runs_on_every_tree() {
    for (tree, address, driver) in [
        ("manual.tree", CARD, "nvidia"),
        ("four-functions.tree", "10000:01:00.0", "nvidia"),
        ("mixed.tree", "0000:03:00.0", "amdgpu"),
    ] {
        let host = TestHost::unpacked(tree);
        let kernel = FakeKernel::on(&host);
        let machine = KernelClient(&host);
        machine.detach(driver, address);
        assert_eq!(
            kernel.driver_of(address).as_deref(),
            Some("vfio-pci"),
            "{tree}"
        );
        assert_eq!(machine.overrides(address, ""), DONE);
        assert_eq!(machine.unbind("vfio-pci", address), DONE);
        assert_eq!(machine.probe(address), DONE);
        assert_eq!(kernel.driver_of(address).as_deref(), Some(driver), "{tree}");
    }
}
