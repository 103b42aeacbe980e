"""Games of selfplay: each for itself, varied as asked for, recorded step by step."""

import numpy as np
import pytest
from search_support import ConstantEvaluator, HashEvaluator
from selfplay_support import RUN, SMALL, as_plain

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.kernels import action_index, part_of
from ringrift.engine.players import HEURISTIC_NAME
from ringrift.engine.rules import tables_for
from ringrift.engine.state import PART, SEAT, TURN, WINNER, new_state
from ringrift.engine.text import format_move
from ringrift.train.generation import Budgets, Generation, Variety
from ringrift.train.play import Referee
from ringrift.train.records import GameRecord
from ringrift.train.search.search import Budget

HEX8 = tables_for(Config.parse("hex8_2p"))


def generation(config: str, *, games: int, slots: int, budgets=SMALL, **variety) -> Generation:
    tables = tables_for(Config.parse(config))
    return Generation(
        tables,
        HashEvaluator(tables),
        budgets,
        Variety(**variety),
        run_id=RUN,
        source="hash",
        games=games,
        slots=slots,
    )


def generate(config: str, *, games: int, slots: int, **changes) -> dict[int, GameRecord]:
    """Finished games by the number of their opening."""
    play = generation(config, games=games, slots=slots, **changes)
    found: dict[int, GameRecord] = {}
    while not play.over:
        for game in play.step():
            assert game.number == len(found)
            found[game.opened] = game
    return found


@pytest.fixture(scope="module")
def five_games():
    return generate("hex8_2p", games=5, slots=3)


def test_every_started_game_ends(five_games):
    assert sorted(five_games) == [0, 1, 2, 3, 4]
    assert len({game.moves for game in five_games.values()}) == 5


def test_a_game_depends_on_its_opening_number_only(five_games):
    other = generate("hex8_2p", games=3, slots=1)
    for opened, game in other.items():
        assert as_plain(game) == as_plain(five_games[opened])


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
def test_records_replay_step_by_step(config, five_games):
    """Every step is there, rows stand at exactly the searched decisions and list their choices."""
    tables = tables_for(Config.parse(config))
    games = five_games if config == "hex8_2p" else generate(config, games=2, slots=2)
    referee = Referee(tables)
    for game in games.values():
        assert game.models == ("hash",)
        state = new_state(tables)
        rows = list(game.rows)
        step = part = move = 0
        choices, played = referee.settle(state)
        while True:
            step += len(played)
            if len(choices) == 0:
                break
            if state[TURN] > game.opening_turns:
                row = rows.pop(0)
                assert (row.step, row.part) == (step, part)
                check_row(tables, state, choices, row)
            if state[PART] == 0:
                legal = referee.legal(state).tolist()
                texts = [format_move(tables, state, code) for code in legal]
                move = legal[texts.index(game.moves[step])]
            choices, played = referee.play(state, part_of(tables, state, move))
            part = 0 if played else part + 1
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


def test_a_move_chosen_in_parts_is_chosen_again_after_a_carry():
    whole, place = next(
        (game, i)
        for game in generate("hex8_2p", games=24, slots=24).values()
        for i, row in enumerate(game.rows)
        if row.part > 0
    )
    first = generation("hex8_2p", games=whole.opened + 1, slots=whole.opened + 1)
    first.step()
    # Only the wanted game goes on, from before its first move.
    [wanted] = [game for game in first.unfinished() if game.opened == whole.opened]
    amid = generation("hex8_2p", games=1, slots=1)
    amid.take_up([wanted])
    while amid.decisions < place:
        amid.step()
    [carried] = amid.unfinished()
    assert len(carried.rows) == place - whole.rows[place].part
    last = generation("hex8_2p", games=1, slots=1)
    last.take_up([carried])
    [game] = [game for _ in range(10_000) if not last.over for game in last.step()]
    assert as_plain(game) == as_plain(whole)


@pytest.mark.parametrize(("share", "turns"), [(0.0, {0}), (1.0, {2, 4, 6})])
def test_random_openings_last_whole_turns_and_are_not_searched(share, turns):
    games = generate("hex8_2p", games=8, slots=8, random_openings=share, opening_turns=3)
    assert {game.opening_turns for game in games.values()} <= turns
    assert all((game.rows[0].step > 0) == (share == 1) for game in games.values())


@pytest.mark.parametrize(
    ("temperature", "evaluator", "searched", "distinct"),
    [
        (0.0, ConstantEvaluator(HEX8, [0.5, 0.5]), 16, {1}),
        (1.0, ConstantEvaluator(HEX8, [0.5, 0.5]), 16, {4, 5, 6}),
        (1e-3, HashEvaluator(HEX8), 2, {1, 2}),  # which symmetry it was judged under may decide
        (10.0, HashEvaluator(HEX8), 16, {4, 5, 6}),
    ],
)
def test_first_moves_vary_as_the_temperature_says(temperature, evaluator, searched, distinct):
    """Cheap searches have no noise; what is left is sampling."""
    assert len(first_moves(evaluator, Budget(searched, searched), temperature)) in distinct


def test_first_moves_are_drawn_among_those_that_were_searched():
    even = ConstantEvaluator(HEX8, [0.5, 0.5])
    assert len(first_moves(even, Budget(2, 2), 1.0)) == 2


def first_moves(evaluator, cheap: Budget, temperature: float) -> set[str]:
    budgets = Budgets(full=cheap, cheap=cheap, full_fraction=1e-9)
    varied = Variety(random_openings=0.0, sampled_turns=1, temperature=temperature)
    play = Generation(HEX8, evaluator, budgets, varied, run_id=RUN, source="any", games=6, slots=6)
    games = [game for _ in range(10_000) if not play.over for game in play.step()]
    return {game.moves[0] for game in games}


def test_a_baseline_plays_one_seat_where_it_is_asked_for():
    tables = tables_for(Config.parse("square8_3p"))
    games = generate(
        "square8_3p", games=8, slots=8, opponent=HEURISTIC_NAME, opponent_share=0.5
    ).values()
    with_it = [game for game in games if HEURISTIC_NAME in game.models]
    assert 1 <= len(with_it) < 8
    for game in games:
        seats = searched_seats(tables, game)
        assert len(seats) == (2 if game in with_it else 3)
        assert set(game.models) - {HEURISTIC_NAME} == {"hash"}
        assert {game.models[row.model] for row in game.rows} == {"hash"}


def searched_seats(tables, game: GameRecord) -> set[int]:
    referee, state, seats, steps = Referee(tables), new_state(tables), set(), set()
    steps = {row.step for row in game.rows}
    for step, text in enumerate(game.moves):
        if step in steps:
            seats.add(int(state[SEAT]))
        legal = referee.legal(state).tolist()
        [code] = [c for c in legal if format_move(tables, state, c) == text]
        state = referee.texts(state, [code])[1]
    return seats


def test_an_unknown_opponent_is_one_sentence():
    with pytest.raises(ValueError, match=r"player 'nobody-7' is unknown; use one of"):
        generation("hex8_2p", games=1, slots=1, opponent="nobody-7", opponent_share=1.0)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_every_config_can_be_generated(config):
    tables = tables_for(config)
    evaluator = ConstantEvaluator(tables, [1 / tables.players] * tables.players)
    play = Generation(
        tables, evaluator, SMALL, Variety(), run_id=RUN, source="flat", games=2, slots=2
    )
    for _ in range(60):
        play.step()
    assert play.decisions > 10


def test_games_sampled_to_their_end_have_one():
    """Also where all choices that were searched are proven lost, so that none has any weight."""
    games = generate("hex8_2p", games=120, slots=60, sampled_turns=1000)
    assert len(games) == 120


def test_moves_vary_at_first(five_games):
    assert len({game.moves[0] for game in five_games.values()}) >= 4
