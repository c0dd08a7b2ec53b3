"""Writes the domain XML of two guests as Rocks 7 does, its plugin included."""

import os

import rocks.commands.report.host.vm

# The MAC addresses of a guest, on eth0 and on eth1.
GUESTS = {
    'rocks-33': ['0a:64:33:80:00:00', '0a:64:33:80:00:01'],
    'rocks-34': ['0a:64:33:80:00:02', '0a:64:33:80:00:03'],
}

HEAD = """\
<domain type='kvm'>
  <name>%s</name>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <boot dev='network'/>
    <boot dev='hd'/>
    <bootmenu enable='yes'/>
  </os>
  <memory>8388608</memory>
  <vcpu>4</vcpu>
  <cpu>
   <mode>host-passthrough</mode>
  </cpu>
  <features>
    <acpi/>
    <apic/>
    <pae/>
  </features>"""

INTERFACE = """\
    <interface type='bridge'>
      <source bridge='eth%d'/>
      <mac address='%s'/>
      <model type='virtio'/>
    </interface>"""

DISK = """\
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/state/partition1/kvm/disks/%s.vda'/>
      <target dev='vda' bus='virtio'/>
    </disk>"""


class Node:
    """A host of the database, as far as a plugin looks at it."""

    def __init__(self, name):
        self.name = name


class Command(rocks.commands.report.host.vm.command):
    """
    Print the domain XML of virtual machines.

    <arg type='string' name='host' repeat='1'>
    One or more virtual machines.
    </arg>

    <example cmd='report host vm config rocks-33'>
    The XML that rocks-33 is started with.
    </example>
    """

    def run(self, params, args):
        if not args:
            self.abort('must supply at least one host')
        plugins = self.loadPlugins()
        for name in args:
            if name not in GUESTS:
                self.abort('cannot resolve host "%s"' % name)
            owner = '%s: ' % name if len(args) > 1 else ''
            self.addText(owner + '\n'.join(self.domain(plugins, Node(name))) + '\n')

    def domain(self, plugins, node):
        """The whole domain as a list of strings."""
        inside = self.runXMLPlugin(plugins, 'plugin_device', node, devices(node.name))
        return [HEAD % node.name] + inside + ['</domain>']

    def runXMLPlugin(self, plugins, name, node, xml):
        """Puts what the first plugin of that name returns in place of `xml`."""
        for plugin in plugins:
            if name in plugin.__module__:
                return plugin.run(node, xml)
        return xml


def devices(guest):
    """The devices of a guest; an item is a line or, for some, several lines."""
    items = ['  <devices>', '    <emulator>/usr/libexec/qemu-kvm</emulator>']
    for number, mac in enumerate(GUESTS[guest]):
        items.extend((INTERFACE % (number, mac)).split('\n'))
    items.append(DISK % guest)
    items.extend(attribute_devices())
    return items + [
        "    <graphics type='vnc' port='-1' keymap='en-us'/>",
        "    <console tty='/dev/pts/0'/>",
        '  </devices>',
    ]


def attribute_devices():
    """What the attribute kvm_device_0 would add; tests set it in the environment."""
    text = os.environ.get('ROCKS_STANDIN_KVM_DEVICE_0')
    return [text] if text else []
