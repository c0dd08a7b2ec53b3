//! Drivers that refuse or fail, and unusual bindings and overrides that must be restored.

use pretty_assertions::assert_eq;

use crate::support::kernel::{Driver, Errno, FakeKernel, InjectedFault, Work};
use crate::{manual, with_kernel};

const VIDEO: &str = "0000:02:00.0";
const AUDIO: &str = "0000:02:00.1";

#[test]
fn detach_is_undone_if_a_probe_reports_success_but_does_not_bind() {
    let (host, kernel) = manual();
    let before = host.bindings();
    kernel.on_probe(("vfio-pci", AUDIO), Work::refuses());
    let said = host.line("detach gpupci1");
    assert_eq!(
        said.stderr,
        "gpupci: cannot detach gpupci1 (0000:02:00)\n  \
         cause: vfio-pci did not bind 0000:02:00.1, although the kernel reported no error\n  \
         state: all changes were undone: 0000:02:00.0 is bound to nvidia, 0000:02:00.1 is bound to \
         snd_hda_intel\n  \
         try:   check `dmesg` for messages about the card\n"
    );
    assert_eq!((said.text(), said.code), (String::new(), Some(1)));
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
    let functions: Vec<bool> = kernel.writes().iter().map(|w| w.contains(AUDIO)).collect();
    let last_first = [
        false, false, false, true, true, true, true, true, false, false, false,
    ];
    assert_eq!(functions, last_first, "{:#?}", kernel.writes());
}

#[test]
fn recover_finishes_an_attach_that_the_driver_refused() {
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1").answer();
    kernel.on_probe("nvidia", Work::fails(Errno::EIO));
    let said = host.line("attach gpupci1");
    assert_eq!(
        said.stderr,
        "gpupci: cannot attach gpupci1 (0000:02:00)\n  \
         cause: /sys/bus/pci/drivers/nvidia/bind <- 0000:02:00.0: No such device (os error 19)\n  \
         state: 0000:02:00.0 is bound to no driver, 0000:02:00.1 is bound to snd_hda_intel\n  \
         try:   check `dmesg` for messages about the card, then run `gpupci recover`\n",
        "this kernel calls every failure ENODEV; the other function goes all the same"
    );
    assert_eq!(said.code, Some(7));
    assert_eq!(host.record("0000:02:00")["phase"], "attaching");
    assert_eq!(host.line("recover").code, Some(1), "no better, no worse");
    assert_eq!(host.records().len(), 1);
    kernel.on_probe("nvidia", Work::default());
    let recovered = host.line("recover").answer();
    assert_eq!(recovered, "0000:02:00 is bound to its host drivers again\n");
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn recover_finishes_an_undo_that_the_driver_refused() {
    let (host, kernel) = manual();
    let before = host.bindings();
    kernel
        .on_probe(("vfio-pci", AUDIO), Work::refuses())
        .on_probe("nvidia", Work::deferred());
    let said = host.line("detach gpupci1");
    assert_eq!(
        said.stderr,
        "gpupci: cannot detach gpupci1 (0000:02:00)\n  \
         cause: vfio-pci did not bind 0000:02:00.1, although the kernel reported no error\n  \
         state: 0000:02:00.0 is bound to no driver, 0000:02:00.1 is bound to snd_hda_intel; could not undo: /sys/bus/pci/drivers/nvidia/bind <- 0000:02:00.0: No such device (os error 19)\n  \
         try:   check `dmesg` for messages about the card, then run `gpupci recover`\n"
    );
    assert_eq!(said.code, Some(7));
    assert_eq!(host.record("0000:02:00")["phase"], "detaching");
    kernel.on_probe("nvidia", Work::default());
    host.line("recover").answer();
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn attach_loads_a_module_that_was_unloaded() {
    let (host, kernel) = with_kernel("four-functions.tree");
    let before = host.bindings();
    host.line("detach all");
    host.line("detach gpupci1 gpupci2 gpupci3").answer();
    kernel.unload("i2c_nvidia_gpu");
    host.line("attach gpupci1 gpupci2 gpupci3").answer();
    assert_eq!(kernel.modprobes(), ["i2c_nvidia_gpu"]);
    assert_eq!(host.bindings(), before);
}

#[test]
fn attach_accepts_a_driver_that_binds_when_its_module_loads() {
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1 gpupci2").answer();
    // Half attached, and then the module nvidia was unloaded.
    for card in [VIDEO, "0000:03:00.0"] {
        kernel
            .administrator_overrides(card, None)
            .administrator_binds(card, None);
    }
    kernel.unload("nvidia");
    host.line("attach gpupci1 gpupci2").answer();
    assert_eq!(kernel.modprobes(), ["nvidia"]);
    assert_eq!(host.bindings(), before);
}

#[test]
fn attach_restores_the_overrides_of_an_administrator() {
    // An override to the current driver; to another driver; to none; and no override.
    for (driver, overridden) in [
        (Some("nvidia"), Some("nvidia")),
        (Some("nvidia"), Some("nouveau")),
        (None, Some("none")),
        (None, None),
    ] {
        let (host, kernel) = manual();
        kernel
            .administrator_binds(VIDEO, driver)
            .administrator_overrides(VIDEO, overridden)
            .administrator_binds(AUDIO, None);
        let before = host.bindings();
        host.line("detach gpupci1").answer();
        assert_eq!(
            host.bindings_of("0000:02:00"),
            [
                "0000:02:00.0 vfio-pci vfio-pci",
                "0000:02:00.1 vfio-pci vfio-pci"
            ]
        );
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before);
        assert_eq!(host.records(), [""; 0]);

        // And after a detach that failed.
        kernel.on_probe(("vfio-pci", AUDIO), Work::refuses());
        assert_eq!(host.line("detach gpupci1").code, Some(1));
        assert_eq!(host.bindings(), before);
    }
}

#[test]
fn detach_accepts_a_card_that_is_half_detached() {
    let (host, _kernel) = with_kernel("z390-igpu.tree");
    let before = host.bindings();
    let said = host.line("detach gpupci1").answer();
    assert_eq!(said.matches("is already detached").count(), 2, "{said}");
    assert_eq!(said.matches("Detached").count(), 2, "{said}");
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
}

#[test]
fn attach_leaves_a_function_on_a_driver_that_somebody_else_bound() {
    let (host, kernel) = manual();
    host.line("detach gpupci1").answer();
    kernel
        .add_driver(Driver::named("nouveau"))
        .administrator_binds(VIDEO, Some("nouveau"));
    host.line("attach gpupci1").answer();
    assert_eq!(
        host.bindings_of("0000:02:00"),
        [
            "0000:02:00.0 nouveau (null)",
            "0000:02:00.1 snd_hda_intel (null)"
        ],
        "without our override"
    );
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn recover_removes_the_record_of_a_card_that_somebody_else_attached() {
    let (host, kernel) = manual();
    let before = host.bindings();
    host.line("detach gpupci1").answer();
    for (function, driver) in [(VIDEO, "nvidia"), (AUDIO, "snd_hda_intel")] {
        kernel
            .administrator_overrides(function, None)
            .administrator_binds(function, Some(driver));
    }
    kernel.forget();
    let recovered = host.line("recover").answer();
    assert_eq!(
        recovered,
        "0000:02:00 was attached by another program; its record was removed\n"
    );
    assert_eq!(kernel.writes(), [""; 0]);
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn attach_reports_an_override_that_somebody_else_changes_meanwhile() {
    let (host, kernel) = manual();
    host.line("detach gpupci1").answer();
    kernel.forget();
    kernel.after_write(3, |kernel| {
        kernel.administrator_overrides(VIDEO, Some("nouveau"));
    });
    let said = host.line("attach gpupci1");
    assert_eq!(
        said.stderr,
        "gpupci: cannot attach gpupci1 (0000:02:00)\n  \
         cause: the driver_override of 0000:02:00.0 was not restored\n  \
         state: 0000:02:00.0 is bound to nvidia, 0000:02:00.1 is bound to snd_hda_intel\n  \
         try:   check `dmesg` for messages about the card, then run `gpupci recover`\n"
    );
    assert_eq!(said.code, Some(7));
    host.line("recover").answer();
    assert_eq!(
        host.bindings_of("0000:02:00")[0],
        "0000:02:00.0 nvidia nouveau",
        "it is theirs"
    );
    assert_eq!(host.records(), [""; 0]);
}

/// Takes the ids away by which nvidia has its functions, as `remove_id` does after `new_id`.
fn remove_ids(kernel: &FakeKernel) {
    kernel.driver("nvidia", |driver| Driver {
        ids: Vec::new(),
        ..driver
    });
}

#[test]
fn driver_whose_match_is_gone_is_restored_by_its_override() {
    let (host, kernel) = manual();
    let before = host.bindings();
    remove_ids(&kernel);
    host.line("detach gpupci1").answer();
    kernel.forget();
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);
    assert_eq!(
        kernel.writes()[2..6],
        [
            "/sys/bus/pci/drivers/nvidia/bind <- 0000:02:00.0",
            "/sys/bus/pci/devices/0000:02:00.0/driver_override <- nvidia",
            "/sys/bus/pci/drivers/nvidia/bind <- 0000:02:00.0",
            "/sys/bus/pci/devices/0000:02:00.0/driver_override <- \\n",
        ]
    );
    // The undo of a failed detach does the same.
    kernel.on_probe(("vfio-pci", "0000:02:00.1"), Work::refuses());
    assert_eq!(host.line("detach gpupci1").code, Some(1));
    assert_eq!(host.bindings(), before);
    assert_eq!(host.records(), [""; 0]);
}

#[test]
fn kill_while_the_driver_is_restored_by_its_override_loses_nothing() {
    for nth in 3..=6 {
        for fault in [InjectedFault::KillBefore, InjectedFault::KillAfter] {
            let (host, kernel) = manual();
            let before = host.bindings();
            remove_ids(&kernel);
            host.line("detach gpupci1").answer();
            kernel.forget();
            kernel.fault(nth, fault);
            assert_eq!(host.line("attach gpupci1").code, None);
            host.line("recover").answer();
            assert_eq!(host.bindings(), before, "{nth} {fault:?}");
            assert_eq!(host.records(), [""; 0], "{nth} {fault:?}");
        }
    }
}

#[test]
fn override_is_restored_if_the_driver_refuses_the_function() {
    let (host, kernel) = manual();
    host.line("detach gpupci1").answer();
    kernel.on_probe(("nvidia", "0000:02:00.0"), Work::refuses());
    assert_eq!(host.line("attach gpupci1").code, Some(7));
    let bindings = host.bindings_of("0000:02:00.0");
    assert_eq!(bindings, ["0000:02:00.0 - (null)"]);
}
