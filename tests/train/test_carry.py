"""Files of unfinished games: what goes in comes out, and any damage is told."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringrift.train.carry import CarryError, Opponent, Unfinished, read_carry, write_carry
from ringrift.train.records import DecisionRow, read_shard

ROW = DecisionRow(
    1,
    True,
    np.array([5, 9], np.int32),
    np.array([0.25, 0.75], np.float16),
    np.array([3, 29], np.int32),
    np.array([0.5, 0.5], np.float32),
    np.array([0.4, 0.6], np.float32),
    32,
)
MOVES = ("place_ring 0,0,0 1", "move_stack 0,0,0 1,0,-1")
GAME = Unfinished(
    3, MOVES, (ROW,), ("untrained", "heuristic-1"), 2, Opponent(1, "heuristic-1"), 9, 7
)


@st.composite
def games(draw: st.DrawFn) -> Unfinished:
    rows = st.sampled_from([(), (ROW,), (ROW, replace(ROW, part=1, model=1))])
    return Unfinished(
        draw(st.integers(0, 10**6)),
        MOVES,
        draw(rows),
        ("untrained", "f" * 64),
        draw(st.integers(0, 12)),
        draw(st.none() | st.builds(Opponent, st.integers(0, 1), st.just("random-1"))),
        draw(st.integers(0, 2**64 - 1)),
        draw(st.integers(0, 2**64 - 1)),
    )


def as_plain(game: Unfinished) -> tuple[object, ...]:
    rows = [(r.step, r.part, r.model, r.actions.tolist(), r.policy.tolist()) for r in game.rows]
    rest = (game.opened, game.moves, game.models, game.opening_turns, game.opponent)
    return rows, *rest, game.seed, game.rng


@given(st.lists(games(), max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_goes_in_comes_out(tmp_path: Path, written: list[Unfinished]):
    path = tmp_path / "carry"
    write_carry(path, "hex8_2p", written)
    assert list(map(as_plain, read_carry(path, "hex8_2p"))) == list(map(as_plain, written))
    assert list(tmp_path.iterdir()) == [path]


def test_every_truncation_and_flipped_byte_is_noticed(tmp_path: Path):
    path = tmp_path / "carry"
    write_carry(path, "hex8_2p", [GAME])
    good = path.read_bytes()
    for place in range(len(good)):
        for bad in (good[:place], good[:place] + bytes([good[place] ^ 16]) + good[place + 1 :]):
            path.write_bytes(bad)
            with pytest.raises(CarryError, match=r"^[^\n]*carry [^\n]*\.$"):
                read_carry(path, "hex8_2p")


@pytest.mark.parametrize(
    ("game", "told"),
    [
        (replace(GAME, models=()), "step 1: model 0 of 0"),
        (replace(GAME, moves=MOVES[:1]), "step 1, part 0, out of order"),
        (replace(GAME, rows=(replace(ROW, visits=ROW.visits[:1]),)), "do not add up"),
    ],
)
def test_games_that_cannot_be_are_refused(tmp_path: Path, game: Unfinished, told: str):
    write_carry(tmp_path / "carry", "hex8_2p", [game])
    with pytest.raises(CarryError, match=told):
        read_carry(tmp_path / "carry", "hex8_2p")


def test_other_files_are_refused(tmp_path: Path):
    path = tmp_path / "carry"
    write_carry(path, "hex8_2p", [GAME])
    with pytest.raises(CarryError, match=r"unfinished games of hex8_2p, not of hex8_3p\.$"):
        read_carry(path, "hex8_3p")
    with pytest.raises(CarryError, match="is not a ringrift carry"):
        read_carry(Path(__file__).parent / "data" / "version-1.shard", "square8_3p")
    with pytest.raises(ValueError, match="is not a ringrift shard"):
        read_shard(path)
    with pytest.raises(CarryError, match="cannot be read"):
        read_carry(tmp_path, "hex8_2p")


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "carry"
    write_carry(path, "hex8_2p", [GAME])

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(CarryError, match=r"2 unfinished games cannot be written .*No space left"):
        write_carry(path, "hex8_2p", [GAME, GAME])
    assert len(read_carry(path, "hex8_2p")) == 1
    assert list(tmp_path.iterdir()) == [path]
