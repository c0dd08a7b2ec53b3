import rocks.commands.add


class command(rocks.commands.add.command):
    """Base of all `rocks add host ...`."""
