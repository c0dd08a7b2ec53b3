//! A names file with invalid content: it is reported and kept, and `renumber` replaces it.

use pretty_assertions::assert_eq;

use crate::CARDS;
use crate::support::TestHost;

/// Every command that reads the names of cards.
pub(crate) const COMMANDS: [&str; 9] = [
    "list",
    "-l",
    "list --json",
    "status",
    "-s all",
    "groups",
    "detach gpupci1",
    "attach all --dry-run",
    "recover",
];

pub(crate) const TWO: &str = "gpupci1 pci_0000_01_00_0\ngpupci2 pci_0000_02_00_0\n";

pub(crate) fn host_of_two() -> TestHost {
    let host = TestHost::named("broken");
    host.plug("0000:01:00", "1e87");
    host.plug("0000:02:00", "2236");
    host
}

/// A card in the file, with this value for this key.
pub(crate) fn card(key: &str, value: &str) -> String {
    let own = [
        ("name", "\"gpupci1\""),
        ("address", "\"0000:01:00.0\""),
        ("vendor", "\"10de\""),
        ("device", "\"1e87\""),
        ("subsystem_vendor", "\"1043\""),
        ("subsystem_device", "\"8694\""),
    ];
    let pairs = own.map(|(name, text)| {
        let text = if name == key { value } else { text };
        format!("\"{name}\": {text}")
    });
    format!("{{{}}}", pairs.join(", "))
}

pub(crate) fn file(cards: &[String]) -> String {
    format!("{{\"version\": 1, \"cards\": [{}]}}\n", cards.join(", "))
}

/// Checks that every command refuses such a file, and that `renumber` replaces it.
#[track_caller]
fn assert_not_understood(host: &TestHost, content: &str, why: &str) {
    let path = host.path(CARDS);
    host.write(CARDS, content);
    let expected = format!(
        "gpupci: cannot parse {}\n  cause: {why}\n  state: nothing was changed\n  \
         try:   check the file; `gpupci renumber` writes a new one\n",
        path.display()
    );
    for line in COMMANDS {
        let said = host.line(line);
        let told = (said.code, said.text(), said.stderr);
        assert_eq!(told, (Some(1), String::new(), expected.clone()), "{line}");
        assert_eq!(host.names_file(), content, "{line}");
    }
    assert_eq!(host.line("renumber").answer(), TWO, "{content}");
    assert_eq!(host.cards(), TWO);
}

#[test]
fn malformed_names_file_is_reported_with_line_and_column() {
    let host = host_of_two();
    let long = format!("{{\"{}\": 1}}", "x".repeat(1 << 16));
    for (content, place) in [
        ("", "line 1, column 0"),
        ("\n", "line 2, column 0"),
        ("{", "line 1, column 1"),
        ("[]\n", "line 1, column 2"),
        ("null\n", "line 1, column 4"),
        ("{\"version\": 1}\n", "line 1, column 14"),
        ("{\"version\": -1, \"cards\": []}\n", "line 1, column 14"),
        ("{\"version\": 1, \"cards\": {}}\n", "line 1, column 24"),
        (
            "{\"version\": 1, \"cards\": []} more\n",
            "line 1, column 29",
        ),
        (
            "{\"version\": 1, \"cards\": [],\n \"\u{1b}[31m\": 1}\n",
            "line 2, column 3",
        ),
        (
            "{\"version\": 1, \"cards\": [], \"\\u001b[31m\": 1}\n",
            "line 1, column 40",
        ),
        (&long, "line 1, column 65539"),
    ] {
        let why = format!("not a valid list of cards: {place}");
        assert_not_understood(&host, content, &why);
    }
}

#[test]
fn names_file_of_another_version_is_refused() {
    let host = host_of_two();
    for version in [0, 2, u32::MAX] {
        let content = format!("{{\"version\": {version}, \"cards\": []}}\n");
        let why = format!("version {version} is not supported; this program reads version 1");
        assert_not_understood(&host, &content, &why);
    }
}

#[test]
fn invalid_card_in_the_names_file_is_named() {
    let host = host_of_two();
    for (key, value) in [
        ("address", "\"\""),
        ("address", "\"0000:01:20.0\""),
        ("address", "\"../../etc\""),
        ("vendor", "\"0x10de\""),
        ("vendor", "\"nvidia\""),
        ("device", "\"1e8\""),
        ("device", "\"0x1e87\""),
        ("subsystem_vendor", "null"),
        ("subsystem_device", "null"),
        ("subsystem_device", "\"\""),
    ] {
        let content = file(&[card(key, value)]);
        assert_not_understood(
            &host,
            &content,
            "card \"gpupci1\" has an invalid name, address or id",
        );
    }
    let long = format!("\"{}\"", "x".repeat(1 << 16));
    let cut = format!("\"{}\"… (65536 bytes)", "x".repeat(60));
    for (name, told) in [
        ("\"\"", "\"\""),
        ("\"gpupci0\"", "\"gpupci0\""),
        ("\"gpupci01\"", "\"gpupci01\""),
        ("\"gpupci4294967296\"", "\"gpupci4294967296\""),
        ("\"\\u001b[31mgpupci1\"", "\"\\u{1b}[31mgpupci1\""),
        (&long, &cut),
    ] {
        let content = file(&[card("name", name)]);
        assert_not_understood(
            &host,
            &content,
            &format!("card {told} has an invalid name, address or id"),
        );
    }
}

#[test]
fn duplicate_name_or_address_in_the_names_file_is_reported() {
    let host = host_of_two();
    let own = card("", "");
    for (other, name) in [
        (card("name", "\"gpupci2\""), "gpupci2"),
        (card("name", "\"GPUPCI7\""), "GPUPCI7"),
        (card("address", "\"0000:02:00.0\""), "gpupci1"),
        // Another function of the same slot is the same card.
        (
            card("name", "\"gpupci2\"").replace("01:00.0", "01:00.1"),
            "gpupci2",
        ),
        (own.clone(), "gpupci1"),
    ] {
        let why = format!("card \"{name}\" repeats the name or the slot of another card");
        assert_not_understood(&host, &file(&[own.clone(), other]), &why);
    }
}
