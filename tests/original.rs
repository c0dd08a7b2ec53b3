//! `gpupci` prints what the original printed on the recorded host, which has two cards of two
//! functions. `docs/compatibility.md` lists the differences.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use pretty_assertions::assert_eq;
use support::TestHost;
use support::kernel::FakeKernel;

/// The arguments and the output of the original, in the order of the recording. In place of
/// `pci-stub` stands today's stub driver.
const RECORDED: &[(&str, &str)] = &[
    (
        "-l",
        "gpupci1 pci_0000_02_00_0\n\
         gpupci2 pci_0000_03_00_0\n",
    ),
    (
        "-s all",
        "GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/nvidia driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/snd_hda_intel driver\n\
         GPU card 'gpupci2' video device 0000:03:00.0 is linked to bus/pci/drivers/nvidia driver\n\
         GPU card 'gpupci2' audio device 0000:03:00.1 is linked to bus/pci/drivers/snd_hda_intel driver\n",
    ),
    (
        "-s gpupci1",
        "GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/nvidia driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/snd_hda_intel driver\n",
    ),
    (
        "-d gpupci1",
        "Detached GPU card 'gpupci1' video device 0000:02:00.0\n\
         Detached GPU card 'gpupci1' audio device 0000:02:00.1\n",
    ),
    (
        "-d gpupci1",
        "GPU card 'gpupci1' video device 0000:02:00.0 is already detached\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is already detached\n",
    ),
    (
        "-s all",
        "GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/vfio-pci driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/vfio-pci driver\n\
         GPU card 'gpupci2' video device 0000:03:00.0 is linked to bus/pci/drivers/nvidia driver\n\
         GPU card 'gpupci2' audio device 0000:03:00.1 is linked to bus/pci/drivers/snd_hda_intel driver\n",
    ),
    (
        "--detach all",
        "GPU card 'gpupci1' video device 0000:02:00.0 is already detached\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is already detached\n\
         Detached GPU card 'gpupci2' video device 0000:03:00.0\n\
         Detached GPU card 'gpupci2' audio device 0000:03:00.1\n",
    ),
    (
        "-a gpupci1",
        "Attached video card 0000:02:00.0 of gpupci1\n\
         Attached audio card 0000:02:00.1 of gpupci1\n",
    ),
    (
        "--attach gpupci1",
        "gpupci1 video card 0000:02:00.0 is already attached\n\
         gpupci1 audio card 0000:02:00.1 is already attached\n",
    ),
    (
        "-a all",
        "gpupci1 video card 0000:02:00.0 is already attached\n\
         gpupci1 audio card 0000:02:00.1 is already attached\n\
         Attached video card 0000:03:00.0 of gpupci2\n\
         Attached audio card 0000:03:00.1 of gpupci2\n",
    ),
    (
        "-l --status all",
        "gpupci1 pci_0000_02_00_0\n\
         gpupci2 pci_0000_03_00_0\n\
         GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/nvidia driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/snd_hda_intel driver\n\
         GPU card 'gpupci2' video device 0000:03:00.0 is linked to bus/pci/drivers/nvidia driver\n\
         GPU card 'gpupci2' audio device 0000:03:00.1 is linked to bus/pci/drivers/snd_hda_intel driver\n",
    ),
    (
        "-d gpupci1 -s gpupci1",
        "Detached GPU card 'gpupci1' video device 0000:02:00.0\n\
         Detached GPU card 'gpupci1' audio device 0000:02:00.1\n\
         GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/vfio-pci driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/vfio-pci driver\n",
    ),
    (
        "-a gpupci1 -d gpupci1 -s gpupci1",
        "Attached video card 0000:02:00.0 of gpupci1\n\
         Attached audio card 0000:02:00.1 of gpupci1\n\
         Detached GPU card 'gpupci1' video device 0000:02:00.0\n\
         Detached GPU card 'gpupci1' audio device 0000:02:00.1\n\
         GPU card 'gpupci1' video device 0000:02:00.0 is linked to bus/pci/drivers/vfio-pci driver\n\
         GPU card 'gpupci1' audio device 0000:02:00.1 is linked to bus/pci/drivers/vfio-pci driver\n",
    ),
];

#[test]
fn gpupci_prints_the_lines_of_the_original() {
    let host = TestHost::unpacked("manual.tree");
    let _kernel = FakeKernel::on(&host);
    for (line, printed) in RECORDED {
        assert_eq!(host.line(line).answer(), *printed, "gpupci {line}");
    }
}

#[test]
fn unknown_card_is_named_on_standard_error() {
    let host = TestHost::unpacked("manual.tree");
    for (line, name) in [
        ("-s gpupci9", "gpupci9"),
        ("-d nosuch", "nosuch"),
        ("-a gpupci", "gpupci"),
        ("-d ''", ""),
    ] {
        let said = host.line(line);
        assert_eq!((said.code, said.text().as_str()), (Some(3), ""), "{line}");
        assert_eq!(said.stderr, format!("GPU card {name} not found\n"));
    }
}

#[test]
fn arguments_that_the_original_refused_are_refused() {
    let host = TestHost::unpacked("manual.tree");
    for line in ["-d", "-x", "gpupci1", "-l extra"] {
        assert_eq!(host.line(line).code, Some(2), "{line}");
    }
}
