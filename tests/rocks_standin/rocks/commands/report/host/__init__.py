import rocks.commands.report


class command(rocks.commands.report.command):
    """Base of all `rocks report host ...`."""
