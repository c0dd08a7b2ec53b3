import rocks.commands.report.host


class Command(rocks.commands.report.host.command):
	"""
	Print the GPU cards of hosts as NAME:VALUE, for scripts.

	<arg optional='1' type='string' name='host'>
	Any number of hosts. Without one, all hosts are reported.
	</arg>

	<param type='string' name='gpu'>
	Print the value of the card of this name, and nothing else.
	</param>

	<param type='bool' name='pydict'>
	Print the cards as a Python dictionary. No by default, and without
	effect together with gpu.
	</param>

	<example cmd='report host gpu vm-container-0-15'>
	One line per card of vm-container-0-15.
	</example>

	<example cmd='report host gpu vm-container-0-15 gpu=gpupci1'>
	Only the PCI address of its card gpupci1.
	</example>

	<example cmd='report host gpu vm-container-0-15 pydict=true'>
	The same cards as a dictionary, as "rocks report script" takes it.
	</example>

	<related>list host gpu</related>
	"""

	def run(self, params, args):
		# Not at the top of the file: Rocks reports an ImportError there as "no such command".
		try:
			from rocks import gpupt_command
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_command.py: %s' % error)
		gpupt_command.run(self, 'report', params, args)


RollName = "gpupt"
