"""Who acts from a terminal: ``cli:user@host``, which never counts as a second person."""

import getpass
import socket


def actor() -> str:
    """The name that the timeline shows for what is typed here."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a container's user id without an entry in its user list
    return f"cli:{user}@{socket.gethostname()}"
