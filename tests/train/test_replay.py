"""Records replay to the exact positions; a record that does not fit the rules is refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.records import GameRecord, RecordError, ShardFile, read_shard
from ringrift.train.replay import Replayer

MakeShard = Callable[..., ShardFile]
HEX8 = tables_for(Config.parse("hex8_2p"))


@pytest.fixture(scope="session")
def game(make_shard: MakeShard, tmp_path_factory: pytest.TempPathFactory) -> GameRecord:
    return read_shard(make_shard(tmp_path_factory.mktemp("replay"), games=1).path)[1][0]


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
def test_every_row_finds_its_position(make_shard: MakeShard, tmp_path: Path, config: str):
    _, games = read_shard(make_shard(tmp_path, config, games=2).path)
    replayer = Replayer(tables_for(Config.parse(config)))
    for record in games:
        decisions = replayer.decisions(record, swap=False)
        assert len(decisions.states) == len(decisions.actions) == len(record.rows) > 20
        for row, actions in zip(record.rows, decisions.actions, strict=True):
            np.testing.assert_array_equal(row.actions, actions)


def test_rows_may_be_fewer_than_decisions(game: GameRecord):
    fewer = dataclasses.replace(game, rows=game.rows[3::2])
    whole = Replayer(HEX8).decisions(game, swap=False)
    part = Replayer(HEX8).decisions(fewer, swap=False)
    np.testing.assert_array_equal(part.states, whole.states[3::2])


def refused(game: GameRecord, told: str, **changes: object) -> None:
    broken = dataclasses.replace(game, **changes)  # pyright: ignore[reportArgumentType]
    with pytest.raises(RecordError, match=told):
        Replayer(HEX8).decisions(broken, swap=False)


def test_records_against_the_rules_are_refused(game: GameRecord):
    moves = game.moves
    place = game.rows[5].step
    absent = (*moves[:place], "place_ring 9,9,-18 1", *moves[place + 1 :])
    refused(game, f"step {place}: 'place_ring 9,9,-18 1' is not legal there", moves=absent)
    refused(game, "does not end as recorded", winner=1 - game.winner)
    refused(game, "does not end as recorded", moves=moves[:-20])
    refused(game, "does not end as recorded", moves=(*moves, "no_line_action"))
    steps = {row.step for row in game.rows}
    forced = next(step for step in range(len(moves)) if step not in steps)
    refused(
        game,
        f"no decision at step {forced}",
        rows=(dataclasses.replace(game.rows[0], step=forced),),
    )


@pytest.mark.parametrize("config", ["hex8_2p", "square8_2p"])
def test_parts_of_a_move_find_their_own_positions(
    make_shard: MakeShard, tmp_path: Path, config: str
):
    """Also where the first part, which has the same step, makes no row."""
    _, games = read_shard(make_shard(tmp_path, config, games=6).path)
    replayer = Replayer(tables_for(Config.parse(config)))
    later = 0
    for record in games:
        whole = replayer.decisions(record, swap=False)
        kept = [i for i, row in enumerate(record.rows) if row.part > 0]
        fewer = dataclasses.replace(record, rows=tuple(record.rows[i] for i in kept))
        np.testing.assert_array_equal(
            replayer.decisions(fewer, swap=False).states, whole.states[kept]
        )
        later += len(kept)
    assert later > 0


def test_the_position_after_some_moves_is_that_of_the_game(game: GameRecord):
    replayer = Replayer(HEX8)
    states = replayer.decisions(game, swap=False).states
    for i in range(0, len(game.rows), 7):
        if game.rows[i].part == 0:
            position, codes = replayer.position(game.moves[: game.rows[i].step])
            np.testing.assert_array_equal(position, states[i])
            assert len(codes) == game.rows[i].step
    with pytest.raises(RecordError, match="step 0: 'nothing' is not legal there"):
        replayer.position(("nothing",))


@pytest.mark.parametrize(
    ("name", "config", "number", "parts"),
    [("version-1", "square8_3p", 7, 0), ("version-1-parts", "hex8_2p", 5, 4)],
)
def test_the_first_format_stays_readable(name: str, config: str, number: int, parts: int):
    """Files of the first release, written once and never again."""
    header, (record,) = read_shard(Path(__file__).parent / "data" / f"{name}.shard")
    assert (header.config, header.games, record.number) == (config, 1, number)
    assert sum(row.part > 0 for row in record.rows) == parts
    decisions = Replayer(tables_for(Config.parse(header.config))).decisions(record, swap=False)
    assert len(decisions.states) == len(record.rows)
    for row, actions in zip(record.rows, decisions.actions, strict=True):
        np.testing.assert_array_equal(row.actions, actions)
