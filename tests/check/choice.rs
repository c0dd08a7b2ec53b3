//! `gpupci check CARD…`.

use std::time::Duration;

use gpupt::check::{CheckOptions, host_facts};
use gpupt::host::Machine;
use gpupt::settings::Settings;
use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::TestHost;
use crate::{DEVICES, ready};

/// The lines of `gpupci check` about the host and about one card.
fn lines_of(host: &TestHost, name: &str) -> String {
    let all = host.line("check").text();
    let all = all.replace("2 of 2 cards", "1 of 1 card");
    let is_of_host = |line: &&str| !line.contains("  gpupci");
    let own = format!("  {name}: ");
    let lines = all
        .lines()
        .filter(|line| is_of_host(line) || line.contains(&own));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn check_of_one_card_says_what_concerns_it_and_the_host_in_every_spelling() {
    let host = ready();
    let expected = lines_of(&host, "gpupci2");
    assert!(expected.contains("PASS  gpupci2: it is not in use\n"));
    for word in [
        "gpupci2",
        "GPUPCI2",
        "03:00.0",
        "03:00.1",
        "0000:03:00",
        "0000:03:00.0",
        "pci_0000_03_00_0",
        "gpupci2 0000:03:00",
    ] {
        let said = host.line(&format!("check {word}")).answer();
        assert_eq!(said, expected, "{word}");
    }
    let all = host.line("check").answer();
    assert!(all.ends_with("2 of 2 cards ready for guests\n"), "{all}");
    for words in ["all", "gpupci2 gpupci1", "ALL 02:00.0"] {
        assert_eq!(host.line(&format!("check {words}")).answer(), all);
    }
}

#[test]
fn failure_of_another_card_is_not_among_those_of_the_named_one() {
    let host = ready();
    host.remove(&format!("{DEVICES}/0000:03:00.0/iommu_group"));
    assert_eq!(host.line("check gpupci1").code, Some(0));
    assert_eq!(host.line("check gpupci2").code, Some(5));
    let said = host.line("check gpupci1 --json").text();
    assert!(!said.contains("gpupci2"), "{said}");
}

#[test]
fn word_that_names_no_card_exits_with_3_and_the_others_are_checked() {
    let host = ready();
    let expected = lines_of(&host, "gpupci1");
    let said = host.line("check gpupci9 gpupci1 09:00.0");
    let errors = "GPU card gpupci9 not found\nGPU card 09:00.0 not found\n";
    assert_eq!(
        (said.text(), said.stderr.as_str(), said.code),
        (expected, errors, Some(3))
    );
    host.remove(&format!("{DEVICES}/0000:02:00.0/iommu_group"));
    assert_eq!(host.line("check gpupci9 gpupci1").code, Some(5));
    let said = host.line("check gpupci9");
    let errors = "GPU card gpupci9 not found\n";
    assert_eq!(
        (said.text().as_str(), said.stderr.as_str(), said.code),
        ("", errors, Some(3))
    );
    let said = host.line("check gpupci9 --json");
    let document: Value = serde_json::from_str(&said.text()).expect("JSON");
    assert_eq!(document["findings"], Value::Array(Vec::new()));
    assert_eq!(document["summary"]["cards"], 0);
    assert_eq!((said.stderr.as_str(), said.code), (errors, Some(3)));
}

#[test]
fn card_that_does_not_count_is_checked_by_its_address() {
    let host = TestHost::unpacked("mixed.tree");
    let named = |line: &str| host.line(line).text().contains("  0000:03:00.0: ");
    let displays = host.line("check").text();
    assert!(displays.contains("0000:03:00.0 (amd)"), "{displays}");
    assert!(!named("check"));
    assert!(named("check 03:00.0"));
    assert!(named("check 03:00.0 all"));
}

#[test]
fn users_are_looked_for_only_of_the_named_cards() {
    let host = ready();
    let machine = Machine::at(host.root.path());
    let settings = Settings::of(&machine).expect("settings");
    let words = ["gpupci2".to_owned()];
    let options = CheckOptions {
        words: &words,
        settings: &settings,
        database: None,
        can_see_processes: false,
        deadline: Duration::from_secs(30),
    };
    let (facts, _) = host_facts(&machine, &options).expect("facts");
    let cards = facts.cards.expect("cards");
    let looked = cards.iter().map(|card| !card.view.unseen.is_empty());
    assert_eq!(looked.collect::<Vec<bool>>(), [false, true]);
}
