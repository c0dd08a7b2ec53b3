"""into_image.py IMAGE FUNCTION: puts a <hostdev> for FUNCTION into the domain XML of a save image.

As QEMU saves no guest with such a device, this is what an image of a device that can be saved looks
like to libvirt and its hooks. The header: 16 bytes of magic, then 19 numbers of 32 bits, of which the
second is the length of what follows it, the XML and a second text, and the fifth is where that one starts.
"""

import struct
import sys

HEADER = struct.Struct('<16s19I')
HOSTDEV = """<hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x%s' bus='0x%s' slot='0x%s' function='0x%s'/></source>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x09' function='0x0'/>
    </hostdev>
  </devices>"""

path, function = sys.argv[1:]
with open(path, 'rb') as image:
    magic, *numbers = HEADER.unpack(image.read(HEADER.size))
    texts = image.read(numbers[1])
    memory = image.read()
address, number = function.split('.')
hostdev = HOSTDEV % (*address.split(':'), number)
changed = texts.replace(b'</devices>', hostdev.encode(), 1)
grown = len(changed) - len(texts)
numbers[1] += grown
if numbers[4]:
    numbers[4] += grown
with open(path, 'wb') as image:
    image.write(HEADER.pack(magic, *numbers) + changed + memory)
