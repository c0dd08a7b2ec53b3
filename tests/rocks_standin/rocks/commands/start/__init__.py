import rocks.commands


class command(rocks.commands.Command):
    """Base of all `rocks start ...`."""
