"""Wins within the own turn, in positions of real games, found by search without any knowledge."""

from collections.abc import Callable

from search_support import ConstantEvaluator

from ringrift.engine.config import Config
from ringrift.engine.kernels import new_scratch
from ringrift.engine.players import heuristic_choice
from ringrift.engine.rng import below, seed_rng
from ringrift.engine.rules import tables_for
from ringrift.engine.state import SEAT, TURN, WINNER, new_state
from ringrift.train.play import Referee
from ringrift.train.search.search import Budget, Search

HEX8 = tables_for(Config.parse("hex8_2p"))


CASES = 40


def can_win_this_turn(referee: Referee, state, legal) -> bool:
    """Whether the seat to act has a sequence of own decisions that wins before its turn ends."""
    seat, turn = state[SEAT], state[TURN]
    for move in legal:
        after = state.copy()
        choices, _ = referee.play(after, int(move))
        if len(choices) == 0:
            if after[WINNER] == seat:
                return True
        elif (
            after[SEAT] == seat
            and after[TURN] == turn
            and can_win_this_turn(referee, after, choices)
        ):
            return True
    return False


def winning_positions(wanted: int):
    """First decisions of turns of heuristic games that win within the turn by >= 2 decisions."""
    referee, scratch = Referee(HEX8), new_scratch(HEX8)
    found = []
    for seed in range(500):
        rng = seed_rng(seed)
        state = new_state(HEX8)
        legal, _ = referee.settle(state)
        at_start, turn, decisions = None, -1, 0
        while len(legal) > 0:
            if state[TURN] != turn:
                at_start, turn, decisions = (state.copy(), legal), int(state[TURN]), 0
            decisions += 1
            move = int(legal[heuristic_choice(HEX8, state, legal, len(legal), scratch, rng)])
            legal, _ = referee.play(state, move)
        assert at_start is not None
        start, choices = at_start
        if state[WINNER] == start[SEAT] and decisions >= 2 and 8 <= len(choices) <= 64:
            found.append((start, choices))
            if len(found) == wanted:
                return found
    raise AssertionError("too few positions")


def wins_this_turn(start, choices, choose: Callable) -> bool:
    """Whether the seat to act wins before its turn ends when `choose` decides."""
    referee = Referee(HEX8)
    state, legal = start.copy(), choices
    while len(legal) > 0 and state[TURN] == start[TURN]:
        legal, _ = referee.play(state, choose(state, legal))
    return bool(state[WINNER] == start[SEAT])


def test_finds_wins_within_the_turn():
    """The rest are won too, but later: a mean does not prefer the sooner of two sure wins."""
    search = Search(HEX8, ConstantEvaluator(HEX8, (0.5, 0.5)), slots=1, simulations=256)
    rng = seed_rng(1)

    def by_search(state, legal) -> int:
        search.begin(0, state, Budget(256, 64), None)
        while not search.step():
            pass
        found = search.result(0)
        return int(found.moves[found.winner])

    def at_random(state, legal) -> int:
        return int(legal[below(rng, len(legal))])

    cases = winning_positions(CASES)
    assert all(can_win_this_turn(Referee(HEX8), *case) for case in cases)
    assert sum(wins_this_turn(*case, by_search) for case in cases) >= 0.7 * CASES
    assert sum(wins_this_turn(*case, at_random) for case in cases) <= 0.3 * CASES
