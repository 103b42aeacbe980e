"""Leaves judged under symmetries: whoever is indifferent to them finds the same."""

import numpy as np
import pytest
from search_support import decisions, position, run, same

from ringrift.engine.config import Config
from ringrift.engine.kernels import (
    action_index,
    list_choices,
    new_scratch,
    transform_row,
    write_planes,
)
from ringrift.engine.moves import LINE, LINE_WINDOW, REGION, SLIDE_WHOLE, SLIDE_WINDOW, kind_of
from ringrift.engine.rules import PLACE_PLANES, tables_for
from ringrift.engine.state import new_state
from ringrift.engine.symmetry import symmetries_for
from ringrift.train.search.search import Budget, Search


class Indifferent:
    """Opinions that turn with the board: whole numbers from the planes of a cell, and their sum."""

    def __init__(self, tables) -> None:
        t = self.tables = tables
        rng = np.random.default_rng(7)
        self.weights = rng.integers(1, 1000, size=(t.planes, 1, 1))
        kinds = np.zeros(t.actions // (t.height * t.width), dtype=np.int64)
        travel = t.directions * t.distances
        kinds[:PLACE_PLANES] = [11, 12, 13]
        kinds[PLACE_PLANES : PLACE_PLANES + travel] = 20 + np.arange(travel) % t.distances
        kinds[PLACE_PLANES + travel] = 50
        # Of lines and regions the cell is no cell of the choice's own: nothing is said of them.
        slides = PLACE_PLANES + travel + 1 + 2 * t.axes + t.players + 1
        kinds[slides : slides + t.directions] = 60
        self.kinds = kinds[:, None, None]

    def evaluate(self, planes):
        t, n = self.tables, len(planes)
        cells = (np.rint(planes * 60).astype(np.int64) * self.weights).sum(axis=1) % 9973
        logits = (cells[:, None] * self.kinds[None]) % 997 / 250
        total = (cells**2).sum(axis=(1, 2))
        values = (total[:, None] // (7 ** np.arange(t.players)) % 11 + 1).astype(np.float64)
        values /= values.sum(axis=1, keepdims=True)
        return logits.reshape(n, -1).astype(np.float32), values.astype(np.float32)


@pytest.mark.parametrize(
    ("config", "seed"), [("hex8_2p", 5), ("square8_2p", 6), ("hexagonal_3p", 7)]
)
def test_an_indifferent_evaluator_leads_to_the_same(config, seed):
    tables, states = decisions(config, seed)
    states = states[:: max(1, len(states) // 25)]
    plain, turned = (
        Search(tables, Indifferent(tables), slots=1, simulations=24, symmetric=symmetric)
        for symmetric in (False, True)
    )
    for salt, state in enumerate(states):
        expected = run(plain, 0, state, Budget(24, 8), salt=salt)
        assert same(run(turned, 0, state, Budget(24, 8), salt=salt), expected)
    assert turned._forest.turned[0] >= 0


class Listener:
    """Says of every action its own number, and remembers what it was shown."""

    def __init__(self, tables) -> None:
        self.tables = tables

    def evaluate(self, planes):
        self.planes = planes.copy()
        n, t = len(planes), self.tables
        logits = np.tile(np.arange(t.actions, dtype=np.float32), (n, 1))
        return logits, np.full((n, t.players), 1 / t.players, dtype=np.float32)


@pytest.mark.parametrize("config", ["hex8_2p", "square8_4p"])
def test_the_image_is_shown_and_its_choices_are_asked_about(config):
    tables = tables_for(Config.parse(config))
    y, scratch = symmetries_for(Config.parse(config)), new_scratch(tables)
    image, planes = new_state(tables), np.zeros((tables.planes, tables.height, tables.width))
    planes = planes.astype(np.float32)
    choices = np.zeros(tables.max_moves, dtype=np.int64)
    listener = Listener(tables)
    search = Search(tables, listener, slots=1, simulations=1, symmetric=True)
    used, special = set(), 0
    for seed in range(12):
        for number, state in enumerate(decisions(config, seed)[1]):
            search.begin(0, state, Budget(1, 1), None, salt=number)
            search.step()
            f = search._forest
            k, n = int(f.turned[0]), int(f.choices[0, 0])
            transform_row(tables, y, k, state, image)
            write_planes(tables, image, planes, scratch)
            assert np.array_equal(listener.planes[0], planes)
            assert list_choices(tables, image, choices, scratch) == n
            asked = f.logit[0, :n].astype(int).tolist()
            assert len(set(asked)) == n
            assert set(asked) == {action_index(tables, image, c) for c in choices[:n]}
            used.add(k)
            special += k > 0 and any(depends(kind_of(m)) for m in f.move[0, :n])
    assert used == set(np.flatnonzero(y.exact).tolist())
    assert special > 5


def depends(kind: int) -> bool:
    return LINE <= kind <= LINE_WINDOW or kind in (REGION, SLIDE_WHOLE, SLIDE_WINDOW)


def test_symmetries_vary_with_game_and_position():
    tables, state = position("square8_2p", 1, 6)
    other = position("square8_2p", 1, 7)[1]
    search = Search(tables, Listener(tables), slots=1, simulations=1, symmetric=True)
    drawn = []
    for salt in range(200):
        for s in (state, other):
            search.begin(0, s, Budget(1, 1), None, salt=salt)
            search.step()
            drawn.append(int(search._forest.turned[0]))
    counts = np.bincount(drawn, minlength=8)
    assert len(counts) == 8
    assert counts.min() > 25
    assert np.corrcoef(drawn[::2], drawn[1::2])[0, 1] < 0.3
