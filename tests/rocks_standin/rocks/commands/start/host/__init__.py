import rocks.commands.start


class command(rocks.commands.start.command):
    """Base of all `rocks start host ...`."""
