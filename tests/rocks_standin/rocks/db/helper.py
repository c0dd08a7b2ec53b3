"""What commands and plugins know as `newdb`. Like Rocks, it keeps nothing: each question is a statement."""

from rocks.db.client import Client


class Node:
    """A row of `nodes`, with the one of `vm_nodes` that belongs to it."""

    def __init__(self, row):
        self.ID, self.name, self.membership_ID, self.cpus, self.host_ID, self.mem, self.virt_type = row

    def is_guest(self):
        """Whether it is a virtual machine."""
        return self.mem is not None


NODES = """select n.ID, n.Name, n.Membership, n.CPUs, v.PhysNode, v.Mem, v.Virt_Type
from nodes n left join vm_nodes v on v.Node = n.ID where %s order by n.ID"""


class DatabaseHelper:
    """Rocks' own connection to its database."""

    def __init__(self, socket, database):
        self.client = Client(socket, database)
        self.results = ()

    def execute(self, command):
        """Runs a statement; returns how many rows it gives."""
        self.results = self.client.query(command)
        return len(self.results)

    def fetchone(self):
        """The first row of the last statement that was not fetched yet."""
        if not self.results:
            return ()
        first, self.results = self.results[0], self.results[1:]
        return first

    def fetchall(self):
        """The other rows of the last statement."""
        rows, self.results = self.results, ()
        return rows

    def ask(self, statement, *values):
        """The rows of a statement with these values."""
        self.execute(statement % tuple(quoted(value) for value in values))
        return self.fetchall()

    def getNodesfromNames(self, names):
        """The nodes of these names and patterns, in table order; all if there is no name."""
        wanted = [(NODES % 'n.Name like %s' if '%' in name else NODES % 'n.Name = %s', name) for name in names]
        if not names:
            wanted = [(NODES % '1 = %s', 1)]
        found = {}
        for statement, name in wanted:
            found.update((row[0], Node(row)) for row in self.ask(statement, name))
        return [found[number] for number in sorted(found)]

    def getHostAttrs(self, node):
        """All attributes that apply to a node, by name: two statements, as many as Rocks sends."""
        attributes = {}
        for appliance, membership in self.ask(
                'select p.Name, m.Name from memberships m join appliances p on p.ID = m.Appliance'
                ' where m.ID = %s', node.membership_ID):
            attributes.update(hostname=node.name, appliance=appliance, membership=membership)
        # The names are compared as the tables do it: the last of the highest precedence stays.
        winners = {}
        for name, value in self.ask(
                'select a.Attr, a.Value from hostselections s'
                ' join attributes a on a.Category = s.category and a.Catindex = s.selection'
                ' join resolvechain r on r.Category = s.category'
                ' where s.host = %s order by r.Precedence', node.name):
            winners[name.lower().rstrip(' ')] = (name, value)
        attributes.update(winners.values())
        return attributes

    def getHostAttr(self, node, name):
        """One attribute of a node; None if it has none of this name."""
        return self.getHostAttrs(node).get(name)

    def getInterfaces(self, node, tap):
        """The device of the host and the MAC address of each interface of a guest in a subnet of both."""
        return self.ask(
            'select h.Device, g.MAC from networks g join networks h on h.Subnet = g.Subnet'
            " where g.Node = %s and h.Node = %s and g.Disable_KVM = 0 and (h.Device like 'vlan%%') = %s"
            ' order by g.ID', node.ID, node.host_ID or 0, int(tap))

    def getHostName(self, node):
        """The name of the host that a guest runs on."""
        return self.ask('select Name from nodes where ID = %s', node.host_ID or 0)

    def commit(self):
        """Nothing was changed."""


def quoted(value):
    """A value in a statement."""
    if isinstance(value, int):
        return str(value)
    return "'%s'" % value.replace('\\', '\\\\').replace("'", "''")
