import rocks.commands.report.host


class command(rocks.commands.report.host.command):
    """Base of all `rocks report host vm ...`."""
