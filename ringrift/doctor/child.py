"""Trying something heavy in a child process, so that it can neither slow nor break the doctor."""

import subprocess
import sys
from typing import Any, cast

import msgspec


class ChildError(Exception):
    """The child failed; the text is the last thing it said."""


def tell(script: str, *arguments: str, timeout_s: float) -> dict[str, Any]:
    """Run Python source that prints one JSON object as its last line; raises ChildError."""
    command = [sys.executable, "-c", script, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ChildError(f"no answer within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise ChildError(lines[-1] if lines else f"exit status {done.returncode}")
    try:
        answer: object = msgspec.json.decode(done.stdout.strip().splitlines()[-1])
    except (IndexError, msgspec.DecodeError) as error:
        raise ChildError("it printed no answer") from error
    return cast("dict[str, Any]", answer)
