"""What a sentinel decides: whether an ended node is started again, and when a mute one is ended.

    starting --answers--> answering --silent too long--> hung (killed) --+
        +------------------- ended: by its exit code ------------------- +--> stop or start anew

Pure: it is handed exits, answers and the time, and knows neither processes nor sockets.
"""

import random
import signal
from dataclasses import dataclass

from ringrift.node.runtime.loop import GOOD_SPELL_S, RestartPolicy

EXIT_STOPPED = 0
EXIT_REFUSED = 2
EXIT_RESTART = 75
"""Exit codes: stopped as asked; cannot run like this (no restart helps); start me anew."""

STARTING_S = 120.0
"""How long a node may take to its first answer; recovering a long log takes its time."""
SILENT_S = 30.0
"""How long a node that has answered may be silent before it is taken for hung."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the node again after `pause_s`."""

    pause_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not start it again; end with `code`."""

    code: int


class Keeper:
    """The memory of a sentinel about its node; times are monotonic seconds."""

    def __init__(self, policy: RestartPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self._failures = 0
        self._started_at = 0.0
        self._answered_at: float | None = None
        self.restarts = 0
        self.last_exit: str | None = None
        self.last_restart_at: float | None = None

    def started(self, now: float) -> None:
        """Note that the node was started."""
        if self.last_exit is not None:
            self.restarts += 1
            self.last_restart_at = now
        self._started_at = now
        self._answered_at = None

    def answered(self, now: float) -> None:
        """Note that the node answered."""
        self._answered_at = now

    def is_hung(self, now: float) -> bool:
        """Whether the running node has been silent for too long."""
        if self._answered_at is None:
            return now - self._started_at >= STARTING_S
        return now - self._answered_at >= SILENT_S

    def ended(self, code: int, now: float, *, stopping: bool) -> Start | Stop:
        """Decide what follows an exit; `stopping` says that the end was asked for."""
        self.last_exit = exit_text(code)
        if stopping or code in (EXIT_STOPPED, EXIT_REFUSED):
            return Stop(EXIT_REFUSED if code == EXIT_REFUSED else EXIT_STOPPED)
        if code == EXIT_RESTART:
            self._failures = 0
            return Start(0.0)
        good = now - self._started_at >= GOOD_SPELL_S and self._answered_at is not None
        self._failures = 1 if good else self._failures + 1
        return Start(self._policy.pause_s(self._failures, self._rng))


def exit_text(code: int) -> str:
    """Say in words how a process ended."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    known = {
        EXIT_STOPPED: "stopped as asked",
        EXIT_REFUSED: "could not run like this",
        EXIT_RESTART: "asked to be started anew",
    }
    return known.get(code, f"failed with exit code {code}")
