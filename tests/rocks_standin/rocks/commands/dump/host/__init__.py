import rocks.commands.dump


class command(rocks.commands.dump.command):
    """Base of all `rocks dump host ...`."""
