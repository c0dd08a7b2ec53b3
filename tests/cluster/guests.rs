//! `splice`: a guest's cards in its domain XML.

use pretty_assertions::assert_eq;

use crate::support::{RunOutput, TestHost};
use crate::test_cluster::on_both;
use crate::{assert_error, list_in, run_all};

fn splice(host: &TestHost, guest: &str) -> RunOutput {
    host.gpupci_reading(&["splice", guest], b"<devices/>")
}

#[test]
fn splice_accepts_every_name_of_a_guest() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(
            &host,
            &[
                "add vm-container-0-15 gpupci1 02:00.0",
                "add rocks-33 gpupci gpupci1",
            ],
        );
        let expected = splice(&host, "rocks-33").answer();
        assert!(expected.contains("bus='0x02'"), "{expected}");
        for name in [
            "gpuvm",
            "ROCKS-33",
            "0A:64:33:80:00:00",
            "10.1.255.251",
            "rocks-33.local",
        ] {
            assert_eq!(splice(&host, name).answer(), expected, "{name}");
        }
    });
}

#[test]
fn splice_refuses_an_unknown_guest() {
    on_both(|stage| {
        let host = stage.frontend();
        for name in ["nosuch", "..", "a b", "rocks-33.nosuch.org"] {
            assert_error(
                &splice(&host, name),
                3,
                &format!("cannot resolve host {name:?}"),
            );
        }
        let said = host.gpupci_reading(&["splice", "--", "-x"], b"<devices/>");
        assert_error(&said, 3, "cannot resolve host \"-x\"");
        assert_error(
            &splice(&host, "10.9.9.9"),
            3,
            "host \"10.9.9.9\" is not in cluster",
        );
        assert_error(
            &splice(&host, "vm-container"),
            2,
            "\"vm-container\" matches 2 guests; name exactly one",
        );
        assert_error(&splice(&host, ""), 2, "a host name is empty");
    });
}

#[test]
fn splice_names_the_attribute_that_it_cannot_use() {
    on_both(|stage| {
        let host = stage.frontend();
        stage.insert(16, "gpupci", "nonsense");
        stage.insert(17, "gpupci", "gpupci1,gpupci2");
        let said = splice(&host, "rocks-33");
        assert_error(
            &said,
            1,
            "the attribute gpupci of rocks-33 has an invalid value",
        );
        assert!(
            said.stderr.contains("\n  cause: \"nonsense\" is neither "),
            "{}",
            said.stderr
        );
        assert!(
            said.stderr.contains("\n  try:   correct the attribute "),
            "{}",
            said.stderr
        );

        let absent = "cannot look up card gpupci1 of rocks-34: its host vm-container-0-2 has no \
                      attribute gpupci1";
        assert_error(&splice(&host, "rocks-34"), 3, absent);
        stage.insert(14, "gpupci1", "pci_0000_02_00_0");
        stage.insert(14, "gpupci2", "gpupci1");
        let said = splice(&host, "rocks-34");
        assert_error(
            &said,
            1,
            "the attribute gpupci2 of vm-container-0-2 has an invalid value",
        );
    });
}

/// The input may be anything then, because nothing is to be inserted.
#[test]
fn splice_copies_any_input_for_a_guest_without_cards() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(&host, &["add vm-container-0-15 gpupci1 02:00.0"]);
        let inputs: [&[u8]; 5] = [
            b"",
            b"no XML",
            b"<domain><devices></domain>",
            b"\xef\xbb\xbf<domain>\r\n\xff\0</domain>",
            b"<!DOCTYPE x [<!ENTITY y 'z'>]><domain/>",
        ];
        for input in inputs {
            for more in [&[][..], &["--retarget"]] {
                let said = host.gpupci_reading(&[&["splice", "rocks-33"], more].concat(), input);
                assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
                assert_eq!(said.stdout, input);
            }
        }
    });
}

#[test]
fn splice_refuses_too_long_input_and_never_truncates_it() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(&host, &["add rocks-34 gpupci 02:00.0"]);
        let huge = vec![b' '; 11 * 1024 * 1024];
        for guest in ["rocks-33", "rocks-34"] {
            let said = host.gpupci_reading(&["splice", guest], &huge);
            let is_whole = said.code == Some(0) && said.stdout == huge;
            let is_refused = said.code == Some(1) && said.stdout.is_empty();
            assert!(
                is_whole || is_refused,
                "{guest}: {:?}, {} bytes",
                said.code,
                said.stdout.len()
            );
        }
    });
}

#[test]
fn splice_reports_the_position_of_an_xml_error() {
    on_both(|stage| {
        let host = stage.frontend();
        run_all(&host, &["add rocks-33 gpupci 02:00.0"]);
        let said = host.gpupci_reading(&["splice", "rocks-33"], b"<domain>\n <devices>\n</domain>");
        assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
        assert!(
            said.stderr.contains(" at line 3, column "),
            "{}",
            said.stderr
        );
    });
}

const FROM_THE_OTHER_HOST: &str = "\
<domain type='kvm'>
  <name>rocks-33</name>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
      </source>
      <alias name='hostdev0'/>
      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
    </hostdev>
  </devices>
</domain>
";

/// As for a guest that was saved on one host and is restored on another.
#[test]
fn retarget_moves_a_hostdev_to_the_card_of_the_same_name_here() {
    on_both(|stage| {
        let here = stage.machine("vm-container-0-2.local");
        run_all(
            &here,
            &[
                "add vm-container-0-15 gpupci1 02:00.0",
                "add vm-container-0-2 gpupci1 83:00.0",
                "add rocks-33 gpupci gpupci1",
            ],
        );
        let retarget = |host: &TestHost, xml: &str| {
            host.gpupci_reading(&["splice", "--retarget", "rocks-33"], xml.as_bytes())
                .answer()
        };
        let source = "<address domain='0x0000' bus='0x02'";
        let expected =
            FROM_THE_OTHER_HOST.replacen(source, "<address domain='0x0000' bus='0x83'", 1);
        assert_eq!(retarget(&here, FROM_THE_OTHER_HOST), expected);
        assert_eq!(retarget(&here, &expected), expected, "twice is once");
        let there = stage.machine("vm-container-0-15.local");
        assert_eq!(retarget(&there, FROM_THE_OTHER_HOST), FROM_THE_OTHER_HOST);
        assert_eq!(retarget(&there, &expected), FROM_THE_OTHER_HOST);
        assert_eq!(
            retarget(&here, "<devices/>"),
            "<devices/>",
            "nothing is added"
        );
    });
}

#[test]
fn retarget_refuses_a_card_name_that_this_host_lacks() {
    on_both(|stage| {
        let here = stage.machine("vm-container-0-2.local");
        run_all(
            &here,
            &[
                "add vm-container-0-15 gpupci1 02:00.0",
                "add rocks-33 gpupci gpupci1",
            ],
        );
        let said = here.gpupci_reading(
            &["splice", "--retarget", "rocks-33"],
            FROM_THE_OTHER_HOST.as_bytes(),
        );
        let first = "cannot look up card gpupci1 of rocks-33: its host vm-container-0-2 has no \
                     attribute gpupci1";
        assert_error(&said, 3, first);
        let stranger = stage.machine("nowhere");
        let said = stranger.gpupci_reading(
            &["splice", "--retarget", "rocks-33"],
            FROM_THE_OTHER_HOST.as_bytes(),
        );
        assert_error(
            &said,
            3,
            "cannot look up card gpupci1 of rocks-33: the guest has no physical host",
        );
    });
}

#[test]
fn allows_refuses_only_cards_of_other_guests() {
    on_both(|stage| {
        let host = stage.vm_container();
        stage.insert(13, "gpupci1", "pci_0000_02_00_0");
        let allows = |words: &str| host.line(&format!("host allows {words}"));
        assert_eq!(allows("rocks-33 all").answer(), "");
        stage.insert(16, "gpupci", "gpupci1");
        for own in ["rocks-33 gpupci1", "rocks-33 02:00.1", "rocks-34 gpupci2"] {
            assert_eq!(allows(own).answer(), "", "{own}");
        }
        for other in [
            "rocks-34 gpupci1",
            "ROCKS-33 02:00.1",
            "gpuvm 02:00.0",
            "nosuch 0000:02:00",
            "-- -x pci_0000_02_00_0",
        ] {
            let said = allows(other);
            assert_eq!((said.code, said.stderr.as_str()), (Some(4), ""), "{other}");
            assert_eq!(
                said.text(),
                "gpupci1 (0000:02:00): the cluster gives it to rocks-33\n"
            );
        }
        let said = allows("rocks-34 gpupci1 gpupci9 --json");
        assert_eq!(said.code, Some(4));
        assert_eq!(said.stderr, "GPU card gpupci9 not found\n");
        let given = list_in(&said.text(), "given_away");
        let expected = serde_json::json!(
            {"name": "gpupci1", "slot": "0000:02:00", "guests": ["rocks-33"]}
        );
        assert_eq!(given, [expected]);
        assert_eq!(allows("rocks-34 gpupci9").code, Some(3));
        // Rocks knows the host of every guest. On the embedded database, guests without a host are
        // on this host.
        host.write("proc/sys/kernel/hostname", "stranger\n");
        let said = allows("rocks-34 gpupci1");
        if stage.is_rocks() {
            assert_error(&said, 3, "host \"stranger\" is not in cluster");
        } else {
            assert_eq!(said.answer(), "");
            stage.execute("update vm_nodes set PhysNode = null");
            stage.execute("update attributes set Value = '02:00.0' where Attr = 'gpupci'");
            assert_eq!(allows("rocks-34 gpupci1").code, Some(4));
            assert_eq!(allows("rocks-33 gpupci1").answer(), "");
        }
    });
}
