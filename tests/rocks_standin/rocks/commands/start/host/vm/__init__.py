"""Starts guests as Rocks 7 does: with the XML of their report, and a second time if a disk seems missing.

In place of libvirt, ROCKS_STANDIN_LIBVIRT has the error of each start; without it guests start.
"""

import os
import sys

import rocks.commands.start.host

# What Rocks looks for in an error of libvirt. An error with one of them never reaches the administrator.
MISSING_DISK = ["Disk isn't accessible", 'Disk image does not exist', 'No such file or directory']


class Command(rocks.commands.start.host.command):
    """
    Start virtual machines.

    <arg type='string' name='host' repeat='1'>
    One or more virtual machines.
    </arg>

    <example cmd='start host vm rocks-33'>
    Starts rocks-33.
    </example>
    """

    def run(self, params, args):
        for node in self.newdb.getNodesfromNames(args):
            xml = self.command('report.host.vm.config', [node.name])
            if not self.bootVM(xml):
                sys.stderr.write('rocks-create-vm-disks --hostname=%s\n' % node.name)
                if not self.bootVM(xml):
                    self.abort('unable to boot the virtual machine')

    def bootVM(self, xml):
        """Whether the guest started; False if a disk seems to be missing."""
        if '<domain' not in xml:
            self.abort('there is no domain to define')
        error = os.environ.get('ROCKS_STANDIN_LIBVIRT')
        if not error:
            return True
        # Rocks does not see a phrase at the very beginning.
        if any(error.find(phrase) >= 1 for phrase in MISSING_DISK):
            return False
        return self.abort(error)
