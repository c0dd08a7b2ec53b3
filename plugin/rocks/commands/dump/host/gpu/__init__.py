import rocks.commands.dump.host


class Command(rocks.commands.dump.host.command):
	"""
	Print the commands that would register the GPU cards of hosts again.

	<arg optional='1' type='string' name='host'>
	Any number of hosts. Without one, all hosts are printed.
	</arg>

	<example cmd='dump host gpu'>
	The commands for the whole cluster, to keep as a backup.
	</example>

	<example cmd='dump host gpu vm-container-0-15'>
	The commands for vm-container-0-15.
	</example>

	<related>add host gpu</related>
	"""

	def run(self, params, args):
		# Not at the top of the file: Rocks reports an ImportError there as "no such command".
		try:
			from rocks import gpupt_command
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_command.py: %s' % error)
		gpupt_command.run(self, 'dump', params, args)


RollName = "gpupt"
