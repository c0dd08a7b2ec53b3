import rocks.commands.add.host


class Command(rocks.commands.add.host.command):
	"""
	Register a GPU card. On a physical machine gpupci1, gpupci2 and so on
	say at which PCI address each of its cards sits. On a virtual machine
	gpupci says which cards of its physical machine it is to get.

	<arg type='string' name='host'>
	One host: the name of a physical or of a virtual machine.
	</arg>

	<arg type='string' name='gpu'>
	Name of the card. It begins with gpupci and is new on this host.
	</arg>

	<arg type='string' name='value'>
	PCI address of the card, as "gpupci -l" prints it. For a virtual
	machine also the name of a card, such as gpupci1, or several of
	either with commas between them.
	</arg>

	<param type='string' name='gpu'>
	The same as the gpu argument, at any place among the words.
	</param>

	<param type='string' name='value'>
	The same as the value argument, at any place among the words.
	</param>

	<example cmd='add host gpu vm-container-0-15 gpupci1 pci_0000_02_00_0'>
	The card at 0000:02:00.0 of vm-container-0-15 is called gpupci1.
	</example>

	<example cmd='add host gpu rocks-33 gpupci gpupci1'>
	The virtual machine rocks-33 gets the card gpupci1 of the machine it
	runs on.
	</example>

	<example cmd='add host gpu rocks-33 gpu=gpupci value=pci_0000_02_00_0'>
	It gets the card at that address; here the words are parameters.
	</example>

	<related>set host gpu</related>
	<related>remove host gpu</related>
	<related>list host gpu</related>
	"""

	def run(self, params, args):
		# Not at the top of the file: Rocks reports an ImportError there as "no such command".
		try:
			from rocks import gpupt_command
		except ImportError as error:
			self.abort('cannot load rocks/gpupt_command.py: %s' % error)
		gpupt_command.run(self, 'add', params, args)


RollName = "gpupt"
