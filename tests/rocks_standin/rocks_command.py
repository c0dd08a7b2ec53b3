#!/usr/bin/env python
"""A stand-in for the program `rocks`: finds the command that the arguments name and runs it.

The package `rocks` comes from PYTHONPATH, where merge.py has put stand-in and shims together.
"""

import importlib
import os
import sys

# Python searches the folder of this script first, which has the stand-in without the shims.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [folder for folder in sys.path if os.path.abspath(folder) != HERE]


def main(words):
    """Runs the command; returns the exit status."""
    module, used = find_command(words)
    if not hasattr(module, 'Command'):
        show('error - invalid rocks command "%s"' % ' '.join(words[:1]))
        return 255
    command = module.Command(connect())
    return run(command, ' '.join(words[:used]), words[used:])


def connect():
    """Rocks' database; None if the test has none."""
    socket = os.environ.get('ROCKS_STANDIN_SOCKET')
    if not socket:
        return None
    from rocks.db.helper import DatabaseHelper
    return DatabaseHelper(socket, os.environ['ROCKS_STANDIN_DATABASE'])


def find_command(words):
    """The module of the longest prefix of the arguments that can be imported, and its length."""
    for used in range(len(words), 0, -1):
        try:
            return importlib.import_module('.'.join(['rocks', 'commands'] + words[:used])), used
        # As in Rocks, Python 2's ValueError for an empty word is not caught.
        except ImportError:
            continue
    return None, 0


def run(command, name, args):
    """Runs a command and prints its output."""
    from rocks.util import CommandError
    try:
        command.runWrapper(name, args)
    except CommandError as error:
        show('Error: %s\n%s' % (error, command.usage()))
        return 1
    if command.getText():
        show(command.getText())
    return 0


def show(text):
    """Prints to stdout, with a newline at the end."""
    if not text.endswith('\n'):
        text += '\n'
    if str is bytes:
        sys.stdout.write(text)
    else:
        # In any locale, bytes that are not UTF-8 are printed unchanged.
        sys.stdout.buffer.write(text.encode('utf-8', 'surrogateescape'))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
