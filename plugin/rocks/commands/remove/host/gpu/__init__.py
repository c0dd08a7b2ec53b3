import rocks.commands.remove.host


class Command(rocks.commands.remove.host.command):
	"""
	Forget a GPU card of a host. A virtual machine is started without it
	from then on.

	<arg type='string' name='host'>
	One host: the name of a physical or of a virtual machine.
	</arg>

	<arg type='string' name='gpu'>
	Name of the card. It begins with gpupci.
	</arg>

	<param type='string' name='gpu'>
	The same as the gpu argument, at any place among the words.
	</param>

	<example cmd='remove host gpu vm-container-0-15 gpupci1'>
	The card gpupci1 of vm-container-0-15 was taken out.
	</example>

	<example cmd='remove host gpu rocks-33 gpu=gpupci'>
	The virtual machine rocks-33 is to have no card any more.
	</example>

	<related>add host gpu</related>
	<related>set host gpu</related>
	<related>list host gpu</related>
	"""

	def run(self, params, args):
		# Not at the top of the file: Rocks reports an ImportError there as "no such command".
		try:
			from rocks import gpupt_command
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_command.py: %s' % error)
		gpupt_command.run(self, 'remove', params, args)


RollName = "gpupt"
