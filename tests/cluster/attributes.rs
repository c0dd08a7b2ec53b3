//! `add`, `set`, `remove`, `list`, `report` and `dump`.

use pretty_assertions::assert_eq;

use crate::test_cluster::on_both;
use crate::{answer, assert_error, list_in, run_all};

#[test]
fn set_keeps_the_former_value_which_list_does_not_show() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(&host, &["set rocks-33 gpupci 02:00.0"]);
        assert_eq!(
            answer(&host, "dump"),
            "/opt/rocks/bin/rocks add host gpu rocks-33 gpupci pci_0000_02_00_0\n"
        );
        run_all(
            &host,
            &["set rocks-33 gpupci 03:00.0", "set rocks-33 gpupci 04:00.0"],
        );
        assert_eq!(
            answer(&host, "report rocks-33"),
            "gpupci:pci_0000_04_00_0\n"
        );
        assert_eq!(
            answer(&host, "list output-header=no"),
            "rocks-33: gpupci pci_0000_04_00_0\n"
        );
        assert_eq!(
            answer(&host, "dump rocks-33"),
            "/opt/rocks/bin/rocks add host gpu rocks-33 gpupci pci_0000_04_00_0\n\
             /opt/rocks/bin/rocks add host gpu rocks-33 gpupci_old pci_0000_03_00_0\n"
        );
    });
}

#[test]
fn remove_deletes_the_card_and_its_former_value_only() {
    on_both(|stage| {
        let host = stage.frontend();
        for line in [
            "gpupci1 02:00.0",
            "gpupci1 03:00.0",
            "gpupci10 04:00.0",
            "gpupci1_older 05:00.0",
        ] {
            run_all(&host, &[&format!("set vm-container-0-2 {line}")]);
        }
        run_all(
            &host,
            &[
                "set vm-container-0-15 gpupci1 06:00.0",
                "remove VM-Container-0-2 GPUPCI1",
            ],
        );
        assert_eq!(
            answer(&host, "dump"),
            "/opt/rocks/bin/rocks add host gpu vm-container-0-15 gpupci1 pci_0000_06_00_0\n\
             /opt/rocks/bin/rocks add host gpu vm-container-0-2 gpupci10 pci_0000_04_00_0\n\
             /opt/rocks/bin/rocks add host gpu vm-container-0-2 gpupci1_older pci_0000_05_00_0\n"
        );
    });
}

#[test]
fn remove_of_a_missing_attribute_succeeds_with_a_note() {
    on_both(|stage| {
        let host = stage.frontend();
        stage.insert(1, "gpupci1", "pci_0000_02_00_0");
        for name in ["gpupci", "gpupci1", "gpupci9"] {
            let said = host.line(&format!("host remove rocks-33 {name}"));
            let note =
                format!("gpupci: rocks-33 has no attribute {name} of its own: nothing to remove\n");
            assert_eq!(
                (said.code, said.text(), said.stderr),
                (Some(0), String::new(), note)
            );
            for quiet in ["-q host remove", "host remove -q", "--quiet host remove"] {
                assert_eq!(host.line(&format!("{quiet} rocks-33 {name}")).answer(), "");
            }
        }
        assert_eq!(
            answer(&host, "report rocks-33"),
            "gpupci1:pci_0000_02_00_0\n",
            "an inherited one stays"
        );
    });
}

#[test]
fn add_refuses_an_existing_attribute() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(&host, &["add rocks-33 gpupci 02:00.0"]);
        let said = host.line("host add rocks-33 gpupci 03:00.0");
        assert_error(&said, 1, "gpu \"gpupci\" exists");
        assert!(
            said.stderr
                .ends_with("\n  try:   replace it with `gpupci host set`\n"),
            "{}",
            said.stderr
        );
        assert_eq!(
            answer(&host, "report rocks-33"),
            "gpupci:pci_0000_02_00_0\n"
        );
    });
}

/// A script may run twice. The former value is not lost.
#[test]
fn add_and_set_of_the_value_that_is_there_change_nothing() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(
            &host,
            &["add rocks-33 gpupci 02:00.0", "set rocks-33 gpupci 03:00.0"],
        );
        let before = answer(&host, "dump");
        for line in [
            "add rocks-33 gpupci 0000:03:00.0",
            "set rocks-33 gpupci 03:00.0",
        ] {
            assert_eq!(answer(&host, line), "", "{line}");
            assert_eq!(answer(&host, "dump"), before, "{line}");
        }
        assert!(before.contains("gpupci_old pci_0000_02_00_0"), "{before}");
    });
}

/// The original reads all hosts by the index of their names, in which case does not count, and sorts named hosts by
/// their bytes.
#[test]
fn report_has_all_hosts_in_the_order_of_the_table_and_named_ones_by_their_bytes() {
    on_both(|stage| {
        let host = stage.frontend();
        for (node, name) in [(1, "atlas28"), (2, "Cuda-11"), (3, "Mike-14"), (4, "bravo")] {
            stage.execute(&format!(
                "update nodes set Name = '{name}' where ID = {node}"
            ));
            run_all(&host, &[&format!("add {name} gpupci1 02:00.0")]);
        }
        let names = |line: &str| -> Vec<String> {
            let report = answer(&host, line);
            let names = report.lines().filter_map(|line| line.split(':').next());
            names.map(str::to_owned).collect()
        };
        assert_eq!(names("report"), ["atlas28", "bravo", "Cuda-11", "Mike-14"]);
        let named = ["Cuda-11", "Mike-14", "atlas28", "bravo"];
        assert_eq!(names("report atlas28 bravo Mike-14 cuda-11"), named);
        assert_eq!(names("report %"), named);
    });
}

#[test]
fn guest_attribute_takes_several_cards_separated_by_commas() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(
            &host,
            &[
                "add vm-container-0-15 gpupci2 83:00.0",
                "add rocks-33 gpupci '0000:02:00.0, GPUPCI2,0003:0A:00'",
            ],
        );
        let stored = "pci_0000_02_00_0,gpupci2,pci_0003_0a_00_0";
        assert_eq!(
            answer(&host, "report rocks-33"),
            format!("gpupci:{stored}\n")
        );
        let spliced = host
            .gpupci_reading(&["splice", "rocks-33"], b"<devices/>")
            .answer();
        let addresses: Vec<&str> = spliced
            .lines()
            .filter(|line| line.contains("<address"))
            .map(str::trim)
            .collect();
        assert_eq!(
            addresses,
            [
                "<address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>",
                "<address domain='0x0000' bus='0x83' slot='0x00' function='0x0'/>",
                "<address domain='0x0003' bus='0x0a' slot='0x00' function='0x0'/>",
            ]
        );
    });
}

#[test]
fn set_refuses_a_value_that_names_no_card() {
    on_both(|stage| {
        let host = stage.frontend();
        for (node, name, value) in [
            ("rocks-33", "gpupci", "nonsense"),
            ("rocks-33", "gpupci", ""),
            ("rocks-33", "gpupci", "gpupci1,gpupci1"),
            ("rocks-33", "gpupci", "02:20.0"),
            ("vm-container-0-15", "gpupci1", "gpupci2"),
            ("vm-container-0-15", "gpupci1", "02:00.0,03:00.0"),
        ] {
            let said = host.gpupci(&["host", "set", node, &format!("gpu={name}"), value]);
            let first = format!("invalid value for attribute {name} of {node}");
            assert_error(&said, 2, &first);
            assert!(
                said.stderr.contains("\n  cause: ")
                    && said.stderr.contains("\n  state: nothing was changed"),
                "{}",
                said.stderr
            );
        }
        assert_eq!(answer(&host, "list"), "");
    });
}

#[test]
fn list_report_and_dump_print_json() {
    on_both(|stage| {
        let host = stage.frontend();
        for name in ["list", "report", "dump"] {
            assert_eq!(
                list_in(&answer(&host, &format!("{name} --json")), "gpus"),
                Vec::<serde_json::Value>::new()
            );
        }
        run_all(
            &host,
            &[
                "add vm-container-0-15 gpupci1 02:00.0",
                "set rocks-33 gpupci gpupci1",
                "set rocks-33 gpupci 02:00.0",
            ],
        );
        stage.insert(12, "gpupci7", "Gr\u{fc}\u{df}e");
        let gpu = |host: &str, is_guest: bool, gpu: &str, value: &str, category: &str| {
            serde_json::json!({
                "host": host, "is_guest": is_guest, "gpu": gpu, "value": value, "category": category,
            })
        };
        let card = gpu(
            "vm-container-0-15",
            false,
            "gpupci1",
            "pci_0000_02_00_0",
            "host",
        );
        let guest = gpu("rocks-33", true, "gpupci", "pci_0000_02_00_0", "host");
        let inherited = gpu("rocks-33", true, "gpupci7", "Grüße", "appliance");
        let theirs = gpu("rocks-34", true, "gpupci7", "Grüße", "appliance");
        let former = gpu("rocks-33", true, "gpupci_old", "gpupci1", "host");
        let document = |line: &str| list_in(&answer(&host, line), "gpus");
        assert_eq!(
            document("list --json"),
            [
                card.clone(),
                guest.clone(),
                inherited.clone(),
                theirs.clone()
            ]
        );
        assert_eq!(
            document("report --json"),
            [guest.clone(), inherited, theirs, card.clone()]
        );
        assert_eq!(document("dump --json"), [card, guest.clone(), former]);
        assert_eq!(document("report --json rocks-33 gpu=GPUPCI"), [guest]);
        assert_eq!(
            host.line("--json host list").answer(),
            answer(&host, "list --json")
        );
    });
}
