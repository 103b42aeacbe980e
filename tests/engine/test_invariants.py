"""What holds in every position of every game, whatever the rules did to get there."""

import numpy as np
import pytest
from engine_support import random_game

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import advance, apply_move, new_scratch, ranking
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
    PHASE,
    RINGS,
    SEAT,
    STACK,
    STACKS,
    TERR,
    TURN,
    WINNER,
    Row,
    new_state,
)


def _rings_of_stack(t: Tables, v: list[int], cell: int) -> list[int]:
    """Pool nodes of a stack, top first."""
    rings = [v[t.at_top + cell]]
    while v[t.at_below + rings[-1]] >= 0:
        rings.append(v[t.at_below + rings[-1]])
    return rings


def _free_rings(t: Tables, v: list[int]) -> list[int]:
    free: list[int] = []
    ring = v[FREE]
    while ring >= 0:
        free.append(ring)
        ring = v[t.at_below + ring]
    return free


def _check_row(t: Tables, s: Row) -> None:
    v: list[int] = s.tolist()
    counted = {base: [0] * 4 for base in (STACKS, MARKERS, RINGS, TERR)}
    used: list[int] = []
    for cell, content in enumerate(v[CELLS : CELLS + t.cells]):
        if content < STACK:
            assert v[t.at_height + cell] == v[t.at_cap + cell] == 0
        if content >= STACK:
            rings = _rings_of_stack(t, v, cell)
            owners = [v[t.at_owner + ring] for ring in rings]
            cap = next((i for i, o in enumerate(owners) if o != owners[0]), len(owners))
            assert content - STACK == owners[0]
            assert (v[t.at_height + cell], v[t.at_cap + cell]) == (len(rings), cap)
            assert v[t.at_bottom + cell] == rings[-1]
            counted[STACKS][owners[0]] += 1
            for owner in owners:
                counted[RINGS][owner] += 1
            used += rings
        elif content >= COLLAPSED:
            counted[TERR][content - COLLAPSED] += 1
        elif content != EMPTY:
            counted[MARKERS][content - MARKER] += 1
    for base, counts in counted.items():
        assert v[base : base + 4] == counts
    assert sorted(used + _free_rings(t, v)) == list(range(t.pool))
    in_hand, gone = sum(v[HAND : HAND + 4]), sum(v[ELIM : ELIM + 4])
    assert in_hand + len(used) + gone == t.players * t.rings


def _progress(s: Row) -> int:
    """markers + 2 x collapsed + eliminated: never falls (RULES, termination)."""
    v = s.astype(np.int64)
    return int(
        v[MARKERS : MARKERS + 4].sum() + 2 * v[TERR : TERR + 4].sum() + v[ELIM : ELIM + 4].sum()
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_rows_stay_consistent_in_random_games(config: Config, seed: int) -> None:
    t = tables_for(config)
    every = 1 if t.cells < 100 else 9
    before, steps = 0, 0
    for s, codes in random_game(t, seed):
        if steps % every == 0 or not codes:
            _check_row(t, s)
        assert _progress(s) >= before
        assert len(set(codes)) == len(codes) < t.max_moves
        before, steps = _progress(s), steps + 1
    assert s[SEAT] == -1
    assert 0 <= s[WINNER] < t.players
    ranks = np.zeros(t.players, dtype=np.int64)
    ranking(t, s, ranks)
    assert ranks[s[WINNER]] == 1
    assert sorted(ranks.tolist())[:2] == [1, 2]


def test_advance_folds_exactly_the_forced_steps() -> None:
    t = tables_for(Config.parse("hex8_3p"))
    scratch = new_scratch(t)
    out = np.zeros(t.max_moves, dtype=np.int64)
    log = np.zeros(256, dtype=np.int64)
    folded = 0
    for s, codes in random_game(t, 5):
        step_by_step, jumped = s.copy(), s.copy()
        n, forced = advance(t, jumped, out, log, scratch)
        assert (n == 0) == (jumped[WINNER] >= 0)
        assert n != 1
        assert (forced > 0) == (len(codes) == 1)
        for code in log[:forced].tolist():
            apply_move(t, step_by_step, code, scratch)
        np.testing.assert_array_equal(step_by_step, jumped)
        folded += forced
    assert folded > 0


def test_advance_stops_when_its_log_is_full() -> None:
    t = tables_for(Config.parse("square8_2p"))
    scratch = new_scratch(t)
    out = np.zeros(t.max_moves, dtype=np.int64)
    position = next(s for s, codes in random_game(t, 3) if len(codes) == 1)
    n, forced = advance(t, position.copy(), out, np.zeros(0, dtype=np.int64), scratch)
    assert (n, forced) == (1, 0)


def test_start_position() -> None:
    t = tables_for(Config.parse("square19_4p"))
    s = new_state(t)
    _check_row(t, s)
    assert (s[PHASE], s[SEAT], s[WINNER], s[TURN]) == (0, 0, -1, 1)


def test_tables_are_shared_and_read_only() -> None:
    t = tables_for(Config.parse("hex8_2p"))
    assert tables_for(Config("hex8", 2)) is t
    with pytest.raises(ValueError, match="read-only"):
        t.nbr[0, 0] = 1
    assert t.actions % (t.height * t.width) == 0
