"""Adds the <hostdev> elements of a guest's GPU cards to its <devices>.

A guest without the attribute `gpupci` needs nothing of gpupt: Rocks' own connection to the database says
who has it. For the others libgpupt.so does the work, and for all guests if gpupt uses another database than
Rocks. It is loaded when the first of them comes, not when this file is imported: only then can the command
report a failure as its error message.
"""

import os
import sys
import rocks.commands

# The nodes that have the attribute, in any category that may apply to them. The library decides whether it
# does. The server compares the names, because only it knows the rule of its tables.
HAVE_CARDS = """\
select n.ID from attributes a, categories g, catindex c, nodes n
where a.Attr = 'gpupci' and g.ID = a.Category and c.ID = a.Catindex
and g.Name = 'host' and n.Name = c.Name
union
select n.ID from attributes a, categories g, catindex c, nodes n
left join memberships m on m.ID = n.Membership
left join appliances p on p.ID = m.Appliance
where a.Attr = 'gpupci' and g.ID = a.Category and c.ID = a.Catindex
and g.Name in ('global', 'os', 'appliance')
and (g.Name = 'global' or g.Name = 'os' and c.Name = n.OS
or g.Name = 'appliance' and c.Name = p.Name)"""

# What every plugin_global.py of the former gpupt contains: the name of its QEMU.
FORMER_QEMU = b'gpupt-qemu'

INTEGERS = (int,) if sys.version_info[0] > 2 else (int, long)


class Plugin(rocks.commands.Plugin):
	"""Adds the GPU cards to the output of `rocks report host vm config`."""

	def provides(self):
		return 'gpu'

	def run(self, node, xml):
		"""Takes and returns the <devices> of guest `node` as a list of strings; a string
		may hold several lines."""
		report = self.report()
		if not report.may_have_cards(node):
			return xml
		try:
			import rocks.gpupt_library as library
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_library.py: %s' % error)
		# As bytes, because Python 2 cannot join str and unicode outside ASCII.
		before = b'\n'.join([library.to_bytes(item) for item in xml])
		try:
			after = report.session(library).splice(library.to_bytes(node.name), before)
		except library.Failure as failure:
			self.abort(failure.args[0])
		return xml if after == before else library.to_native(after).split('\n')

	def report(self):
		"""What the guests of this command share. Rocks makes a plugin for each guest, but only
		one command, which is the owner of all."""
		owner = getattr(self, 'owner', None) or self
		if not hasattr(owner, 'gpupt_report'):
			owner.gpupt_report = Report(getattr(owner, 'newdb', None))
			warn_of_former_plugin()
		return owner.gpupt_report

	def abort(self, message):
		"""Ends the command with an error, as Rocks does; does not return."""
		import rocks.util
		abort = getattr(getattr(self, 'owner', None), 'abort', None)
		if abort:
			abort(message)
		raise rocks.util.CommandError(message)


class Report:
	"""What is asked once for all guests of a command."""

	def __init__(self, newdb):
		self.newdb = newdb
		self.is_other_database = is_other_database_chosen()
		self.have_cards = None if self.is_other_database else ask_who_has_cards(newdb)
		self.opened = None

	def may_have_cards(self, node):
		"""False only if Rocks' database says that the guest has no card, and gpupt uses that database."""
		if self.is_other_database:
			return True
		if self.have_cards is not None and isinstance(getattr(node, 'ID', None), INTEGERS):
			return node.ID in self.have_cards
		try:
			return has_attribute(self.newdb, node)
		except Exception:
			# The library asks the database itself, and says what is wrong with it.
			return True

	def session(self, library):
		"""The library's session, opened for the first guest that needs it."""
		if self.opened is None:
			self.opened = library.Session()
		return self.opened


def is_other_database_chosen():
	"""Whether the environment or the settings name a database for gpupt. The library reads the settings
	as TOML. Here it is enough to find a line that may name one, also if the rest is no TOML."""
	if os.environ.get('GPUPT_DATABASE'):
		return True
	settings = os.path.join(os.environ.get('GPUPT_ROOT') or '/', 'etc/gpupt.toml')
	lines = start_of(settings).splitlines()
	return any(line.lstrip(b' \t"\'').startswith(b'database') for line in lines)


def ask_who_has_cards(newdb):
	"""The IDs of the nodes that may have cards; None if Rocks' database cannot be asked so. The connection
	answers from the moment of its first query, as for all attributes that Rocks reports."""
	try:
		# It is None without a connection; then there would be no rows either.
		if newdb.execute(HAVE_CARDS) is None:
			return None
		return set(int(row[0]) for row in newdb.fetchall())
	except Exception:
		return None


def warn_of_former_plugin():
	"""Says on stderr if the former gpupt has left its plugin_global beside this file."""
	folder = os.path.dirname(os.path.abspath(__file__))
	source, compiled = [os.path.join(folder, 'plugin_global.' + end) for end in ('py', 'pyc')]
	if FORMER_QEMU in start_of(source):
		found = '%s of an older gpupt gives guests with cards another emulator and another domain type'
	elif not os.path.exists(source) and FORMER_QEMU in start_of(compiled):
		found = '%s is the compiled rest of an older gpupt'
	else:
		return
	found = found % (source if os.path.exists(source) else compiled)
	warn('gpupt: %s\n  try:   rm -f %s %s\n' % (found, source, compiled))


def warn(text):
	"""Writes to stderr, if somebody listens: the report must not fail for lack of it."""
	try:
		sys.stderr.write(text)
		sys.stderr.flush()
	except (AttributeError, EnvironmentError, ValueError):
		pass


def has_attribute(newdb, node):
	"""Whether a node has the attribute, also without a value. The tables compare names without regard to case and
	to blanks at the end; a dictionary of Python does not."""
	if not hasattr(newdb, 'getHostAttrs'):
		return newdb.getHostAttr(node, 'gpupci') is not None
	return any(name.lower().rstrip(' ') == 'gpupci' for name in newdb.getHostAttrs(node))


def start_of(path):
	"""The first bytes of a file; none if it cannot be read."""
	try:
		# Only a file: a pipe would wait for a writer.
		if not os.path.isfile(path):
			return b''
		with open(path, 'rb') as file:
			return file.read(65536)
	except (IOError, OSError):
		return b''


RollName = "gpupt"
