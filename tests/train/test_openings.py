"""Openings: distinct under symmetry, numbered, and none that the judge holds for decided."""

import numpy as np
import pytest
from search_support import ConstantEvaluator, HashEvaluator

from ringrift.engine.config import Config
from ringrift.engine.kernels import canonical_hash, transform_row
from ringrift.engine.rules import tables_for
from ringrift.engine.state import PHASE, RING_PLACEMENT, TURN, new_state
from ringrift.engine.symmetry import symmetries_for
from ringrift.engine.text import format_state
from ringrift.train.openings import LARGEST_EDGE, even_utility, judge_by, random_openings


def tables(config: str):
    return tables_for(Config.parse(config))


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p", "hex8_4p"])
def test_openings_are_distinct_decisions_after_full_turns(config):
    t = tables(config)
    openings = random_openings(t, 7, 20)
    texts = [format_state(t, opening.start) for opening in openings]
    assert len(set(texts)) == 20
    assert all(1 <= (opening.start[TURN] - 1) // t.players <= 3 for opening in openings)
    assert sum(opening.start[PHASE] == RING_PLACEMENT for opening in openings) == 20
    assert texts != [format_state(t, opening.start) for opening in random_openings(t, 8, 20)]


def test_an_opening_is_the_same_however_many_are_asked_for():
    t = tables("hex8_2p")
    judge = judge_by(t, HashEvaluator(t))
    whole = [opening.key for opening in random_openings(t, 7, 130, judge=judge)]
    parts = [
        opening.key
        for first, count in ((0, 1), (1, 69), (70, 60))
        for opening in random_openings(t, 7, count, first=first, judge=judge)
    ]
    assert parts == whole


def test_positions_alike_under_symmetry_have_one_key():
    t = tables("square8_2p")
    symmetries, spare = symmetries_for(Config("square8", 2)), new_state(t)
    opening = random_openings(t, 7, 1)[0]
    image = new_state(t)
    transform_row(t, symmetries, 3, opening.start, image)
    assert format_state(t, image) != format_state(t, opening.start)
    assert int(canonical_hash(t, symmetries, image, spare)) == opening.key


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
def test_only_openings_that_the_judge_holds_for_even_are_kept(config):
    t = tables(config)
    judge = judge_by(t, HashEvaluator(t))

    def one_sided(states):
        return 0.5 + 2 * (judge(states) - 0.5)

    kept = random_openings(t, 7, 20, judge=one_sided)
    edges = np.abs(one_sided([opening.start for opening in kept]) - even_utility(t.players))
    assert edges.max() <= LARGEST_EDGE
    assert [opening.key for opening in kept] != [
        opening.key for opening in random_openings(t, 7, 20)
    ]


def test_the_even_utility_is_what_an_equal_player_expects():
    """.8 of a fair share of first places, and .2 of the middle rank."""
    assert even_utility(2) == 0.5
    for n in (3, 4):
        assert even_utility(n) == pytest.approx(0.8 / n + 0.2 * (n - (n + 1) / 2) / (n - 1))


def test_when_all_are_decided_there_is_no_match():
    t = tables("hex8_2p")
    judge = judge_by(t, ConstantEvaluator(t, [0.9, 0.1]))
    with pytest.raises(ValueError, match="openings is 2; only 0 distinct and even ones were found"):
        random_openings(t, 7, 2, judge=judge)
