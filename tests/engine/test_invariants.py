"""What holds in every position of every game, whatever the rules did to get there."""

from collections import Counter

import numpy as np
import pytest
from engine_support import random_game
from fresh_games import check_game

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import advance, apply_move, new_scratch, ranking
from ringrift.engine.rules import tables_for
from ringrift.engine.state import (
    PHASE,
    SEAT,
    TURN,
    WINNER,
    new_state,
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_rows_stay_consistent_in_fresh_games(config: Config) -> None:
    small = config.facts.cells < 100
    seen = Counter[str]()
    for seed in range(8 if small else 2):
        seen += check_game(config, seed, 20 if small else 60)
    assert seen["equal"] > 20


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_a_finished_game_ranks_every_seat(config: Config) -> None:
    t = tables_for(config)
    s = next(s for s, codes in random_game(t, 1) if not codes)
    assert s[SEAT] == -1
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
    assert (s[PHASE], s[SEAT], s[WINNER], s[TURN]) == (0, 0, -1, 1)


def test_tables_are_shared_and_read_only() -> None:
    t = tables_for(Config.parse("hex8_2p"))
    assert tables_for(Config("hex8", 2)) is t
    with pytest.raises(ValueError, match="read-only"):
        t.nbr[0, 0] = 1
    assert t.actions % (t.height * t.width) == 0
