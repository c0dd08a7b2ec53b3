"""The exception that ends a command."""


class CommandError(Exception):
    """Printed by the dispatcher as `Error: ...`."""
