"""The rules: kernels compile here, and golden games come out as recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringrift.doctor.check import Finding, failed, ok
from ringrift.doctor.child import ChildError, tell

FAMILY = "engine"
TIMEOUT_S = 420.0  # compiling every kernel takes about two minutes, more on a busy machine

# Nine short games of the public corpus: every board, 2 to 4 seats, rare moves and endings.
GOLDEN = Path(__file__).with_name("golden.jsonl")

SCRIPT = """
import json, pathlib, sys, time
from ringrift.engine.verify import verify_file
started = time.monotonic()
report = verify_file(pathlib.Path(sys.argv[1]), lambda report: None)
print(json.dumps({"games": report.games, "steps": report.steps,
                  "differences": report.differences, "examples": report.examples[:1],
                  "seconds": time.monotonic() - started}))
"""


def _try() -> dict[str, Any]:
    return tell(SCRIPT, str(GOLDEN), timeout_s=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class GoldenGames:
    """Every legal set, state and result of the golden games is as recorded."""

    attempt: Callable[[], dict[str, Any]] = _try
    family: str = FAMILY
    name: str = "golden games"

    def look(self) -> Finding:
        try:
            told = self.attempt()
        except ChildError as error:
            return failed(
                "the kernels do not run",
                cause=str(error),
                fix="remove ~/.cache/ringrift/numba and run `ringrift doctor` again",
            )
        value = f"{told['games']} games, {told['steps']} steps in {told['seconds']:.1f} s"
        if told["differences"] or not told["steps"]:
            first = told["examples"][0] if told["examples"] else "nothing was compared"
            return failed(
                f"{value}, {told['differences']} differences",
                cause=first,
                fix="this engine must not play: install ringrift again, then report it",
            )
        return ok(f"{value}, all as recorded")
