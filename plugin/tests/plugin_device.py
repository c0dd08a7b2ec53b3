"""Checks what the plugin asks, and of whom: plugin_device.py PACKAGES, a folder with the merged `rocks`.

The database and the library are replaced; what they are asked is counted.
"""

import sys

sys.path.insert(0, sys.argv[1])

import rocks
import rocks.commands
import rocks.gpupt_command
from rocks.commands.report.host.vm.config import plugin_device


class Library:
    """In place of rocks.gpupt_library: gives each guest a card."""

    class Failure(Exception):
        """Never raised."""

    opened = 0

    class Session:
        """A session that adds a line."""

        def __init__(self):
            Library.opened += 1

        def splice(self, guest, xml):
            """The card of a guest."""
            return xml + b'\ncard of ' + guest

    to_bytes = staticmethod(lambda text: text.encode())
    to_native = staticmethod(lambda data: str(data.decode()))


class Node:
    """A guest."""

    def __init__(self, name, number=None):
        self.name = name
        if number is not None:
            self.ID = number


class Asked:
    """A database that answers with `rows` or an attribute, or fails where an answer is an exception."""

    def __init__(self, rows, attribute=None):
        self.answers, self.asked = {'rows': rows, 'attribute': attribute}, []

    def answer(self, what):
        """Notes the question."""
        self.asked.append(what)
        if isinstance(self.answers[what], Exception):
            raise self.answers[what]
        return self.answers[what]

    def execute(self, statement):
        """How many rows there are."""
        assert statement.startswith('select ') and '%' not in statement
        rows = self.answer('rows')
        return None if rows is None else len(rows)

    def fetchall(self):
        """The rows."""
        return self.answers['rows'] or ()

    def getHostAttr(self, node, name):
        """The attribute."""
        assert isinstance(node, Node) and name == 'gpupci'
        return self.answer('attribute')


class AllAttributes:
    """A database that runs no statements of others, and gives all attributes of a node."""

    def __init__(self, attributes):
        self.getHostAttrs = lambda node: attributes
        self.getHostAttr = lambda node, name: attributes.get(name)


class OnlyAttributes:
    """A database that runs no statements of others."""

    def __init__(self, attribute):
        self.getHostAttr = lambda node, name: attribute


def report(newdb, *nodes):
    """Which guests get a card in one report; how many sessions it opened."""
    command = rocks.commands.Command(newdb)
    Library.opened = 0
    found = []
    for node in nodes:
        # Rocks makes a plugin for each guest.
        xml = plugin_device.Plugin(command).run(node, ['<devices>', '</devices>'])
        found += [node.name] if xml[2:] == ['card of ' + node.name] else []
    return found, Library.opened


def check(found, expected, what):
    """Ends with a message if two values differ."""
    if found != expected:
        sys.exit('%s: %r instead of %r' % (what, found, expected))


class Closed:
    """A stderr that nobody reads."""

    def __init__(self, error):
        self.error = error

    def write(self, text):
        """Fails."""
        raise self.error


def check_that_warnings_do_no_harm():
    """Each way to have no stderr, of Python 2 and 3."""
    usual = sys.stderr
    for closed in [None, Closed(IOError(9, 'closed')), Closed(OSError(9, 'closed')), Closed(ValueError('closed'))]:
        sys.stderr = closed
        plugin_device.warn('a warning')
        rocks.gpupt_command.print_notes(b'a note')
    sys.stderr = usual


def main():
    """All ways to ask."""
    rocks.gpupt_library = sys.modules['rocks.gpupt_library'] = Library
    one, two, three = Node('one', 1), Node('two', 2), Node('three', 3)

    newdb = Asked([(2,), ('3',), (2,)])
    check(report(newdb, one, two, three, two), (['two', 'three', 'two'], 1), 'rows name two guests')
    check(newdb.asked, ['rows'], 'one statement for a report')
    check(report(Asked([]), one, two), ([], 0), 'no row')

    broken = Exception('broken')
    for rows in [None, broken, [('x',)], [()]]:
        check(report(Asked(rows), one), ([], 0), 'no answer, no attribute')
        check(report(Asked(rows, ''), one), (['one'], 1), 'no answer, an empty attribute')
        check(report(Asked(rows, broken), one, two), (['one', 'two'], 1), 'no answer at all')
    check(report(Asked([], 'x'), Node('old')), (['old'], 1), 'a node without a number')
    check(report(OnlyAttributes(None), one), ([], 0), 'only attributes, none')
    check(report(OnlyAttributes('x'), one), (['one'], 1), 'only attributes')
    for name in ['gpupci', 'gpupci  ', 'GPUPCI']:
        for value in ['x', '', None]:
            check(report(AllAttributes({'os': 'linux', name: value}), one), (['one'], 1), repr((name, value)))
    check(report(AllAttributes({'gpupci1': 'x', ' gpupci': 'x', 'gpupci\t': 'x'}), one), ([], 0), 'other names')
    check(report(AllAttributes({}), one), ([], 0), 'no attributes')
    check(report(AllAttributes(None), one), (['one'], 1), 'no answer instead of attributes')
    check(report(None, one, two), (['one', 'two'], 1), 'no database')


check_that_warnings_do_no_harm()
main()
