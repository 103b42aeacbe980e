"""Positions of search: recoveries in parts, indices of their own, planes that tell them apart."""

from collections import Counter

import numpy as np
import pytest
from engine_support import choices_of, random_game, replay, subset_games

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import (
    INCOMPLETE,
    action_index,
    apply_move,
    choose,
    legal_moves,
    new_scratch,
    part_of,
    settle,
    write_planes,
)
from ringrift.engine.moves import RECOVER_LINE, RECOVER_STRIKE, RECOVER_WINDOW, kind_of
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import OPTION, PART, Row


def completions(t: Tables, s: Row) -> dict[tuple[int, ...], int]:
    """Every sequence of action indices from a state to a whole move, with that move."""
    found: dict[tuple[int, ...], int] = {}
    waiting: list[tuple[tuple[int, ...], Row]] = [((), s)]
    while waiting:
        path, position = waiting.pop()
        choices = choices_of(t, position)
        indices = [int(action_index(t, position, choice)) for choice in choices]
        assert len(set(indices)) == len(indices)
        assert all(0 <= index < t.actions for index in indices)
        for choice, index in zip(choices, indices, strict=True):
            after = position.copy()
            move = choose(t, after, choice, new_scratch(t))
            if move == INCOMPLETE:
                waiting.append(((*path, index), after))
            else:
                assert (after[PART], after[OPTION]) == (0, 0)
                found[(*path, index)] = move
    return found


def recorded(kinds: tuple[str, ...]) -> list[tuple[Tables, Row, list[int]]]:
    """Positions of recorded games that start in these ways, each with its legal moves."""
    return [
        (t, s.copy(), list(legal.values()))
        for game in subset_games()
        if game["start"] in kinds
        for t, s, legal, _ in replay(game)
    ]


def test_distinct_moves_are_distinct_sequences_of_indices() -> None:
    kinds: Counter[int] = Counter()
    lengths: Counter[int] = Counter()
    for t, s, legal in recorded(("recov",)):
        found = completions(t, s)
        assert sorted(found.values()) == sorted(legal)
        kinds.update(kind_of(move) for move in legal)
        lengths.update(len(path) for path in found)
    assert all(kinds[kind] > 0 for kind in range(RECOVER_LINE, RECOVER_STRIKE + 1)), kinds
    assert lengths.keys() == {1, 2, 3}


@pytest.mark.parametrize("name", ["square8_2p", "hex8_3p", "hexagonal_2p"])
def test_in_random_play_every_position_has_indices_of_its_own(name: str) -> None:
    t = tables_for(Config.parse(name))
    for number, (s, legal) in enumerate(random_game(t, 5)):
        if number % 7 == 0 and legal:
            assert sorted(completions(t, s).values()) == sorted(legal)


def test_a_move_is_reached_by_its_parts() -> None:
    lengths: Counter[int] = Counter()
    for t, s, legal in recorded(("recov",)):
        scratch = new_scratch(t)
        for move in legal:
            whole, parts, position = s.copy(), 0, s.copy()
            apply_move(t, whole, move, scratch)
            reached = INCOMPLETE
            while reached == INCOMPLETE:
                part = part_of(t, position, move)
                assert part in choices_of(t, position)
                reached = choose(t, position, part, scratch)
                parts += 1
            assert reached == move
            assert np.array_equal(position, whole)
            lengths[parts] += 1
    assert lengths.keys() == {1, 2, 3}


def test_settling_completes_what_leaves_no_choice() -> None:
    forced_parts = 0
    for t, s, legal in recorded(("recov",)):
        scratch, out = new_scratch(t), np.zeros(t.max_moves, dtype=np.int64)
        log = np.zeros(256, dtype=np.int64)
        for choice in choices_of(t, s):
            position = s.copy()
            if choose(t, position, choice, scratch) == INCOMPLETE:
                n, forced = settle(t, position, out, log, scratch)
                assert n != 1
                if position[PART] == 0:
                    forced_parts += 1
                    assert log[0] in legal and forced >= 1
    assert forced_parts > 0


def test_planes_tell_positions_with_other_choices_apart() -> None:
    """By their bytes; the indices of the choices are what search sees of them."""
    shown: dict[tuple[str, bytes], frozenset[int]] = {}
    positions = 0
    for config in CONFIGS:
        if config.board not in ("square8", "hex8"):
            continue
        t = tables_for(config)
        for seed in range(6):
            for s, legal in random_game(t, seed):
                if legal:
                    _show(config.name, t, s, shown)
                    positions += 1
    for t, s, _ in recorded(("recov",)):
        for position in (s, *_partial(t, s)):
            _show(f"{t.cells} {t.players} {t.rings}", t, position, shown)
    assert positions > 5_000


def _partial(t: Tables, s: Row) -> list[Row]:
    """The positions in the midst of a recovery from here."""
    found: list[Row] = []
    for choice in choices_of(t, s):
        after = s.copy()
        if choose(t, after, choice, new_scratch(t)) == INCOMPLETE:
            found += [after, *_partial(t, after)]
    return found


def _show(name: str, t: Tables, s: Row, shown: dict[tuple[str, bytes], frozenset[int]]) -> None:
    planes = np.full((t.planes, t.height, t.width), np.nan, dtype=np.float32)
    write_planes(t, s, planes, new_scratch(t))
    indices = frozenset(int(action_index(t, s, choice)) for choice in choices_of(t, s))
    assert shown.setdefault((name, planes.tobytes()), indices) == indices


def test_a_whole_move_may_be_given_where_no_part_is_chosen() -> None:
    windows = 0
    for t, s, legal in recorded(("recov",)):
        scratch = new_scratch(t)
        for move in legal:
            one, other = s.copy(), s.copy()
            assert choose(t, one, move, scratch) == move
            apply_move(t, other, move, scratch)
            assert np.array_equal(one, other)
            windows += kind_of(move) == RECOVER_WINDOW
        assert legal_moves(t, s, scratch.moves, scratch) == len(legal)
    assert windows > 0
