//! Another card at the address of a recorded one: it is reported, and detach and attach refuse it.

use pretty_assertions::assert_eq;

use crate::DEVICES;
use crate::support::TestHost;

const REMEDY: &str = "compare `gpupci list -v` with the cards that you expect; `gpupci renumber` \
                      reassigns the names; then update the attributes with `gpupci host set`";

/// Standard output and standard error of `gpupci list`.
#[track_caller]
fn list_output(host: &TestHost) -> (String, String) {
    let said = host.line("list");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    (said.text(), said.stderr)
}

/// A host with cards of these device ids in slots 1, 2, …, after a first list.
fn host_of(devices: &[&str]) -> TestHost {
    let host = TestHost::named("moving");
    for (index, device) in devices.iter().enumerate() {
        host.plug(&format!("0000:{:02x}:00", index + 1), device);
    }
    host.cards();
    host
}

#[test]
fn another_card_at_a_recorded_address_is_reported_and_refused() {
    let host = TestHost::unpacked("manual.tree");
    let cards = host.cards();
    let kept = host.names_file();
    host.write(&format!("{DEVICES}/0000:02:00.0/device"), "0x1e87\n");
    let why = "gpupci1 was recorded as 10de:06de (10de:082f), but 10de:1e87 (10de:082f) is there \
               now; gpupci1 was not found";
    for line in ["list", "-l"] {
        let said = host.line(line);
        assert_eq!(
            (said.code, said.text(), said.stderr),
            (Some(0), cards.clone(), format!("gpupci: {why}\n"))
        );
    }
    assert_eq!(host.line("list -q").answer(), cards);
    for verb in ["detach", "attach"] {
        let refused = format!(
            "gpupci: cannot {verb} gpupci1 (0000:02:00)\n  cause: {why}\n  \
             state: nothing was changed\n  try:   {REMEDY}\n"
        );
        let short = &verb[..1];
        for line in [
            format!("{verb} gpupci1"),
            format!("-{short} GPUPCI1"),
            format!("{verb} 02:00.1 --dry-run"),
            format!("-q {verb} pci_0000_02_00_0"),
        ] {
            let said = host.line(&line);
            let told = (said.code, said.text(), said.stderr);
            assert_eq!(told, (Some(8), String::new(), refused.clone()), "{line}");
        }
    }
    // The other card is detached, and the exit code is the larger one.
    let said = host.line("detach all --dry-run");
    assert_eq!(said.code, Some(8));
    assert_eq!(
        said.text(),
        "/sys/bus/pci/devices/0000:03:00.0/driver_override <- vfio-pci\n\
         /sys/bus/pci/drivers/nvidia/unbind <- 0000:03:00.0\n\
         /sys/bus/pci/drivers_probe <- 0000:03:00.0\n\
         /sys/bus/pci/devices/0000:03:00.1/driver_override <- vfio-pci\n\
         /sys/bus/pci/drivers/snd_hda_intel/unbind <- 0000:03:00.1\n\
         /sys/bus/pci/drivers_probe <- 0000:03:00.1\n"
    );
    assert_eq!(host.names_file(), kept);
    // `renumber` accepts the cards as they are.
    assert_eq!(host.line("renumber").answer(), cards);
    let steps = host.line("detach gpupci1 --dry-run").answer();
    assert_eq!(steps.lines().count(), 6, "{steps}");
}

#[test]
fn moved_card_is_reported_with_its_new_address() {
    let host = host_of(&["1e87", "2236"]);
    host.plug("0000:01:00", "1bb3");
    host.plug("0000:05:00", "1e87");
    assert_eq!(
        list_output(&host),
        (
            "gpupci1 pci_0000_01_00_0\ngpupci2 pci_0000_02_00_0\ngpupci3 pci_0000_05_00_0\n".into(),
            "gpupci: gpupci1 was recorded as 10de:1e87 (1043:8694), but 10de:1bb3 (1043:8694) is \
             there now; gpupci1 seems to be at 0000:05:00.0\n"
                .into()
        )
    );
    // The moved card is not recorded at its new address until `renumber`.
    assert_eq!(list_output(&host), list_output(&host));
    assert_eq!(
        host.names_in_file(),
        ["gpupci1 0000:01:00.0", "gpupci2 0000:02:00.0"]
    );
    let said = host.line("detach gpupci1");
    assert_eq!(said.code, Some(8));
    let place = "gpupci1 seems to be at 0000:05:00.0";
    assert!(said.stderr.contains(place), "{}", said.stderr);
    // Other new cards are recorded.
    host.plug("0000:06:00", "20b0");
    list_output(&host);
    assert_eq!(host.names_in_file()[2], "gpupci4 0000:06:00.0");
    // The first card is back in its slot.
    host.plug("0000:01:00", "1e87");
    assert_eq!(list_output(&host).1, "");
    assert_eq!(host.names_in_file()[2], "gpupci3 0000:05:00.0");
}

#[test]
fn swapped_cards_are_both_reported() {
    let host = host_of(&["1e87", "2236", "1e87"]);
    host.plug("0000:01:00", "2236");
    host.plug("0000:02:00", "1e87");
    let (cards, notes) = list_output(&host);
    assert_eq!(
        cards,
        "gpupci1 pci_0000_01_00_0\ngpupci2 pci_0000_02_00_0\ngpupci3 pci_0000_03_00_0\n"
    );
    assert_eq!(
        notes,
        "gpupci: gpupci1 was recorded as 10de:1e87 (1043:8694), but 10de:2236 (1043:8694) is there now; gpupci1 seems to be at 0000:02:00.0\n\
         gpupci: gpupci2 was recorded as 10de:2236 (1043:8694), but 10de:1e87 (1043:8694) is there now; gpupci2 seems to be at 0000:01:00.0\n"
    );
    for card in ["gpupci1", "gpupci2"] {
        assert_eq!(host.line(&format!("attach {card}")).code, Some(8));
    }
    // The third card is unchanged; its detach fails only because this host has no IOMMU.
    assert_eq!(host.line("detach gpupci3").code, Some(5));
}

#[test]
fn cards_that_moved_by_one_slot_are_found() {
    let host = host_of(&["1e87", "2236", "1bb3"]);
    host.pull("0000:01:00");
    host.plug("0000:02:00", "1e87");
    host.plug("0000:03:00", "2236");
    host.plug("0000:04:00", "1bb3");
    let (cards, notes) = list_output(&host);
    assert_eq!(
        cards,
        "gpupci2 pci_0000_02_00_0\ngpupci3 pci_0000_03_00_0\ngpupci4 pci_0000_04_00_0\n"
    );
    assert_eq!(
        notes,
        "gpupci: gpupci2 was recorded as 10de:2236 (1043:8694), but 10de:1e87 (1043:8694) is there now; gpupci2 seems to be at 0000:03:00.0\n\
         gpupci: gpupci3 was recorded as 10de:1bb3 (1043:8694), but 10de:2236 (1043:8694) is there now; gpupci3 seems to be at 0000:04:00.0\n"
    );
}

#[test]
fn identical_card_in_its_own_slot_is_not_the_missing_card() {
    let host = host_of(&["1e87", "1e87", "1e87"]);
    host.plug("0000:02:00", "2236");
    let differs = "gpupci: gpupci2 was recorded as 10de:1e87 (1043:8694), but 10de:2236 \
                   (1043:8694) is there now; gpupci2";
    // The identical cards are in their own slots.
    assert_eq!(list_output(&host).1, format!("{differs} was not found\n"));
    // One more identical card is in a slot that was empty.
    host.plug("0000:07:00", "1e87");
    assert_eq!(
        list_output(&host).1,
        format!("{differs} seems to be at 0000:07:00.0\n")
    );
}

#[test]
fn no_new_address_is_guessed_if_there_are_two() {
    let host = host_of(&["1e87", "1e87"]);
    host.plug("0000:01:00", "2236");
    host.plug("0000:07:00", "1e87");
    host.plug("0000:08:00", "1e87");
    assert_eq!(
        list_output(&host).1,
        "gpupci: gpupci1 was recorded as 10de:1e87 (1043:8694), but 10de:2236 (1043:8694) is \
         there now; gpupci1 was not found\n"
    );
}

#[test]
fn subsystem_ids_distinguish_cards_with_one_device_id() {
    let host = host_of(&["1e87"]);
    let board = format!("{DEVICES}/0000:01:00.0/subsystem_device");
    host.write(&board, "0x8695\n");
    assert_eq!(
        list_output(&host).1,
        "gpupci: gpupci1 was recorded as 10de:1e87 (1043:8694), but 10de:1e87 (1043:8695) is \
         there now; gpupci1 was not found\n"
    );
    // A function without subsystem ids has zeros there.
    host.write(&board, "0x0000\n");
    let maker = format!("{DEVICES}/0000:01:00.0/subsystem_vendor");
    host.write(&maker, "0x0000\n");
    assert_eq!(
        list_output(&host).1,
        "gpupci: gpupci1 was recorded as 10de:1e87 (1043:8694), but 10de:1e87 is there now; \
         gpupci1 was not found\n"
    );
    host.line("renumber").answer();
    assert!(host.names_file().contains("\"subsystem_vendor\": null"));
    assert_eq!(list_output(&host).1, "");
    host.write(&maker, "0x1043\n");
    assert_eq!(
        list_output(&host).1,
        "gpupci: gpupci1 was recorded as 10de:1e87, but 10de:1e87 (1043:0000) is there now; \
         gpupci1 was not found\n"
    );
}

#[test]
fn vendor_id_distinguishes_cards_with_one_device_id() {
    let host = host_of(&["1e87"]);
    host.plug_of("1002", "0000:01:00", "1e87");
    let differs = "gpupci: gpupci1 was recorded as 10de:1e87 (1043:8694), but 1002:1e87 (1043:8694) is \
                   there now; gpupci1 was not found\n";
    // A card of a vendor that does not count is not listed.
    let (text, stderr) = list_output(&host);
    assert_eq!(text, "");
    assert!(stderr.contains(differs), "{stderr}");
    let said = host.line("list --vendor 1002");
    assert_eq!(said.text(), "gpupci1 pci_0000_01_00_0\n");
    assert_eq!(said.stderr, differs);
    assert_eq!(host.line("--vendor 1002 detach gpupci1").code, Some(8));
    assert_eq!(host.line("detach 01:00.0").code, Some(8));
}

#[test]
fn only_the_display_function_identifies_a_card() {
    let host = TestHost::unpacked("manual.tree");
    let cards = host.cards();
    host.write(&format!("{DEVICES}/0000:02:00.1/device"), "0x10f8\n");
    assert_eq!(list_output(&host), (cards, String::new()));
}
