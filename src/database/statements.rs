//! All SQL statements. They run on both databases, except those that create the embedded tables.

use crate::database::session::Locking;

/// Nodes (kind 0) and attributes (kind 1) in one answer, so that one query reads a consistent cluster:
/// kind, id, name, appliance or value, os or category, member, rack or precedence, guest?, host.
macro_rules! node_columns {
    () => {
        "SELECT 0, n.ID, n.Name, p.Name, n.OS, NULL, n.Rack, v.Node, v.PhysNode "
    };
}
macro_rules! node_joins {
    () => {
        "LEFT JOIN memberships m ON m.ID = n.Membership \
         LEFT JOIN appliances p ON p.ID = m.Appliance \
         LEFT JOIN vm_nodes v ON v.Node = n.ID "
    };
}
macro_rules! attributes_of {
    () => {
        "SELECT 1, a.ID, a.Attr, a.Value, g.Name, c.Name, r.Precedence, NULL, NULL \
         FROM categories g \
         JOIN resolvechain r ON r.Category = g.ID AND r.Name = 'default' \
         JOIN catindex c ON c.Category = g.ID \
         JOIN attributes a ON a.Catindex = c.ID AND a.Category = g.ID \
         WHERE a.Attr LIKE '%gpupci%' "
    };
}

/// The whole cluster.
pub(super) const CLUSTER: &str = concat!(
    node_columns!(),
    "FROM nodes n ",
    node_joins!(),
    "UNION ALL ",
    attributes_of!(),
);

/// The nodes `s` of a name, the nodes `n` that `others` joins to them, and the attributes of both.
macro_rules! part_of_cluster {
    ($others:literal) => {
        concat!(
            node_columns!(),
            "FROM nodes n ",
            node_joins!(),
            "WHERE n.Name = ? UNION ALL ",
            node_columns!(),
            "FROM nodes s ",
            $others,
            node_joins!(),
            "WHERE s.Name = ? UNION ALL ",
            attributes_of!(),
            "AND g.Name <> 'host' UNION ALL ",
            attributes_of!(),
            "AND g.Name = 'host' AND c.Name = ? UNION ALL ",
            attributes_of!(),
            "AND g.Name = 'host' AND c.Name IN (SELECT n.Name FROM nodes s ",
            $others,
            "WHERE s.Name = ?)",
        )
    };
}

/// The guests of a name, their hosts, and the attributes of both.
pub(super) const GUEST: &str =
    part_of_cluster!("JOIN vm_nodes w ON w.Node = s.ID JOIN nodes n ON n.ID = w.PhysNode ");

/// The hosts of a name, their guests, and the attributes of both.
pub(super) const GUESTS_OF: &str =
    part_of_cluster!("JOIN vm_nodes w ON w.PhysNode = s.ID JOIN nodes n ON n.ID = w.Node ");

/// How many parameters of these two statements are the name.
pub(super) const NAME_PARAMETERS: usize = 4;

/// Aliases (kind 0), interfaces (kind 1) and appliances (kind 2):
/// kind, node, alias or MAC or appliance, IP, name, zone.
pub(super) const DIRECTORY: &str = "SELECT 0, Node, Name, NULL, NULL, NULL FROM aliases \
     UNION ALL SELECT 1, t.Node, t.MAC, t.IP, t.Name, s.dnszone FROM networks t \
     LEFT JOIN subnets s ON s.ID = t.Subnet \
     UNION ALL SELECT 2, NULL, Name, NULL, NULL, NULL FROM appliances";

macro_rules! own_attributes {
    () => {
        "SELECT a.ID, a.Attr, a.Value FROM attributes a \
         JOIN catindex c ON c.ID = a.Catindex AND c.Category = a.Category \
         JOIN categories g ON g.ID = c.Category \
         WHERE g.Name = 'host' AND c.Name = ? AND a.Attr LIKE 'gpupci%'"
    };
}

/// The attributes of a host itself, to be changed: id, name, value.
pub(super) const OWN_ATTRIBUTES: Locking = Locking {
    mysql: concat!(own_attributes!(), " FOR UPDATE"),
    sqlite: own_attributes!(),
};

/// The category `host`: id.
pub(super) const HOST_CATEGORY: &str = "SELECT ID FROM categories WHERE Name = 'host'";

/// The member of the category `host` for a host: id. By name, category.
pub(super) const MEMBER: &str = "SELECT ID FROM catindex WHERE Name = ? AND Category = ?";

/// Creates that member: name, category.
pub(super) const INSERT_MEMBER: &str = "INSERT INTO catindex (Name, Category) VALUES (?, ?)";

/// name, value, category, member.
pub(super) const INSERT_ATTRIBUTE: &str =
    "INSERT INTO attributes (Attr, Value, Category, Catindex) VALUES (?, ?, ?, ?)";

/// value, id.
pub(super) const UPDATE_ATTRIBUTE: &str = "UPDATE attributes SET Value = ? WHERE ID = ?";

/// id.
pub(super) const DELETE_ATTRIBUTE: &str = "DELETE FROM attributes WHERE ID = ?";

/// The membership of an appliance: id. By appliance.
pub(super) const MEMBERSHIP: &str =
    "SELECT m.ID FROM memberships m JOIN appliances p ON p.ID = m.Appliance WHERE p.Name = ?";

/// A node: id. By name.
pub(super) const NODE: &str = "SELECT ID FROM nodes WHERE Name = ?";

/// Creates a node: name, membership.
pub(super) const INSERT_NODE: &str = "INSERT INTO nodes (Name, Membership, CPUs, Rack, `Rank`, OS) \
     VALUES (?, ?, 1, 0, 0, 'linux')";

/// Marks a node as a virtual machine: node.
pub(super) const INSERT_GUEST: &str = "INSERT INTO vm_nodes (PhysNode, Node) VALUES (NULL, ?)";

/// Places a virtual machine: physical node, node.
pub(super) const PLACE_GUEST: &str = "UPDATE vm_nodes SET PhysNode = ? WHERE Node = ?";

/// The tables of the embedded database: Rocks' own, as far as we use them. `rocks::Text` implements the
/// collation.
pub(super) const EMBEDDED_TABLES: &str = "
CREATE TABLE categories (
  ID INTEGER PRIMARY KEY,
  Name VARCHAR(64) NOT NULL UNIQUE COLLATE latin1_swedish_ci,
  Description VARCHAR(512));
CREATE TABLE catindex (
  ID INTEGER PRIMARY KEY,
  Name VARCHAR(64) NOT NULL COLLATE latin1_swedish_ci,
  Category INTEGER NOT NULL REFERENCES categories (ID),
  UNIQUE (Name, Category));
CREATE TABLE resolvechain (
  ID INTEGER PRIMARY KEY,
  Name VARCHAR(64) NOT NULL COLLATE latin1_swedish_ci,
  Category INTEGER NOT NULL REFERENCES categories (ID),
  Precedence INTEGER NOT NULL,
  UNIQUE (Name, Category));
CREATE TABLE attributes (
  ID INTEGER PRIMARY KEY,
  Attr VARCHAR(128) NOT NULL COLLATE latin1_swedish_ci,
  Value TEXT,
  Shadow TEXT,
  Category INTEGER NOT NULL,
  Catindex INTEGER NOT NULL REFERENCES catindex (ID) ON DELETE CASCADE,
  UNIQUE (Attr, Category, Catindex));
CREATE INDEX attributes_catindex ON attributes (Catindex);
CREATE TABLE appliances (
  ID INTEGER PRIMARY KEY,
  Name VARCHAR(32) NOT NULL COLLATE latin1_swedish_ci,
  Graph VARCHAR(64),
  Node VARCHAR(64),
  OS VARCHAR(64));
CREATE TABLE memberships (
  ID INTEGER PRIMARY KEY,
  Name VARCHAR(64) NOT NULL COLLATE latin1_swedish_ci,
  Appliance INTEGER,
  Distribution INTEGER,
  Public VARCHAR(8));
CREATE TABLE nodes (
  ID INTEGER PRIMARY KEY,
  Name VARCHAR(128) COLLATE latin1_swedish_ci,
  Membership INTEGER,
  CPUs INTEGER,
  Rack INTEGER,
  `Rank` INTEGER,
  Arch VARCHAR(32),
  OS VARCHAR(64) COLLATE latin1_swedish_ci,
  RunAction VARCHAR(64),
  InstallAction VARCHAR(64));
CREATE INDEX nodes_name ON nodes (Name);
CREATE TABLE subnets (
  ID INTEGER PRIMARY KEY,
  name VARCHAR(32) UNIQUE,
  dnszone VARCHAR(64) UNIQUE,
  subnet VARCHAR(32),
  netmask VARCHAR(32),
  mtu INTEGER,
  servedns BOOLEAN);
CREATE TABLE networks (
  ID INTEGER PRIMARY KEY,
  Node INTEGER REFERENCES nodes (ID) ON DELETE CASCADE,
  MAC VARCHAR(64),
  IP VARCHAR(32),
  Name VARCHAR(128),
  Device VARCHAR(32),
  Subnet INTEGER REFERENCES subnets (ID) ON DELETE CASCADE,
  Module VARCHAR(128),
  VlanID INTEGER,
  Options VARCHAR(128),
  Channel VARCHAR(128),
  Disable_KVM BOOLEAN);
CREATE TABLE aliases (
  ID INTEGER PRIMARY KEY,
  Node INTEGER REFERENCES nodes (ID) ON DELETE CASCADE,
  Name VARCHAR(32));
CREATE TABLE vm_nodes (
  ID INTEGER PRIMARY KEY,
  PhysNode INTEGER REFERENCES nodes (ID) ON DELETE SET NULL,
  Node INTEGER NOT NULL REFERENCES nodes (ID) ON DELETE CASCADE,
  Mem INTEGER,
  Slice INTEGER,
  Virt_Type VARCHAR(64),
  cdrom_path VARCHAR(512));
PRAGMA user_version = 1;
";

/// The rows that every Rocks cluster starts with, as far as attributes need them.
pub(super) const EMBEDDED_ROWS: &str = "
INSERT INTO categories (ID, Name) VALUES
  (1, 'global'), (2, 'os'), (3, 'appliance'), (4, 'rack'), (5, 'host');
INSERT INTO catindex (ID, Name, Category) VALUES
  (1, 'global', 1), (2, 'linux', 2), (3, 'vm-container', 3), (4, 'hosted-vm', 3);
INSERT INTO resolvechain (Name, Category, Precedence) VALUES
  ('default', 1, 10), ('default', 2, 20), ('default', 3, 30), ('default', 4, 40), ('default', 5, 50);
INSERT INTO appliances (ID, Name) VALUES (1, 'vm-container'), (2, 'hosted-vm');
INSERT INTO memberships (ID, Name, Appliance) VALUES (1, 'VM Container', 1), (2, 'Hosted VM', 2);
";
