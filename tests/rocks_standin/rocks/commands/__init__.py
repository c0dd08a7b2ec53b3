"""The base classes of commands and plugins."""

import importlib
import os
import re

import rocks.util
from rocks.commands.docstring import DocString

# The odd `A-z` is Rocks' own: it lets through [ \ ] ^ _ and the backquote.
PARAMETER = re.compile(r'^[a-zA-z0-9\-_+]+=')


# No `object` among the bases, here and below: in Python 2 Rocks has old-style classes.
class Command:
    """Base of all commands."""

    MustBeRoot = 1

    def __init__(self, database):
        self.db = database
        self.newdb = database
        self.text = ''

    def run(self, params, args):
        """What the command does; each command has its own."""

    def abort(self, msg):
        """Ends the command with an error."""
        # Rocks sends the message to syslog first, which accepts only a native string.
        if not isinstance(msg, str):
            raise TypeError('%r is no native string' % (msg,))
        raise rocks.util.CommandError(msg)

    def addText(self, s):
        """Appends to the output."""
        if s:
            self.text += s

    def getText(self):
        """All output so far."""
        return self.text

    def usage(self):
        """The line that follows an error."""
        if not self.__doc__:
            return '-- missing doc string --'
        return DocString(self.__doc__).usage()

    def help(self, name):
        """Prints the doc string instead of running the command."""
        if self.__doc__:
            prompt = '#' if self.MustBeRoot else '$'
            self.addText(DocString(self.__doc__).help_text(name, prompt))

    def runWrapper(self, name, args):
        """Parses the arguments and runs the command."""
        params, words = split_words(args)
        if words[:1] == ['help']:
            self.help(name)
        elif self.MustBeRoot and not is_root():
            self.abort('command "%s" requires root' % name)
        else:
            self.run(params, words)

    def command(self, name, args):
        """The output of another command, such as `report.host.vm.config`."""
        other = importlib.import_module('rocks.commands.' + name).Command(self.newdb)
        other.runWrapper(name.replace('.', ' '), args)
        return other.getText()

    def loadPlugins(self):
        """One object of every plugin_*.py beside the command."""
        folder = importlib.import_module(self.__module__).__path__[0]
        names = sorted(file[:-3] for file in os.listdir(folder)
                       if file.startswith('plugin_') and file.endswith('.py'))
        modules = [importlib.import_module('%s.%s' % (self.__module__, name)) for name in names]
        return [module.Plugin(self) for module in modules if hasattr(module, 'Plugin')]


class Plugin:
    """Base of all plugins."""

    def __init__(self, command):
        self.owner = command
        self.db = command.db

    def provides(self):
        """The name of the plugin."""

    def requires(self):
        """Names of plugins that run before this one."""
        return []

    def precedes(self):
        """Names of plugins that run after this one."""
        return []

    def run(self, args):
        """What the plugin does; each plugin has its own."""


def split_words(args):
    """Parameters (NAME=VALUE, the last of a name counts) and the other arguments."""
    params, words = {}, []
    for arg in args:
        # An argument without a word is an IndexError here, which nobody catches: so it is in Rocks.
        first = arg.split()[0]
        # An SQL statement may select hosts; its equal signs are its own.
        if PARAMETER.match(arg) and first != 'select':
            name, value = arg.split('=', 1)
            params[name] = value
            params.setdefault('@ROCKSPARAM0', arg)
        else:
            words.append(arg)
    return params, words


def is_root():
    """Whether to behave as for root: the test decides, otherwise the system."""
    wanted = os.environ.get('ROCKS_STANDIN_ROOT')
    return wanted == '1' if wanted else os.geteuid() == 0
