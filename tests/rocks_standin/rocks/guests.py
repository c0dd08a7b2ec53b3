"""Two guests for a machine without Rocks' database."""

from rocks.db.helper import Node

# The MAC addresses of a guest, on eth0 and on eth1.
GUESTS = {
    'rocks-33': ['0a:64:33:80:00:00', '0a:64:33:80:00:01'],
    'rocks-34': ['0a:64:33:80:00:02', '0a:64:33:80:00:03'],
}


class WithoutDatabase:
    """Answers the report in place of `newdb`. Plugins do not see it: their command has no `newdb`."""

    def getNodesfromNames(self, names):
        """The guests of these names."""
        return [Node((None, name, None, 4, None, 8192, 'hvm')) for name in names if name in GUESTS]

    def getHostAttr(self, node, name):
        """The attribute that all guests have."""
        return {'cpu_mode': 'host-passthrough'}.get(name)

    def getInterfaces(self, node, tap):
        """The bridges and MAC addresses of a guest."""
        return [] if tap else [('eth%d' % number, mac) for number, mac in enumerate(GUESTS[node.name])]

    def getHostName(self, node):
        """Its host is not known."""
        return []
