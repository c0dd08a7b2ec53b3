//! Cards that gpupci did not detach, so there is no record of their host drivers.

use pretty_assertions::assert_eq;

use crate::manual;
use crate::support::kernel::{FakeKernel, Work};

const VIDEO: &str = "0000:02:00.0";
const AUDIO: &str = "0000:02:00.1";

/// Binds the first card to vfio-pci, as it may be since boot. There is no record of it.
fn bind_at_boot(of: &FakeKernel, overridden: Option<&str>) {
    for function in [VIDEO, AUDIO] {
        of.administrator_overrides(function, overridden)
            .administrator_binds(function, Some("vfio-pci"));
    }
}

#[test]
fn attach_without_a_record_lets_the_kernel_choose_the_driver() {
    for overridden in [None, Some("vfio-pci")] {
        let (host, kernel) = manual();
        let before = host.bindings();
        bind_at_boot(&kernel, overridden);
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before);
        assert_eq!(host.records(), [""; 0]);
        let cleared =
            overridden.map(|_| "/sys/bus/pci/devices/0000:02:00.0/driver_override <- \\n");
        let rest = [
            "/sys/bus/pci/drivers/vfio-pci/unbind <- 0000:02:00.0",
            "/sys/bus/pci/drivers_probe <- 0000:02:00.0",
        ];
        let wanted: Vec<&str> = cleared.into_iter().chain(rest).collect();
        assert_eq!(kernel.writes()[..wanted.len()], wanted);
    }
}

#[test]
fn attach_without_a_record_reports_a_function_that_no_driver_takes() {
    let (host, kernel) = manual();
    bind_at_boot(&kernel, Some("vfio-pci"));
    kernel.on_probe("nvidia", Work::refuses());
    let said = host.line("attach gpupci1");
    assert_eq!(
        said.stderr,
        "gpupci: no driver of this host bound 0000:02:00.0\n"
    );
    assert_eq!(said.code, Some(0));
    assert_eq!(
        host.bindings_of("0000:02:00"),
        ["0000:02:00.0 - (null)", "0000:02:00.1 snd_hda_intel (null)"]
    );
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn attach_reports_a_card_that_vfio_pci_ids_binds_again() {
    let (host, kernel) = manual();
    // As `vfio-pci.ids=` on the kernel command line does.
    kernel
        .administrator_binds(VIDEO, None)
        .administrator_binds(AUDIO, None)
        .administrator_teaches("vfio-pci", 0x10de, 0x06de)
        .administrator_teaches("vfio-pci", 0x10de, 0x0be5)
        .on_probe("nvidia", Work::refuses())
        .on_probe("snd_hda_intel", Work::refuses());
    let before = host.bindings();
    let said = host.line("attach gpupci1");
    let again = |function| {
        format!(
            "the kernel bound {function} to vfio-pci again: vfio-pci.ids= on the kernel command \
             line or in /etc/modprobe.d names it"
        )
    };
    assert_eq!(
        said.stderr,
        format!(
            "gpupci: cannot attach gpupci1 (0000:02:00)\n  cause: {}; {}\n  state: {}\n  \
             try:   check `dmesg` for messages about the card, then run `gpupci recover`\n",
            again(VIDEO),
            again(AUDIO),
            host.drivers_line("0000:02:00")
        )
    );
    assert_eq!(said.code, Some(1));
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}
