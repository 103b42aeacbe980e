"""`ringrift node`: a node and the sentinel that keeps it alive."""

import os
import sys
from pathlib import Path

from ringrift.cli.place import DEFAULT_PROFILE, DataDirectory, PortOffset, Profile, directory_of


def sentinel_command(profile: str, data: Path, port_offset: int) -> list[str]:
    """The command that runs a node under its sentinel."""
    options = ["--profile", profile, "--data", str(data), "--port-offset", str(port_offset)]
    return [sys.executable, "-m", "ringrift.node.sentinel", *options]


def node(
    *, profile: Profile = DEFAULT_PROFILE, data: DataDirectory = None, port_offset: PortOffset = 0
) -> None:
    """Become the sentinel of a node, which founds its data directory when there is none."""
    command = sentinel_command(profile, directory_of(profile, data), port_offset)
    sys.stdout.flush()
    os.execv(command[0], command)  # the sentinel is the process that signals are meant for
