"""Who gives a command, for the audit."""

import getpass
import os
import socket


def who() -> str:
    """Who runs this, for the audit; in a container a user may have a number only."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
