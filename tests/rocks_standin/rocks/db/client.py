"""A client of MySQL in Python alone: none is installed for every Python of the tests.

It logs in over a Unix socket without a password and sends statements as text. Integers come back as int,
all else as native strings whose bytes are unchanged.
"""

import socket
import struct

INTEGERS = {1, 2, 3, 8, 9}
# Long passwords, a database, the protocol of 4.1, transactions, 20 bytes of salt, named logins.
ABILITIES = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000
LATIN1 = 8


class Error(Exception):
    """What the server refused."""


class Client:
    """A connection to the server at a socket."""

    def __init__(self, path, database, user='root'):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream = self.socket.makefile('rb')
        self.read()
        login = struct.pack('<IIB23x', ABILITIES, 1 << 24, LATIN1)
        login += user.encode() + b'\0\0' + database.encode() + b'\0mysql_native_password\0'
        self.send(login, 1)
        self.read()

    def query(self, statement):
        """The rows of a statement."""
        self.send(b'\3' + to_bytes(statement), 0)
        count, _ = number(self.read(), 0)
        kinds = [kind(self.read()) for _ in range(count)]
        if not kinds:
            return []
        self.read()
        return list(self.rows(kinds))

    def rows(self, kinds):
        """The rows up to the packet that ends them."""
        while True:
            packet = self.read()
            if packet[0] == 0xfe and len(packet) < 9:
                return
            yield row(packet, kinds)

    def read(self):
        """The next packet; the server's message is raised."""
        head = bytearray(self.stream.read(4))
        packet = bytearray(self.stream.read(head[0] | head[1] << 8 | head[2] << 16))
        if packet[0] == 0xff:
            raise Error(to_native(bytes(packet[9:])))
        return packet

    def send(self, data, sequence):
        """Sends one packet."""
        self.socket.sendall(struct.pack('<I', len(data) | sequence << 24) + data)

    def close(self):
        """Says good-bye to the server."""
        self.send(b'\1', 0)
        self.stream.close()
        self.socket.close()


def number(packet, at):
    """A length, and where it ends; None for NULL."""
    first = packet[at]
    if first == 0xfb:
        return None, at + 1
    size = {0xfc: 2, 0xfd: 3, 0xfe: 8}.get(first, 0)
    if size == 0:
        return first, at + 1
    end = at + 1 + size
    return sum(byte << 8 * place for place, byte in enumerate(packet[at + 1:end])), end


def text(packet, at):
    """A text, and where it ends; None for NULL."""
    size, at = number(packet, at)
    return (None, at) if size is None else (bytes(packet[at:at + size]), at + size)


def kind(packet):
    """The type of a column."""
    at = 0
    for _ in range(6):
        _, at = text(packet, at)
    return packet[at + 7]


def row(packet, kinds):
    """The values of a row."""
    values, at = [], 0
    for column in kinds:
        value, at = text(packet, at)
        if value is not None:
            value = int(value) if column in INTEGERS else to_native(value)
        values.append(value)
    return tuple(values)


def to_bytes(statement):
    """A statement as it is sent."""
    return statement if isinstance(statement, bytes) else statement.encode('utf-8', 'surrogateescape')


def to_native(data):
    """A text of the server as `str`."""
    return data if str is bytes else data.decode('utf-8', 'surrogateescape')
