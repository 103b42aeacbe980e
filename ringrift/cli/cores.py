"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Those it is bound to where the system knows such a thing, else all of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
