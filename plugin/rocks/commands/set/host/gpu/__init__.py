import rocks.commands.set.host


class Command(rocks.commands.set.host.command):
	"""
	Change the PCI address of a GPU card, or the cards that a virtual
	machine is to get. A name that the host does not have yet is added.
	The former value is kept under the same name with _old behind it.

	<arg type='string' name='host'>
	One host: the name of a physical or of a virtual machine.
	</arg>

	<arg type='string' name='gpu'>
	Name of the card. It begins with gpupci.
	</arg>

	<arg type='string' name='value'>
	The new PCI address. For a virtual machine also the name of a card,
	such as gpupci1, or several of either with commas between them.
	</arg>

	<param type='string' name='gpu'>
	The same as the gpu argument, at any place among the words.
	</param>

	<param type='string' name='value'>
	The same as the value argument, at any place among the words.
	</param>

	<example cmd='set host gpu vm-container-0-15 gpupci1 pci_0000_83_00_0'>
	The card gpupci1 of vm-container-0-15 was put into another slot.
	</example>

	<example cmd='set host gpu rocks-33 gpu=gpupci value=gpupci2'>
	From its next start on rocks-33 has the card gpupci2 of the machine it
	runs on.
	</example>

	<related>add host gpu</related>
	<related>remove host gpu</related>
	<related>list host gpu</related>
	"""

	def run(self, params, args):
		# Not at the top of the file: Rocks reports an ImportError there as "no such command".
		try:
			from rocks import gpupt_command
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_command.py: %s' % error)
		gpupt_command.run(self, 'set', params, args)


RollName = "gpupt"
