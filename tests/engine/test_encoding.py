"""Policy indices and feature planes."""

from collections import Counter

import numpy as np
import pytest
from engine_support import random_game

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import action_index, list_choices, new_scratch, write_planes
from ringrift.engine.rules import PHASE_PLANES, SEAT_PLANES, Tables, tables_for
from ringrift.engine.state import PHASE, Row
from ringrift.engine.text import format_state, parse_state


def _planes(t: Tables, s: Row) -> np.ndarray:
    out = np.full((t.planes, t.height, t.width), np.nan, dtype=np.float32)
    write_planes(t, s, out, new_scratch(t))
    return out


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_start_position_planes(config: Config) -> None:
    t = tables_for(config)
    s, _ = next(random_game(t, 1))
    planes = _planes(t, s)
    board = np.zeros(t.height * t.width, dtype=bool)
    board[t.grid] = True
    board = board.reshape(t.height, t.width)
    assert np.isfinite(planes).all()
    assert (planes[:, ~board] == 0).all()
    assert (planes[SEAT_PLANES * t.players + PHASE_PLANES][board] == 1).all()
    for seat in range(t.players):
        assert (planes[SEAT_PLANES * seat + 7][board] == 1).all()
    assert board.sum() == t.cells


def _rotate(text: str, players: int) -> str:
    """The same position with every seat's number raised by one, the last becoming 1."""

    def seat(digit: str) -> str:
        return str(int(digit) % players + 1)

    def owners(entries: str) -> str:
        parts = [entry.split(":") for entry in entries.split(";")] if entries else []
        return ";".join(f"{cell}:{''.join(map(seat, digits))}" for cell, digits in parts)

    def shifted(values: list[str]) -> list[str]:
        return [values[-1], *values[:-1]]

    fields = dict(part.split("=", 1) for part in text.split("|")[2:])
    first, mask, holder, rounds = fields["lps"].split(":")
    fields |= {key: owners(fields[key]) for key in "SMC"}
    fields |= {k: ",".join(shifted(fields[k].split(","))) for k in ("hand", "elim", "terr")}
    fields["p"] = seat(fields["p"])
    first, holder = (seat(x) if x != "0" else x for x in (first, holder))
    fields["lps"] = f"{first}:{''.join(shifted(list(mask)))}:{holder}:{rounds}"
    return "|".join([*text.split("|")[:2], *(f"{k}={v}" for k, v in fields.items())])


@pytest.mark.parametrize("name", ["hex8_3p", "square8_4p"])
def test_planes_and_indices_see_seats_relative_to_the_mover(name: str) -> None:
    t = tables_for(Config.parse(name))
    phases: Counter[int] = Counter()
    for s, legal in random_game(t, 11):
        if not legal:
            break
        phases[int(s[PHASE])] += 1
        text = _rotate(format_state(t, s), t.players)
        _, turned = parse_state(text)
        assert (_planes(t, turned) == _planes(t, s)).all()
        scratch = new_scratch(t)
        n = list_choices(t, turned, scratch.moves, scratch)
        indices = {action_index(t, turned, choice) for choice in scratch.moves[:n].tolist()}
        n = list_choices(t, s, scratch.moves, scratch)
        assert indices == {action_index(t, s, choice) for choice in scratch.moves[:n].tolist()}
    assert len(phases) >= 5


def test_planes_show_what_a_position_holds() -> None:
    t, s = parse_state(
        "RR1|square8|n=2|ph=capture|p=2|hand=9,6|elim=3,0|terr=0,1|S=3,3:1122;3,4:1|M=0,1:1"
        "|C=7,7:2|must=3,3|pend=-|rec=0|act=1|lps=1:1-:2:1|swap=0|win=-"
    )
    planes = _planes(t, s)
    mine, theirs = planes[:SEAT_PLANES], planes[SEAT_PLANES : 2 * SEAT_PLANES]
    np.testing.assert_allclose(mine[:5, 3, 3], [1, 0.4, 0.2, 0.2, 0], rtol=1e-6)
    np.testing.assert_allclose(theirs[:5, 3, 3], [0, 0, 0, 0.4, 1], rtol=1e-6)
    np.testing.assert_allclose(theirs[:5, 3, 4], [1, 0.1, 0.1, 0, 0], rtol=1e-6)
    assert theirs[5, 0, 1] == 1
    assert mine[6, 7, 7] == 1
    np.testing.assert_allclose(theirs[7:13, 5, 5], [0.5, 3 / 18, 0, 0, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(mine[7:13, 5, 5], [6 / 18, 0, 1 / 33, 1 / 3, 0, 0], rtol=1e-6)
    turn = planes[2 * SEAT_PLANES :]
    assert turn[:PHASE_PLANES, 5, 5].tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert turn[PHASE_PLANES:, 5, 5].tolist() == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert turn[PHASE_PLANES + 1, 3, 3] == 1
