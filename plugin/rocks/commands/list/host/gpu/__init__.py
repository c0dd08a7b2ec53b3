import rocks.commands.list.host


class Command(rocks.commands.list.host.command):
	"""
	Show the GPU cards of hosts as a table: host, name of the card, PCI
	address.

	<arg optional='1' type='string' name='host'>
	Any number of hosts. Without one, all hosts are shown.
	</arg>

	<example cmd='list host gpu'>
	The cards of the whole cluster.
	</example>

	<example cmd='list host gpu vm-container-0-15'>
	The cards of vm-container-0-15.
	</example>

	<related>report host gpu</related>
	<related>add host gpu</related>
	"""

	def run(self, params, args):
		# Not at the top of the file: Rocks reports an ImportError there as "no such command".
		try:
			from rocks import gpupt_command
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_command.py: %s' % error)
		gpupt_command.run(self, 'list', params, args)


RollName = "gpupt"
