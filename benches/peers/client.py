"""A client of a peer: enqueues some tasks to be warm, waits for a line on its standard input, and enqueues those that count."""

import sys


def enqueue(one):
    """Calls `one` for each task: as many as the program's two arguments say."""
    warm, count = (int(argument) for argument in sys.argv[1:3])
    for _ in range(warm):
        one()
    sys.stdin.readline()
    for _ in range(count):
        one()
