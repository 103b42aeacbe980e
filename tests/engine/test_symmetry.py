"""Symmetries commute with everything that positions go through, but for the exceptions named."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from engine_support import after, choices_of, commute, image, random_game, replay, subset_games

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import (
    canonical_hash,
    position_hash,
)
from ringrift.engine.moves import RECOVER_LINE, RECOVER_STRIKE, REGION, SLIDE, kind_of
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import Row
from ringrift.engine.symmetry import symmetries_for
from ringrift.engine.text import format_state

SMALL = [config for config in CONFIGS if config.board in ("square8", "hex8")]


def with_parts(t: Tables, s: Row) -> Iterator[Row]:
    """The position, and those in the midst of its recoveries."""
    yield s
    for choice in choices_of(t, s):
        if kind_of(choice) == SLIDE:
            yield from with_parts(t, after(t, s, choice))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_they_are_a_group(config: Config) -> None:
    y = symmetries_for(config)
    count = 12 if config.facts.is_hex else 8
    assert y.cell.shape == (count, config.facts.cells)
    elements = {tuple(row) for row in y.cell.tolist()}
    assert len(elements) == count
    assert all(tuple(a[b]) in elements for a in y.cell for b in y.cell)
    assert y.exact.sum() == (4 if config.board == "hex8" else count)
    assert y.exact[0] and y.cell[0].tolist() == list(range(config.facts.cells))


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.name)
def test_they_commute_in_random_play(config: Config) -> None:
    t, y, seen = tables_for(config), symmetries_for(config), Counter[str]()
    for number, (s, legal) in enumerate(random_game(t, 3)):
        if legal and (number % 5 == 0 or any(kind_of(move) == REGION for move in legal)):
            commute(t, y, s, range(len(y.exact)), seen)
    assert seen["equal"] > 1_000
    assert seen["another of equally long runs"] == 0


@pytest.mark.parametrize("board", ["square19", "hexagonal"])
def test_they_commute_on_the_large_boards(board: str) -> None:
    config = Config.parse(f"{board}_2p")
    t, y, seen = tables_for(config), symmetries_for(config), Counter[str]()
    for number, (s, legal) in enumerate(random_game(t, 8)):
        if legal and number % 211 == 100:
            k = number % len(y.exact)
            commute(t, y, s, range(k, k + 1), seen)
    assert seen.keys() == {"equal"}


def test_they_commute_with_recoveries_and_regions() -> None:
    seen = Counter[str]()
    kinds = Counter[int]()
    for game in subset_games():
        if game["start"] == "recov":
            y = symmetries_for(Config(game["board"], game["players"]))
            for number, (t, s, legal, _) in enumerate(replay(game)):
                if any(RECOVER_LINE <= kind_of(move) <= RECOVER_STRIKE for move in legal.values()):
                    kinds.update(kind_of(move) for move in legal.values())
                    ks = range(number % 4, len(y.exact), 4)
                    for position in with_parts(t, s):
                        commute(t, y, position, ks, seen)
    assert all(kinds[kind] > 0 for kind in range(RECOVER_LINE, RECOVER_STRIKE + 1))
    assert seen["equal"] > 1_000
    # Declared, counted, and rare.
    assert seen["another of equally long runs"] < seen["equal"] / 50


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.name)
def test_equal_positions_have_equal_hashes_and_others_do_not(config: Config) -> None:
    t, texts, positions = tables_for(config), dict[int, str](), set[str]()
    for seed in range(3):
        for s, _ in random_game(t, seed):
            text = format_state(t, s)
            positions.add(text)
            assert texts.setdefault(int(position_hash(t, s)), text) == text
    assert len(texts) == len(positions) > 250


def test_images_that_the_rules_treat_alike_share_one_hash() -> None:
    for config in SMALL:
        t, y = tables_for(config), symmetries_for(config)
        found: dict[int, str] = {}
        for number, (s, _) in enumerate(random_game(t, 4)):
            if number % 20 == 0:
                images = [image(t, y, k, s) for k in range(len(y.exact)) if y.exact[k]]
                spare = np.zeros_like(s)
                hashes = {int(canonical_hash(t, y, row, spare)) for row in images}
                assert len(hashes) == 1
                assert found.setdefault(hashes.pop(), format_state(t, s)) == format_state(t, s)
