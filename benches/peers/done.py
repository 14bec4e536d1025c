"""What tells the bench that tasks have run: a byte of a file for each."""

import os

_file = None


def tell():
    """Adds one. Each process of a worker opens the file for itself."""
    global _file
    if _file is None:
        _file = os.open(os.environ["PEER_DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(_file, b".")
