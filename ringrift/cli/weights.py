"""A weights file that a command line names."""

import hashlib
from pathlib import Path

from ringrift.cli.place import fail
from ringrift.wire.job import Weights


def weights_at(option: str, path: Path) -> Weights:
    """The file with its hash; ends the program when it cannot be read."""
    try:
        with path.open("rb") as file:
            return Weights(hashlib.file_digest(file, "sha256").hexdigest(), str(path.resolve()))
    except OSError as error:
        fail(f"{option}: {path} cannot be read ({error.strerror}).", 2)
