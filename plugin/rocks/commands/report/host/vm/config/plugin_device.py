"""Adds the <hostdev> elements of a guest's GPU cards to its <devices>.

libgpupt.so does the work. It is loaded when the plugin runs, not when this file is imported:
only then can the command report a failure as its error message.
"""

import rocks.commands


class Plugin(rocks.commands.Plugin):
	"""Adds the GPU cards to the output of `rocks report host vm config`."""

	def provides(self):
		return 'gpu'

	def run(self, node, xml):
		"""Takes and returns the <devices> of guest `node` as a list of strings; a string
		may hold several lines."""
		try:
			import rocks.gpupt_library as library
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_library.py: %s' % error)
		# As bytes, because Python 2 cannot join str and unicode outside ASCII.
		before = b'\n'.join([library.to_bytes(item) for item in xml])
		try:
			after = self.session(library).splice(library.to_bytes(node.name), before)
		except library.Failure as failure:
			self.abort(failure.args[0])
		return xml if after == before else library.to_native(after).split('\n')

	def session(self, library):
		"""The library's session for this command. Rocks makes a plugin for each guest, but only one
		command, which is the owner of all."""
		owner = getattr(self, 'owner', None) or self
		if not hasattr(owner, 'gpupt_session'):
			owner.gpupt_session = library.Session()
		return owner.gpupt_session

	def abort(self, message):
		"""Ends the command with an error, as Rocks does; does not return."""
		import rocks.util
		abort = getattr(getattr(self, 'owner', None), 'abort', None)
		if abort:
			abort(message)
		raise rocks.util.CommandError(message)


RollName = "gpupt"
