"""Fresh games in which every rule about positions is checked; many when run as a program.

    .venv/bin/python tests/engine/fresh_games.py 2000 [config ...]

Half are played uniformly, half by a skewed taste that leads elsewhere. Every step: rings add up for
each colour, counters and pools agree with the cells, progress never falls, no choice comes twice.
Now and then: the text reads back to the same, and a symmetry commutes with choices, effects,
indices and planes.
"""

import sys
import time
from collections import Counter

import numpy as np
from engine_support import commute

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels import apply_move, legal_moves, new_scratch
from ringrift.engine.rng import below, seed_rng, uniform
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import (
    CELLS,
    COLLAPSED,
    ELIM,
    EMPTY,
    FREE,
    HAND,
    MARKER,
    MARKERS,
    RINGS,
    STACK,
    STACKS,
    TERR,
    WINNER,
    Moves,
    Row,
    new_state,
)
from ringrift.engine.symmetry import symmetries_for
from ringrift.engine.text import format_state, legal_texts, parse_state

SKEWS = (1.0, 1.0, 3.0, 1 / 3)


@kernel
def fault_of(t: Tables, s: Row, counted: Moves, used: Moves) -> int:
    """0 when a row is sound; else which of the checks failed. counted[16] and used[pool] are work
    space: stacks, markers, rings and territory by seat, and the pool nodes that were met."""
    counted[:] = 0
    used[:] = 0
    for c in range(t.cells):
        content = int64(s[CELLS + c])
        if content < STACK:
            if s[t.at_height + c] != 0 or s[t.at_cap + c] != 0:
                return 1
            if content >= COLLAPSED:
                counted[12 + content - COLLAPSED] += 1
            elif content != EMPTY:
                counted[4 + content - MARKER] += 1
            continue
        counted[content - STACK] += 1
        ring, height, cap, last = int64(s[t.at_top + c]), 0, 0, -1
        while ring >= 0:
            used[ring] += 1
            owner = int64(s[t.at_owner + ring])
            counted[8 + owner] += 1
            if cap == height and owner == content - STACK:
                cap += 1
            height += 1
            last = ring
            ring = int64(s[t.at_below + ring])
        if (height, cap, last) != (
            int64(s[t.at_height + c]), int64(s[t.at_cap + c]), int64(s[t.at_bottom + c]),
        ):  # fmt: skip
            return 2
        if cap == 0:
            return 3
    for q in range(4):
        if s[STACKS + q] != counted[q] or s[MARKERS + q] != counted[4 + q]:
            return 4
        if s[RINGS + q] != counted[8 + q] or s[TERR + q] != counted[12 + q]:
            return 5
    ring = int64(s[FREE])
    while ring >= 0:
        used[ring] += 1
        ring = int64(s[t.at_below + ring])
    for node in range(t.pool):
        if used[node] != 1:
            return 6
    total = 0
    for q in range(t.players):
        total += int64(s[HAND + q]) + int64(s[RINGS + q]) + int64(s[ELIM + q])
    return 0 if total == t.players * t.rings else 7


def progress(s: Row) -> int:
    """markers + 2 x collapsed + eliminated: never falls (RULES, termination)."""
    v = s.astype(np.int64)
    return int(
        v[MARKERS : MARKERS + 4].sum() + 2 * v[TERR : TERR + 4].sum() + v[ELIM : ELIM + 4].sum()
    )


def check_game(config: Config, seed: int, every: int) -> Counter[str]:
    """Play one game to its end, thoroughly looked at every so many steps; what was looked at."""
    t, y, seen = tables_for(config), symmetries_for(config), Counter[str]()
    scratch, rng, s = new_scratch(t), seed_rng(seed), new_state(t)
    counted, used = np.zeros(16, np.int64), np.zeros(t.pool, np.int64)
    skew, before = SKEWS[seed % len(SKEWS)], 0
    while True:
        fault = fault_of(t, s, counted, used)
        assert fault == 0, (config.name, seed, fault, format_state(t, s))
        assert progress(s) >= before
        before = progress(s)
        n = legal_moves(t, s, scratch.moves, scratch)
        if n == 0:
            break
        codes: list[int] = scratch.moves[:n].tolist()
        assert len(set(codes)) == n < t.max_moves
        seen["steps"] += 1
        if (seen["steps"] + seed) % every == 0:
            text = format_state(t, s)
            _, back = parse_state(text)
            assert format_state(t, back) == text
            assert list(legal_texts(t, back, scratch)) == list(legal_texts(t, s, scratch))
            k = below(rng, len(y.exact))
            commute(t, y, s, range(k, k + 1), seen)
        choice = codes[min(n - 1, int(n * uniform(rng) ** skew))]
        apply_move(t, s, choice, scratch)
    assert 0 <= s[WINNER] < t.players
    return seen


def main(games: int, names: list[str]) -> None:
    """Check that many games of each config, and tell what was seen."""
    for config in [Config.parse(name) for name in names] or CONFIGS:
        began, seen = time.monotonic(), Counter[str]()
        every = 20 if config.facts.cells < 100 else 300
        for seed in range(games):
            seen += check_game(config, seed, every)
        print(f"{config.name}: {games} games in {time.monotonic() - began:.0f} s: {dict(seen)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
