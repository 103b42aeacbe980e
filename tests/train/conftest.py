"""Games without search, as records and shards: enough for everything that learns from them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ringrift.engine.config import Config
from ringrift.engine.kernels import action_index, new_scratch, part_of, ranking
from ringrift.engine.players import heuristic_choice, random_choice
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import tables_for
from ringrift.engine.state import PART, SEAT, WINNER, new_state
from ringrift.train.play import Referee
from ringrift.train.records import DecisionRow, GameRecord, ShardFile, ShardHeader, write_shard


def play_record(config: Config, number: int, seed: int, *, heuristic_seat: int = 0) -> GameRecord:
    """The heuristic on one seat against random ones; its taste is the policy target of all rows.

    Every fourth decision counts as a full search. Root values claim to know the winner.
    """
    t = tables_for(config)
    scratch, rng, referee = new_scratch(t), seed_rng(seed), Referee(t)
    state = new_state(t)
    moves: list[int] = []
    pending: list[tuple[int, int, list[int], int]] = []
    wished = taken = part = 0
    choices, played = referee.settle(state)
    while True:
        moves += played
        if len(choices) == 0:
            break
        if state[PART] == 0:
            legal = referee.legal(state)
            wished = int(legal[heuristic_choice(t, state, legal, len(legal), scratch, rng)])
            taken = wished
            if int(state[SEAT]) != heuristic_seat:
                taken = int(legal[random_choice(t, state, legal, len(legal), rng)])
        codes: list[int] = choices.tolist()
        liked = part_of(t, state, wished)
        actions = [int(action_index(t, state, code)) for code in codes]
        pending.append((len(moves), part, actions, codes.index(liked) if liked in codes else 0))
        choices, played = referee.play(state, part_of(t, state, taken))
        part = part + 1 if state[PART] != 0 else 0
    texts, _ = referee.texts(new_state(t), moves)
    winner = int(state[WINNER])
    ranks = np.zeros(t.players, np.int64)
    ranking(t, state, ranks)
    values = np.eye(t.players, dtype=np.float32)[winner]
    rows = tuple(
        DecisionRow(
            step,
            i % 4 == 0,
            np.array(actions, np.int32),
            (0.2 / len(actions) + 0.8 * (np.arange(len(actions)) == liked)).astype(np.float16),
            np.ones(len(actions), np.int32),
            values,
            values,
            8,
            part,
        )
        for i, (step, part, actions, liked) in enumerate(pending)
    )
    ranked = tuple(ranks.tolist())
    return GameRecord(number, texts, winner, ranked, rows, number, ("untrained",), 0)


def shard_header(config: str, first_game: int, games: int, run_id: str = "0" * 32) -> ShardHeader:
    return ShardHeader(
        config=config,
        run_id=run_id,
        first_game=first_game,
        games=games,
        source="untrained",
        full_simulations=8,
        full_considered=4,
        cheap_simulations=8,
        cheap_considered=4,
        full_fraction=0.25,
    )


MakeShard = Callable[..., ShardFile]


@pytest.fixture(scope="session")
def make_shard() -> MakeShard:
    """make_shard(directory, config="hex8_2p", first_game=0, games=4) -> ShardFile of real games."""

    def make(
        directory: Path, config: str = "hex8_2p", first_game: int = 0, games: int = 4
    ) -> ShardFile:
        parsed = Config.parse(config)
        numbers = range(first_game, first_game + games)
        records = [
            play_record(parsed, n, seed=1000 + n, heuristic_seat=n % parsed.players)
            for n in numbers
        ]
        return write_shard(directory, shard_header(config, first_game, games), records)

    return make
