import rocks.commands.set


class command(rocks.commands.set.command):
    """Base of all `rocks set host ...`."""
