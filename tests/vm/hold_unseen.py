"""hold_unseen.py GROUP FUNCTION: keeps a function of vfio-pci open, where nobody can see who does.

The descriptors are on their way through a socket that nobody reads, so that no process has them. An
unbind waits for them for ever.
"""

import fcntl
import os
import socket
import struct
import sys
import time

# Documentation/driver-api/vfio.rst
SET_IOMMU, SET_CONTAINER, GET_DEVICE = 0x3B66, 0x3B68, 0x3B6A
TYPE1 = 1

group_number, function = sys.argv[1:]
container = os.open('/dev/vfio/vfio', os.O_RDWR)
group = os.open('/dev/vfio/' + group_number, os.O_RDWR)
fcntl.ioctl(group, SET_CONTAINER, struct.pack('i', container))
fcntl.ioctl(container, SET_IOMMU, TYPE1)
device = fcntl.ioctl(group, GET_DEVICE, bytearray(function.encode() + b'\0'))
into, kept = socket.socketpair()
socket.send_fds(into, [b'.'], [device, group, container])
for descriptor in (device, group, container):
    os.close(descriptor)
print('holding', flush=True)
time.sleep(600)
