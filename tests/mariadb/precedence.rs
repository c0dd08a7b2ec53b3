//! Which of several attributes is effective, compared with a simple computation from the rows.

use std::collections::{BTreeMap, BTreeSet};

use gpupt::guest::{GuestName, splice_guest};
use gpupt::host::Machine;
use gpupt::rocks::{Attribute, AttributeSource, Cluster, Node, Text, cards_of_guest};
use mysql::Conn;
use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;
use serde_json::Value as Json;

use crate::support::TestHost;
use crate::{Dice, fresh, library};

const NAMES: [&str; 9] = [
    "gpupci",
    "GPUPCI",
    "gpupci1",
    "gpupci2",
    "gpupciA",
    "gpupcia",
    "my_gpupci",
    "gpupci1_old",
    "gpupci 3",
];
const VALUES: [&str; 5] = [
    "pci_0000_02_00_0",
    "gpupci1",
    "gpupci2,gpupci1",
    "nonsense",
    "",
];

/// For each host: the member of each category that applies to it.
type Memberships = BTreeMap<String, BTreeSet<(String, String)>>;

/// A stored attribute: category, member, name, value.
type Stored = (String, String, String, String);

/// Fills the tables with a random cluster: precedences, systems, appliances, attributes.
fn shuffle(root: &mut Conn, dice: &mut Dice) {
    let mut precedences = [10, 20, 30, 40, 50];
    for last in (1..precedences.len()).rev() {
        precedences.swap(last, dice.below(last + 1));
    }
    let mut statements = vec![
        "delete from attributes".to_owned(),
        "delete from resolvechain where Name <> 'default'".to_owned(),
    ];
    for (category, precedence) in (1..).zip(precedences) {
        statements.push(format!(
            "update resolvechain set Precedence = {precedence} where Category = {category}"
        ));
        // A second chain has the opposite order and must be ignored.
        statements.push(format!("insert into resolvechain (Name, Category, Precedence) values ('other', {category}, {})", 100 - precedence));
    }
    for node in 1..=6 {
        let os = dice.one_of(&["linux", "sunos"]);
        let membership = dice.one_of(&[1, 2, 7, 8, 8, 99]);
        statements.push(format!(
            "update nodes set OS = '{os}', Membership = {membership} where ID = {node}"
        ));
    }
    statements.push("update catindex set Name = 'ROCKS-33' where ID = 16".to_owned());
    for statement in statements {
        root.query_drop(&statement).expect(&statement);
    }
    for _ in 0..60 {
        let statement = "insert ignore into attributes (Attr, Value, Category, Catindex) \
             select ?, ?, Category, ID from catindex where ID = ?";
        let parameters = (
            dice.one_of(&NAMES),
            dice.one_of(&VALUES),
            1 + dice.below(18),
        );
        root.exec_drop(statement, parameters).expect("a row");
    }
}

/// The effective attributes of each host by definition: of all rows of one name that apply to it,
/// the one whose category has the highest precedence in the default chain.
fn plainly(root: &mut Conn) -> BTreeMap<String, BTreeSet<Stored>> {
    let stored: Vec<Stored> = root
        .query("select category, catindex, attr, value from vattributes where attr like '%gpupci%'")
        .expect("rows");
    let chain: BTreeMap<String, i64> = root
        .query::<(String, i64), _>(
            "select category, precedence from vresolvechain where chain = 'default'",
        )
        .expect("rows")
        .into_iter()
        .collect();
    let mut counting = BTreeMap::new();
    for (host, members) in memberships(root) {
        let mut winners: BTreeMap<String, &Stored> = BTreeMap::new();
        for row in &stored {
            if !members.contains(&(row.0.clone(), row.1.to_lowercase())) {
                continue;
            }
            let winner = winners.entry(row.2.to_lowercase()).or_insert(row);
            if chain[&winner.0] < chain[&row.0] {
                *winner = row;
            }
        }
        let shown = winners
            .into_values()
            .filter(|row| row.2.contains("gpupci"))
            .cloned();
        counting.insert(host, shown.collect());
    }
    counting
}

fn memberships(root: &mut Conn) -> Memberships {
    let rows: Vec<(String, String, Option<String>)> = root
        .query(
            "select n.Name, n.OS, p.Name from nodes n left join memberships m on m.ID = n.Membership \
             left join appliances p on p.ID = m.Appliance",
        )
        .expect("rows");
    let mut all = Memberships::new();
    for (host, os, appliance) in rows {
        let member = |category: &str, name: &str| (category.to_owned(), name.to_lowercase());
        let own = [
            member("global", "global"),
            member("os", &os),
            member("host", &host),
        ];
        let appliance = appliance.map(|appliance| member("appliance", &appliance));
        all.insert(host, own.into_iter().chain(appliance).collect());
    }
    all
}

/// The rows of `gpupci host list --json`: host, category, name, value.
fn listed(host: &TestHost) -> BTreeSet<(String, String, String, String)> {
    let json: Json = serde_json::from_str(&host.line("host list --json").answer()).expect("JSON");
    let gpus = json["gpus"].as_array().expect("a list").iter();
    let text = |gpu: &Json, key: &str| gpu[key].as_str().expect("text").to_owned();
    gpus.map(|gpu| {
        (
            text(gpu, "host"),
            text(gpu, "category"),
            text(gpu, "gpu"),
            text(gpu, "value"),
        )
    })
    .collect()
}

#[test]
fn effective_attributes_equal_those_of_the_plain_definition() {
    let (host, mut root) = fresh();
    let switch: Option<String> = root
        .query_first("select @@optimizer_switch")
        .expect("a text");
    assert!(
        switch.unwrap_or_default().contains("split_materialized=on"),
        "the server's own choice"
    );
    let mut dice = Dice(2018);
    for round in 0..25 {
        shuffle(&mut root, &mut dice);
        let mut expected = BTreeSet::new();
        for (host, rows) in plainly(&mut root) {
            let shown = rows.into_iter().filter(|row| !row.2.ends_with("_old"));
            expected.extend(
                shown.map(|(category, _, name, value)| (host.clone(), category, name, value)),
            );
        }
        assert!(expected.len() > 10, "round {round}: enough to see");
        assert_eq!(listed(&host), expected, "round {round}");
    }
}

/// The query for one guest and the query for the whole cluster must agree.
#[test]
fn query_of_one_guest_agrees_with_that_of_the_cluster() {
    let (host, mut root) = fresh();
    for statement in [
        "update vm_nodes set PhysNode = NULL where Node = 6",
        "insert into nodes (ID, Name, Membership) values (7, 'ROCKS-33', 8), (8, 'compute-0-0 ', 2)",
        "insert into vm_nodes (PhysNode, Node) values (3, 7)",
    ] {
        root.query_drop(statement).expect(statement);
    }
    let mut dice = Dice(33);
    let mut with_cards = 0;
    for round in 0..25 {
        shuffle(&mut root, &mut dice);
        let mut database = library(&host);
        let wide = database.cluster().expect("an answer");
        assert!(wide.nodes().len() == 8);
        for node in wide.nodes() {
            let narrow = database.guest(&node.name).expect("an answer");
            let told = |cluster: &Cluster| told_of(cluster, &node.name);
            let (alone, among_all) = (told(&narrow), told(&wide));
            assert_eq!(alone, among_all, "round {round}: {}", node.name);
            with_cards += usize::from(alone.contains("Ok([Pci"));
        }
    }
    assert!(with_cards > 20, "{with_cards}: enough to see");
}

/// The effective attributes of the first node of this name, and of its host.
fn told_of(cluster: &Cluster, name: &Text) -> String {
    let node = cluster.node_named(name).expect("the node");
    let physical = node.physical_host.and_then(|id| cluster.node(id));
    let attributes = |node: &Node| {
        let shown = |a: &Attribute| format!("{} {:?} {}={:?}", a.id, a.category, a.name, a.value);
        cluster
            .attributes_of(node)
            .into_iter()
            .map(shown)
            .collect::<Vec<_>>()
            .join("\n")
    };
    format!(
        "{} {} {:?}\n{}\n{:?}\n{:?}",
        node.id,
        node.is_guest,
        physical.map(|host| host.id),
        attributes(node),
        physical.map(attributes),
        cards_of_guest(cluster, node, physical)
    )
}

#[test]
fn guest_gets_cards_from_appliance_and_global_attributes() {
    let (host, mut root) = fresh();
    for (member, name, value) in [
        (1, "gpupci", "gpupci2"),
        (11, "gpupci2", "pci_0000_03_00_0"),
        (14, "gpupci2", "pci_0000_04_00_0"),
    ] {
        let statement = "insert into attributes (Attr, Value, Category, Catindex) select ?, ?, Category, ID from catindex where ID = ?";
        root.exec_drop(statement, (name, value, member))
            .expect("a row");
    }
    let splice = |guest: &str| {
        let machine = Machine::at(host.root.path());
        let xml = splice_guest(
            GuestName::Any(guest),
            b"<devices/>",
            &mut library(&host),
            &machine,
        );
        String::from_utf8(xml.expect("it is spliced")).expect("UTF-8")
    };
    assert!(
        splice("rocks-33").contains("bus='0x03'"),
        "its host's appliance names the card"
    );
    assert!(
        splice("rocks-34").contains("bus='0x04'"),
        "its host's own name goes before"
    );
    assert!(
        splice("gpuvm").contains("bus='0x03'"),
        "an alias names the same guest"
    );
    root.query_drop("insert into attributes (Attr, Value, Category, Catindex) values ('gpupci', 'pci_0000_05_00_0', 3, 12)").expect("a row");
    assert!(
        splice("rocks-33").contains("bus='0x05'"),
        "the appliance goes before everybody"
    );
}

/// The tables allow two categories with the same precedence.
#[test]
fn splice_and_report_agree_if_categories_have_equal_precedence() {
    let (host, mut root) = fresh();
    root.query_drop("update resolvechain set Precedence = 10")
        .expect("all are one");
    for (member, value) in [(1, 2), (2, 3), (12, 4), (16, 5)] {
        let statement = "insert into attributes (Attr, Value, Category, Catindex) \
             select 'gpupci', concat('pci_0000_0', ?, '_00_0'), Category, ID from catindex where ID = ?";
        root.exec_drop(statement, (value, member)).expect("a row");
    }
    for guest in ["rocks-33", "rocks-34"] {
        let listed = host.line(&format!("host report {guest}")).answer();
        let (_, bus) = listed.split_once("pci_0000_").expect("an address");
        let spliced = host.gpupci_reading(&["splice", guest], b"<devices/>");
        let wanted = format!("bus='0x{}'", &bus[..2]);
        let spliced = spliced.answer();
        assert!(spliced.contains(&wanted), "{guest}: {listed}{spliced}");
    }
}
