from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_support import ConstantEvaluator, HashEvaluator

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import action_index, part_of
from ringrift.engine.rules import tables_for
from ringrift.engine.state import PART, WINNER, new_state
from ringrift.engine.text import format_move
from ringrift.train.generation import Budgets, Generation
from ringrift.train.play import Referee
from ringrift.train.records import GameRecord, read_shard
from ringrift.train.search.search import Budget
from ringrift.train.selfplay import ShardCutter, run_selfplay
from ringrift.train.world import World
from ringrift.wire.job import Progress, SelfplayJob, ShardWritten

RUN = "0123456789abcdef" * 2
SMALL = Budgets(full=Budget(6, 4), cheap=Budget(2, 2), full_fraction=0.5)


def generate(config: str, *, games: int, slots: int) -> dict[int, GameRecord]:
    tables = tables_for(Config.parse(config))
    play = Generation(tables, HashEvaluator(tables), SMALL, run_id=RUN, games=games, slots=slots)
    found = {}
    while not play.over:
        for game in play.step():
            assert game.number not in found
            found[game.number] = game
    return found


@pytest.fixture(scope="module")
def five_games():
    return generate("hex8_2p", games=5, slots=3)


def as_plain(game: GameRecord):
    rows = [
        (r.step, r.full, r.simulations, *(a.tolist() for a in (r.actions, r.policy, r.visits)))
        for r in game.rows
    ]
    values = [(r.root_value.tolist(), r.raw_value.tolist()) for r in game.rows]
    return game.moves, game.winner, game.ranking, rows, values


def test_every_started_game_ends(five_games):
    assert sorted(five_games) == [0, 1, 2, 3, 4]
    assert len({game.moves for game in five_games.values()}) == 5


def test_a_game_depends_on_its_number_only(five_games):
    other = generate("hex8_2p", games=3, slots=1)
    for number, game in other.items():
        assert as_plain(game) == as_plain(five_games[number])


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
def test_records_replay_step_by_step(config, five_games):
    """Every step is there, rows stand at exactly the searched decisions and list their choices."""
    tables = tables_for(Config.parse(config))
    games = five_games if config == "hex8_2p" else generate(config, games=2, slots=2)
    referee = Referee(tables)
    for game in games.values():
        state = new_state(tables)
        rows = list(game.rows)
        step = move = 0
        choices, played = referee.settle(state)
        while True:
            step += len(played)
            if len(choices) == 0:
                break
            if rows and rows[0].step == step:
                check_row(tables, state, choices, rows.pop(0))
            if state[PART] == 0:
                legal = referee.legal(state).tolist()
                texts = [format_move(tables, state, code) for code in legal]
                move = legal[texts.index(game.moves[step])]
            choices, played = referee.play(state, part_of(tables, state, move))
        assert step == len(game.moves)
        assert not rows
        assert state[WINNER] == game.winner
        assert game.ranking[game.winner] == 1


def check_row(tables, state, legal, row) -> None:
    # The utilities of an end sum to this; the evaluator's, of any other position, to one.
    assert 1 - 1e-5 <= row.root_value.sum() <= 0.8 + 0.1 * tables.players + 1e-5
    assert row.simulations == (6 if row.full else 2)
    if not row.full:
        assert len(row.actions) == len(row.policy) == len(row.visits) == 0
        return
    assert row.actions.tolist() == [action_index(tables, state, int(m)) for m in legal]
    assert row.policy.astype(np.float64).sum() == pytest.approx(1, abs=0.01)
    assert row.visits.sum() == 6


def test_some_games_open_with_random_turns(five_games):
    """Their first decisions were not searched; all later ones are."""
    many = generate("hex8_2p", games=32, slots=16)
    late = [game for game in many.values() if game.rows[0].step > 0]
    assert 1 <= len(late) <= 12


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_every_config_can_be_generated(config):
    tables = tables_for(config)
    evaluator = ConstantEvaluator(tables, [1 / tables.players] * tables.players)
    play = Generation(tables, evaluator, SMALL, run_id=RUN, games=2, slots=2)
    for _ in range(60):
        play.step()
    assert play.decisions > 10


def test_moves_vary_at_first(five_games):
    assert len({game.moves[0] for game in five_games.values()}) >= 4


def job(tmp_path, **fields) -> SelfplayJob:
    defaults = {
        "config": "hex8_2p",
        "run_id": RUN,
        "games": 5,
        "out_dir": str(tmp_path),
        "parallel_games": 3,
        "games_per_shard": 2,
        "full_simulations": 6,
        "full_considered": 4,
        "cheap_simulations": 2,
        "cheap_considered": 2,
        "full_fraction": 0.5,
    }
    return SelfplayJob(**(defaults | fields))


def run(spec: SelfplayJob, steps: float = float("inf")):
    """The run's last line and its other lines, stopped after so many looks at the stop flag."""
    tables = tables_for(Config.parse(spec.config))
    lines, looks, seconds = [], iter(range(10**9)), iter(range(10**9))
    world = World(lambda: next(seconds) * 0.3, lines.append, lambda: next(looks) >= steps)
    return run_selfplay(spec, HashEvaluator(tables), world), lines


def test_shards_hold_all_games_in_order(tmp_path, five_games):
    end, lines = run(job(tmp_path))
    shards = [line for line in lines if isinstance(line, ShardWritten)]
    assert sorted((s.first_game, s.games) for s in shards) == [(0, 2), (2, 2), (4, 1)]
    for shard in shards:
        header, games = read_shard(Path(shard.path), shard.sha256)
        assert header.source == "untrained"
        assert header.run_id == RUN
        for game in games:
            assert as_plain(game) == as_plain(five_games[game.number])
        assert shard.steps == sum(len(game.moves) for game in games)
    assert not end.partial
    assert (end.result.games, end.result.decisions) == (5, sum(s.decisions for s in shards))


def test_progress_counts_games_and_speeds(tmp_path):
    _, lines = run(job(tmp_path, games=1))
    progress = [line for line in lines if isinstance(line, Progress)]
    assert progress
    assert all(0 <= p.done <= p.total == 1 and p.unit == "games" for p in progress)
    assert progress[0].rate is None
    assert progress[-1].figures["evaluations_per_s"] > 0


def test_asked_to_stop_it_hands_in_what_has_finished(tmp_path):
    spec = job(tmp_path, games=40, parallel_games=8, games_per_shard=40)
    end, lines = run(spec, steps=420)
    shards = [line for line in lines if isinstance(line, ShardWritten)]
    assert end.partial
    assert 0 < end.result.games < 40
    assert sum(s.games for s in shards) == end.result.games
    numbers = [n for s in shards for n in range(s.first_game, s.first_game + s.games)]
    assert len(set(numbers)) == len(numbers)


@given(st.data())
def test_no_game_is_lost_or_cut_twice(data):
    games, per_shard = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 12))
    order = data.draw(st.permutations(range(games)))
    finished = order[: data.draw(st.integers(0, games))]
    cutter = ShardCutter(games, per_shard)
    complete = [s for n in finished if (s := cutter.add(GameRecord(n, (), 0, (1, 2), ())))]
    rest = list(cutter.rest())
    for shard in complete:
        assert len(shard) == min(per_shard, games - shard[0].number)
    for shard in complete + rest:
        numbers = [game.number for game in shard]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[0] // per_shard == numbers[-1] // per_shard
    cut = sorted(game.number for shard in complete + rest for game in shard)
    assert cut == sorted(finished)
    assert list(cutter.rest()) == []
