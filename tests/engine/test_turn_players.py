"""Strengths 2 and 3: they see their own turn to its end, keep their bounds, and are worth it."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from engine_support import random_game
from players_support import choices_digest, decisions, opening, wins

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import (
    advance,
    choose,
    legal_moves,
    list_choices,
    new_scratch,
    position_hash,
)
from ringrift.engine.moves import SWAP_SIDES, encode
from ringrift.engine.players import ReplyPlayer, TurnPlayer, find_baseline
from ringrift.engine.players.evaluation import WEIGHTS, evaluate
from ringrift.engine.players.stepwise import WIN
from ringrift.engine.players.turn import NEVER, new_walk, walk_turn
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import (
    ELIM,
    GAME_OVER,
    PHASE,
    RING_PLACEMENT,
    SEAT,
    TURN,
    WINNER,
    Row,
    new_state,
)
from ringrift.engine.text import format_state

SUPPORT = Path(__file__).parent / "players_support.py"
HEX8 = tables_for(Config.parse("hex8_2p"))


def ends_of_turn(t: Tables, s: Row) -> list[Row]:
    """Every different end of the turn that `s` is in, by listing everything."""
    scratch = new_scratch(t)
    met, ends, left = {int(position_hash(t, s))}, [], [s]
    while left:
        here = left.pop()
        codes = scratch.moves[: list_choices(t, here, scratch.moves, scratch)].tolist()
        for code in codes:
            child = here.copy()
            choose(t, child, code, scratch)
            h = int(position_hash(t, child))
            if h in met:
                continue
            met.add(h)
            over = child[TURN] != s[TURN] or child[PHASE] == GAME_OVER
            (ends if over else left).append(child)
    return ends


@pytest.mark.parametrize("name", ["hex8_2p", "square8_3p"])
def test_the_best_end_of_all_is_found(name: str) -> None:
    t = tables_for(Config.parse(name))
    w, scratch, rng = new_walk(t, nodes=100_000), new_scratch(t), seed_rng(1)
    scores = np.zeros(t.players)
    compared = 0
    for seed in range(4):
        for s, codes in random_game(t, seed):
            if len(codes) < 2 or s[PHASE] == RING_PLACEMENT or s[TURN] % 3:
                continue
            found, _ = walk_turn(t, s, w, scratch, rng, NEVER)
            values = [evaluate(t, end, int(s[SEAT]), WEIGHTS, scores) for end in ends_of_turn(t, s)]
            assert found == 1
            assert w.end_values[0] == pytest.approx(max(values), abs=1e-5)
            compared += 1
    assert compared > 20


def test_wins_that_take_several_steps_are_found() -> None:
    player, won = TurnPlayer(HEX8), 0
    seats = [player, find_baseline("heuristic-1")(HEX8)]
    w, scratch = new_walk(HEX8), new_scratch(HEX8)
    for seed in range(8):
        s, turn, steps, sure = opening(HEX8, seed, 4), 0, 0, False
        for _ in decisions(HEX8, s, seats, seed):
            if s[SEAT] != 0:
                continue
            if s[TURN] != turn:
                assert not sure  # a win that was seen is not missed
                turn, steps = int(s[TURN]), 0
                walk_turn(HEX8, s, w, scratch, seed_rng(0), NEVER)
                sure = bool(w.end_values[0] >= WIN)
            steps += 1
        if sure:
            assert s[WINNER] == 0
            won += steps > 1
    assert won >= 2


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_choices_are_legal_everywhere_and_leave_the_position_alone(config: Config) -> None:
    t = tables_for(config)
    scratch = new_scratch(t)
    for player in (TurnPlayer(t), ReplyPlayer(t, ends=2)):
        for s, move in islice(decisions(t, opening(t, 7, 3 * t.players), [player] * 4, 7), 3):
            before = s.copy()
            n = legal_moves(t, s, scratch.moves, scratch)
            codes = scratch.moves[:n].copy()
            assert move in codes
            player.choose(s, codes, seed_rng(1))
            np.testing.assert_array_equal(s, before)
            assert (
                codes.tolist()
                == scratch.moves[: legal_moves(t, s, scratch.moves, scratch)].tolist()
            )


@pytest.mark.parametrize("nodes", [1, 2, 50])
def test_budgets_are_kept(nodes: int) -> None:
    w, plenty = new_walk(HEX8, kept=4, nodes=nodes), new_walk(HEX8, kept=4)
    scratch, rng = new_scratch(HEX8), seed_rng(1)
    more = 0
    for s, codes in random_game(HEX8, 3):
        if not codes:
            break
        found, used = walk_turn(HEX8, s, w, scratch, rng, NEVER)
        assert 1 <= found <= 4 and 1 <= used <= nodes
        assert (np.diff(w.end_values[:found]) <= 0).all()
        more += walk_turn(HEX8, s, plenty, scratch, rng, NEVER)[1] > nodes
    assert more > 5


def test_a_walk_stops_at_an_end_that_is_good_enough() -> None:
    w, scratch, s = new_walk(HEX8), new_scratch(HEX8), opening(HEX8, 1, 6)
    _, all_nodes = walk_turn(HEX8, s, w, scratch, seed_rng(1), NEVER)
    assert walk_turn(HEX8, s, w, scratch, seed_rng(1), -WIN)[1] < all_nodes


@pytest.mark.parametrize("name", ["heuristic-2", "heuristic-3"])
def test_the_same_seed_plays_the_same_game(name: str) -> None:
    t = tables_for(Config.parse("hex8_3p"))

    def played(seed: int) -> list[int]:
        seats = [find_baseline(name)(t)] * t.players
        return [move for _, move in islice(decisions(t, new_state(t), seats, seed), 5)]

    assert played(4) == played(4)
    assert played(4) != played(5)


@pytest.mark.parametrize("kind", [TurnPlayer, ReplyPlayer])
@pytest.mark.parametrize("lead", [0, 1])
def test_sides_are_swapped_when_the_opponents_is_better(
    kind: type[TurnPlayer | ReplyPlayer], lead: int
) -> None:
    s, scratch = new_state(HEX8, swap=True), new_scratch(HEX8)
    seats = [find_baseline("random-1")(HEX8)] * 2
    for _ in decisions(HEX8, s, seats, 1):
        if s[SEAT] == 1:
            break
    s[ELIM + lead] = 12
    out = np.zeros(HEX8.max_moves, dtype=np.int64)
    n, _ = advance(HEX8, s, out, scratch.log, scratch)
    swap = int(encode(SWAP_SIDES))
    assert swap in out[:n], format_state(HEX8, s)
    choice = kind(HEX8).choose(s, out[:n], seed_rng(1))
    assert (out[choice] == swap) == (lead == 0)


@pytest.mark.parametrize(
    ("name", "player", "opponent", "openings", "rate"),
    [
        ("hex8_2p", "heuristic-2", "random-1", 4, 0.8),
        ("square8_2p", "heuristic-2", "random-1", 4, 0.8),
        ("hex8_2p", "heuristic-2", "heuristic-1", 8, 0.7),
        ("square8_2p", "heuristic-2", "heuristic-1", 8, 0.8),
        ("square8_2p", "heuristic-3", "heuristic-2", 3, 0.5),
        ("hex8_3p", "heuristic-2", "random-1", 3, 0.6),
    ],
)
def test_each_strength_beats_the_one_below(
    name: str, player: str, opponent: str, openings: int, rate: float
) -> None:
    assert wins(name, player, opponent, openings) >= rate


def test_plain_python_chooses_as_machine_code_does() -> None:
    # Hashes and random bits wrap around, of which scalars of numpy warn.
    done = subprocess.run(
        [sys.executable, "-W", "ignore::RuntimeWarning", str(SUPPORT)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == choices_digest()
