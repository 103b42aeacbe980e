"""How fast the rules are on one core: random play with every legal choice listed, and decisions.

CPU time is measured, so that other work on the machine counts as little as it can.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ringrift.engine.config import Config
from ringrift.engine.jit import kernel
from ringrift.engine.kernels import (
    apply_move,
    choose,
    legal_moves,
    list_choices,
    new_scratch,
    settle,
    write_planes,
)
from ringrift.engine.rng import Rng, below, seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import Moves, Planes, Row, new_state

_WARM_STEPS = 2_000

REFERENCE_MOVES_PER_S = {
    "square8_2p": 2814,
    "square8_3p": 3463,
    "square8_4p": 3013,
    "hex8_2p": 2203,
    "hex8_3p": 1964,
    "hex8_4p": 1834,
    "square19_2p": 756,
    "square19_3p": 619,
    "square19_4p": 507,
    "hexagonal_2p": 228,
    "hexagonal_3p": 255,
    "hexagonal_4p": 229,
}
"""The reference engine (TypeScript, Node 20) in the same kind of play on a core of the machine that
ringrift was developed on."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One core's pace in one config.

    A decision is a choice taken, forced steps folded, the next choices listed and their position
    encoded as planes; `listing_us` is that without the planes.
    """

    config: str
    moves_per_s: float
    games_per_s: float
    choices_per_s: float
    decision_us: float
    listing_us: float

    @property
    def ratio(self) -> float:
        """Moves a second over the reference engine's."""
        return self.moves_per_s / REFERENCE_MOVES_PER_S[self.config]


@kernel
def _walk(t: Tables, start: Row, s: Row, scratch: Scratch, rng: Rng, steps: int) -> tuple[int, int]:
    """Play randomly for that many moves; (games begun anew, choices listed)."""
    out = scratch.moves
    games = choices = 0
    s[:] = start
    for _ in range(steps):
        n = legal_moves(t, s, out, scratch)
        if n == 0:
            games += 1
            s[:] = start
            n = legal_moves(t, s, out, scratch)
        choices += n
        apply_move(t, s, out[below(rng, n)], scratch)
    return games, choices


@kernel
def _decide(
    t: Tables, start: Row, s: Row, scratch: Scratch, rng: Rng, steps: int, planes: Planes
) -> None:
    """Take that many random decisions; planes of no size are not written."""
    out: Moves = scratch.moves
    s[:] = start
    n = list_choices(t, s, out, scratch)
    for _ in range(steps):
        choose(t, s, out[below(rng, n)], scratch)
        n = settle(t, s, out, scratch.log, scratch)[0]
        if planes.size > 0:
            write_planes(t, s, planes, scratch)
        if n == 0:
            s[:] = start
            n = list_choices(t, s, out, scratch)


def measure(config: Config, seconds: float, seed: int) -> Speed:
    """Measure one config for about `seconds` of CPU time; compiles first what is not yet."""
    t, rng = tables_for(config), seed_rng(seed)
    scratch, start = new_scratch(t), new_state(t)
    s = start.copy()
    planes = np.zeros((t.planes, t.height, t.width), dtype=np.float32)
    none = planes[:0]
    counts = (0, 0)

    def walk(steps: int) -> None:
        nonlocal counts
        counts = _walk(t, start, s, scratch, rng, steps)

    def timed(work: Callable[[], object]) -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    walk(1)
    _decide(t, start, s, scratch, rng, 1, planes)
    steps = int(_WARM_STEPS / timed(lambda: walk(_WARM_STEPS)) * seconds / 3)
    half = max(1, steps // 2)
    walked = timed(lambda: walk(2 * half))
    return Speed(
        config.name,
        moves_per_s=2 * half / walked,
        games_per_s=counts[0] / walked,
        choices_per_s=counts[1] / walked,
        decision_us=1e6 * timed(lambda: _decide(t, start, s, scratch, rng, half, planes)) / half,
        listing_us=1e6 * timed(lambda: _decide(t, start, s, scratch, rng, half, none)) / half,
    )
