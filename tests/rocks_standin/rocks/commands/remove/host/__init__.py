import rocks.commands.remove


class command(rocks.commands.remove.command):
    """Base of all `rocks remove host ...`."""
