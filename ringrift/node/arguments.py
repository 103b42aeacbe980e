"""The few arguments that a node and its sentinel take, and the options they mean."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ringrift.node.runtime.paths import NodePaths, data_directory
from ringrift.node.runtime.settings import Settings, SettingsError, load_settings

MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Options:
    """How a node was started."""

    settings: Settings
    paths: NodePaths
    port_offset: int = 0
    end_with_stdin: bool = False


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the arguments that both understand."""
    made = argparse.ArgumentParser(prog=program)
    made.add_argument("--profile", default="laptop", help="a shipped profile or a path to a .toml")
    made.add_argument("--data", type=_directory, help="data directory (default: by profile)")
    made.add_argument("--port-offset", type=int, default=0, help="added to every port")
    return made


def _directory(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; give a directory, or leave --data out")
    return Path(text)


def node_options(arguments: Sequence[str]) -> Options:
    """Parse the arguments of ``python -m ringrift.node``.

    Raises `SettingsError` or `PathError`; argparse itself ends with code 2 on a wrong argument.
    """
    made = parser("python -m ringrift.node")
    made.add_argument(
        "--end-with-stdin", action="store_true", help="end when stdin does (for the sentinel)"
    )
    given = made.parse_args(arguments)
    return options_of(given, end_with_stdin=given.end_with_stdin)


def options_of(given: argparse.Namespace, *, end_with_stdin: bool) -> Options:
    """Load the profile and settle the paths."""
    profile: str = given.profile
    offset: int = given.port_offset
    settings = load_settings(profile, os.environ)
    http = settings.http
    highest = max(http.port, http.sentinel_port, settings.peers.port) + offset
    if offset < 0 or highest > MAX_PORT:
        raise SettingsError(
            f"--port-offset {offset}: the highest port would be {highest}; "
            f"give a number from 0 to {MAX_PORT - highest + offset}"
        )
    paths = NodePaths(data_directory(profile, given.data))
    return Options(settings, paths, offset, end_with_stdin)
