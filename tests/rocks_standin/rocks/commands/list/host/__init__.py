import rocks.commands.list


class command(rocks.commands.list.command):
    """Base of all `rocks list host ...`."""
