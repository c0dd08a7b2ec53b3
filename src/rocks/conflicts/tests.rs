use super::*;
use crate::rocks::{Attribute, Category};
use pretty_assertions::assert_eq;

fn node(id: NodeId, name: &str, host: Option<NodeId>) -> Node {
    Node {
        id,
        name: name.into(),
        appliance: None,
        os: None,
        rack: None,
        is_guest: name.starts_with("guest"),
        physical_host: host,
    }
}

fn lines(nodes: Vec<Node>, attributes: &[(&str, &str, &str)]) -> Vec<String> {
    let row = |(id, (member, name, value)): (i64, &(&str, &str, &str))| Attribute {
        id,
        name: (*name).into(),
        value: Some((*value).into()),
        category: Category::Host,
        member: (*member).into(),
        precedence: 50,
    };
    let attributes = (1..).zip(attributes).map(row).collect();
    let cluster = Cluster::new(nodes, attributes);
    conflicts_of(&cluster, None, None)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn two_guests() -> Vec<Node> {
    vec![
        node(1, "host", None),
        node(2, "guest-a", Some(1)),
        node(3, "guest-b", Some(1)),
    ]
}

#[test]
fn cluster_without_conflicts_gives_no_line() {
    let rows = [
        ("host", "gpupci1", "pci_0000_02_00_0"),
        ("host", "gpupci2", "pci_0000_03_00_0"),
        ("guest-a", "gpupci", "pci_0000_02_00_0"),
        ("guest-b", "gpupci", "gpupci2"),
    ];
    assert_eq!(lines(two_guests(), &rows), Vec::<String>::new());
}

#[test]
fn card_of_two_guests_is_reported_under_any_spelling() {
    let rows = [
        ("host", "gpupci1", "pci_0000_02_00_0"),
        ("guest-a", "gpupci", "pci_0000_02_00_0"),
        ("guest-b", "gpupci", "gpupci1"),
    ];
    assert_eq!(
        lines(two_guests(), &rows),
        ["host: card 0000:02:00 belongs to guest-a and guest-b"]
    );
}

#[test]
fn missing_and_malformed_cards_are_reported() {
    let rows = [
        ("host", "gpupci1", "pci_0000_02_00_1"),
        ("host", "gpupci2", "0000:02:00.0"),
        ("host", "gpupci3", "nonsense"),
        ("guest-a", "gpupci", "pci_0000_83_00_0,gpupci7"),
        ("guest-b", "gpupci", ""),
    ];
    assert_eq!(
        lines(two_guests(), &rows),
        [
            "host: gpupci1 is pci_0000_02_00_1, not function 0 of its card",
            "host: gpupci3 has an invalid value: \"nonsense\" is not a PCI address such as 0000:02:00.0",
            "host: card 0000:02:00 has the names gpupci1 and gpupci2",
            "guest-a: its host host has no attribute for card pci_0000_83_00_0",
            "guest-a: cannot look up card gpupci7 of guest-a: its host host has no attribute gpupci7",
            "guest-b: the attribute gpupci of guest-b has an invalid value: the value is empty",
        ]
    );
}

#[test]
fn nodes_of_one_name_are_reported_once() {
    let nodes = vec![
        node(1, "host", None),
        node(2, "HOST", None),
        node(3, "host ", None),
    ];
    assert_eq!(lines(nodes, &[]), ["host: 3 nodes have this name"]);
}
