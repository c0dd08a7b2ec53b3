//! Concurrent commands on one host.

use std::thread;

use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;

use crate::support::{RunOutput, TestHost};
use crate::{fresh, own_attributes, pairs};

/// Runs these lines concurrently; gives their outputs in this order.
fn at_once(host: &TestHost, lines: &[String]) -> Vec<RunOutput> {
    thread::scope(|scope| {
        let started: Vec<_> = lines
            .iter()
            .map(|line| scope.spawn(|| host.line(line)))
            .collect();
        started
            .into_iter()
            .map(|said| said.join().expect("it ends"))
            .collect()
    })
}

#[test]
fn concurrent_sets_leave_one_row_and_one_former_value() {
    let (host, mut root) = fresh();
    let value = |person: usize, turn: usize| format!("{person:02x}:{turn:02x}.0");
    thread::scope(|scope| {
        for person in 0..8 {
            let host = &host;
            scope.spawn(move || {
                for turn in 0..20 {
                    let value = value(person, turn);
                    let said = host.line(&format!("host set vm-container-0-2 gpupci1 {value}"));
                    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{value}");
                }
            });
        }
    });
    let rows = own_attributes(&mut root, "vm-container-0-2");
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["gpupci1", "gpupci1_old"]);
    let last = |person| format!("pci_0000_{person:02x}_13_0");
    assert!(
        (0..8).any(|person| rows[0].1 == last(person)),
        "{rows:?}: somebody's last value stands"
    );
}

#[test]
fn one_of_two_concurrent_adds_of_one_card_succeeds() {
    let (host, mut root) = fresh();
    for turn in 1..=20 {
        let lines =
            [2, 3].map(|bus| format!("-q host add vm-container-0-2 gpupci{turn} 0{bus}:00.0"));
        let said = at_once(&host, &lines);
        let won = said
            .iter()
            .position(|said| said.code == Some(0))
            .expect("one wins");
        let lost = &said[1 - won];
        let first = format!("gpupci: gpu \"gpupci{turn}\" exists");
        assert_eq!(
            (lost.code, lost.stderr.lines().next()),
            (Some(1), Some(first.as_str())),
            "{}",
            lost.stderr
        );
        let name = format!("gpupci{turn}");
        let kept = own_attributes(&mut root, "vm-container-0-2")
            .into_iter()
            .find(|(n, _)| *n == name);
        assert_eq!(
            kept.map(|(_, value)| value),
            Some(format!("pci_0000_0{}_00_0", won + 2))
        );
    }
}

#[test]
fn first_two_cards_of_a_host_can_be_added_concurrently() {
    for _ in 0..5 {
        let (host, mut root) = fresh();
        root.query_drop("delete from catindex where Name = 'vm-container-0-2'")
            .expect("the member goes");
        let lines =
            [1, 2].map(|card| format!("-q host add vm-container-0-2 gpupci{card} 0{card}:00.0"));
        for said in at_once(&host, &lines) {
            assert_eq!(said.answer(), "");
        }
        let rows = pairs(&[
            ("gpupci1", "pci_0000_01_00_0"),
            ("gpupci2", "pci_0000_02_00_0"),
        ]);
        assert_eq!(own_attributes(&mut root, "vm-container-0-2"), rows);
    }
}

#[test]
fn concurrent_reader_sees_a_whole_change_or_none() {
    let (host, _) = fresh();
    assert_eq!(
        host.line("-q host set rocks-33 gpupci 02:00.0").answer(),
        ""
    );
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for turn in 3..33 {
                assert_eq!(
                    host.line(&format!("-q host set rocks-33 gpupci {turn:02x}:00.0"))
                        .answer(),
                    ""
                );
            }
        });
        while !writer.is_finished() {
            let dump = host.line("host dump rocks-33").answer();
            let buses = dump.lines().filter_map(|line| {
                let (_, bus) = line.split_once("pci_0000_")?;
                u32::from_str_radix(bus.get(..2)?, 16).ok()
            });
            let buses: Vec<u32> = buses.collect();
            assert!(
                buses == [2] || buses.len() == 2 && buses[0] == buses[1] + 1,
                "{dump}"
            );
        }
    });
}
