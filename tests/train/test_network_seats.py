"""Seats are no more than an order: who sits where changes no answer, only whose it is."""

import numpy as np
import pytest

from ringrift.engine.config import Config
from ringrift.engine.kernels import new_scratch
from ringrift.engine.rng import below, seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import (
    CELLS,
    ELIM,
    GONE,
    HAND,
    LPS_FIRST,
    LPS_HOLDER,
    LPS_MASK,
    MARKER,
    MARKERS,
    RINGS,
    SEAT,
    STACKS,
    TERR,
    Row,
    new_state,
)
from ringrift.train.encode import write_actions, write_batch
from ringrift.train.evaluator import Evaluator
from ringrift.train.network import initial_network
from ringrift.train.play import Referee
from ringrift.train.search.seats import absolute_values

A_SEAT_EACH = (HAND, ELIM, TERR, GONE, LPS_MASK, STACKS, MARKERS, RINGS)
SEATS_A_KIND = 4


def reseated(t: Tables, row: Row, by: int) -> Row:
    """The same position with what was seat q's now seat (q + by) % n's."""
    out, n = row.copy(), t.players
    for slot in (SEAT, LPS_FIRST, LPS_HOLDER):
        if row[slot] >= 0:
            out[slot] = (row[slot] + by) % n
    for first in A_SEAT_EACH:
        out[first : first + n] = np.roll(row[first : first + n], by)
    content = row[CELLS : CELLS + t.cells]
    kind, seat = np.divmod(content - MARKER, SEATS_A_KIND)
    moved = MARKER + SEATS_A_KIND * kind + (seat + by) % n
    out[CELLS : CELLS + t.cells] = np.where(content >= MARKER, moved, content)
    owners = slice(t.at_owner, t.at_owner + t.pool)
    out[owners] = (row[owners] + by) % n
    return out


def decisions_of_a_game(config: Config, count: int) -> list[Row]:
    t = tables_for(config)
    referee, rng, state = Referee(t), seed_rng(3), new_state(t)
    rows: list[Row] = []
    legal, _ = referee.settle(state)
    while len(legal):
        rows.append(state.copy())
        legal, _ = referee.play(state, int(legal[below(rng, len(legal))]))
    return rows[:: max(1, len(rows) // count)][:count]


@pytest.mark.parametrize("name", ["hex8_2p", "square8_3p", "hex8_4p"])
def test_changing_seats_permutes_utilities_and_leaves_policies(name: str):
    config = Config.parse(name)
    t = tables_for(config)
    scratch, referee = new_scratch(t), Referee(t)
    rows = decisions_of_a_game(config, 12)
    network = initial_network(config, 1, blocks=1, channels=16)
    network.value.wins.weight.data.normal_()
    evaluator = Evaluator(network, "float32", "cpu")
    for row in rows:
        answers: list[tuple[np.ndarray, ...]] = []
        for by in range(t.players):
            state = reseated(t, row, by)
            planes = np.zeros((1, t.planes, t.height, t.width), np.float32)
            write_batch(t, state[None], planes, scratch)
            legal, steps = referee.settle(state)
            assert not steps
            actions = np.zeros(len(legal), np.int32)
            write_actions(t, state, legal, len(legal), actions)
            logits, relative = evaluator.evaluate(planes)
            absolute = np.zeros(t.players)
            absolute_values(relative[0], int(state[SEAT]), absolute)
            answers.append((planes, np.sort(actions), logits, np.roll(absolute, -by)))
        for other in answers[1:]:
            for one, same in zip(answers[0], other, strict=True):
                np.testing.assert_array_equal(one, same)
        assert np.ptp(answers[0][3]) > 0
