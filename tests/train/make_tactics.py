"""Choose the tactical positions that the test suite carries: data/tactics.json.

    python tests/train/make_tactics.py

They come from games of the heuristic against itself, by seed, at most one of a kind a game. How
hard they are is decided by the rules and the budget alone, never by what a search makes of them:

"turn", 256 simulations, 8-64 choices: no choice wins at once, at most a third win within the turn,
and a walk that tries everything evenly meets a win behind a right choice in the simulations that
the first round of sequential halving gives it.

"reply", 512 simulations, 3-16 choices a node: nothing wins within the turn, at most a third is
right, and the own turn and the reply together hold at most 128 positions, a quarter of the budget.
"""

from contextlib import suppress

import numpy as np
from tactics_support import Case, Solver, TooManyError, write_cases

from ringrift.engine.config import Config
from ringrift.engine.kernels import new_scratch
from ringrift.engine.moves import SLIDE, kind_of
from ringrift.engine.players import heuristic_choice
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import PART, SEAT, TURN, WINNER, Row, new_state
from ringrift.engine.text import format_move, format_state

WANTED = (
    ("turn", "hex8_2p", 15),
    ("turn", "square8_2p", 10),
    ("reply", "hex8_2p", 15),
    ("reply", "square8_2p", 10),
)
GAMES = 3000
MOST_NODES = {"turn": 3_000, "reply": 20_000}
MOST_POSITIONS = 128


def decisions_of(tables: Tables, seed: int) -> list[Row]:
    """The decisions of a game between two heuristic players, the last first."""
    solver, scratch, rng = Solver(tables), new_scratch(tables), seed_rng(seed)
    state, found = new_state(tables), list[Row]()
    while moves := solver.choices(state):
        found.append(state)
        listed = np.array(moves, dtype=np.int64)
        best = heuristic_choice(tables, state, listed, len(moves), scratch, rng)
        state = solver.after(state, moves[best])
    return found[::-1]


def looks(solver: Solver, state: Row, seat: int, turn: int, budget: int) -> int | None:
    """Simulations after which an even walk must have met a win of `seat` in its turn.

    None when there is none, or it takes more than `budget`. One simulation looks at the position
    itself; a walk below visits every choice n times before any n + 1 times.
    """
    if state[WINNER] >= 0:
        return 1 if state[WINNER] == seat else None
    if state[TURN] != turn or state[SEAT] != seat or budget < 3:
        return None
    after = solver.successors(state)
    wins = sum(a[WINNER] == seat for a in after)
    if wins:
        needed = len(after) - wins + 2
    else:
        deeper = [looks(solver, a, seat, turn, budget // len(after)) for a in after]
        fewest = min((n for n in deeper if n is not None), default=budget)
        needed = len(after) * (fewest - 1) + 2
    return needed if needed <= budget else None


def right_within_turn(tables: Tables, state: Row) -> list[bool] | None:
    """Which choices win, if the position is a case of kind "turn"."""
    solver = Solver(tables, MOST_NODES["turn"])
    after = solver.successors(state)
    if not 8 <= len(after) <= 64 or solver.wins_at_once(state):
        return None
    first_round = 256 // ((len(after) - 1).bit_length() * len(after))
    seat, turn = int(state[SEAT]), int(state[TURN])
    if all(looks(solver, a, seat, turn, first_round) is None for a in after):
        return None
    right = [value == 1 for value in solver.values(state, 1)]
    if 3 * sum(right) > len(right):
        return None
    # A sure win later is no mistake, as far as it can be proven.
    with suppress(TooManyError):
        right = [value == 1 for value in solver.values(state, 3)]
    return right if 3 * sum(right) <= len(right) else None


def is_small(solver: Solver, state: Row) -> bool:
    """Whether this turn and the reply hold few positions, and no node many choices."""
    until, open_, seen = int(state[TURN]) + 2, [state], 0
    while open_:
        at = open_.pop()
        seen += 1
        if at[WINNER] >= 0 or at[TURN] >= until:
            continue
        after = solver.successors(at)
        if len(after) > 16 or seen + len(open_) + len(after) > MOST_POSITIONS:
            return False
        open_ += after
    return True


def right_after_reply(tables: Tables, state: Row) -> list[bool] | None:
    """Which choices are right, if the position is a case of kind "reply"."""
    solver = Solver(tables, MOST_NODES["reply"])
    if len(solver.choices(state)) < 3 or not is_small(solver, state):
        return None
    values = solver.values(state, 2)
    best = max(values)
    right = [value == best for value in values]
    if max(solver.values(state, 1)) == 1 or best == -1 or 3 * sum(right) > len(right):
        return None
    lasting = best == 1 or [value >= 0 for value in solver.values(state, 4)] == right
    return right if lasting else None


JUDGES = {"turn": right_within_turn, "reply": right_after_reply}


def find_cases(kind: str, config: str, wanted: int) -> list[Case]:
    """The first `wanted` cases by seed; of a game, the one nearest to its end."""
    tables, cases = tables_for(Config.parse(config)), list[Case]()
    for game in range(GAMES):
        for state in decisions_of(tables, game):
            choices = Solver(tables).choices(state)
            if state[PART] or any(kind_of(choice) >= SLIDE for choice in choices):
                continue  # a part of a move has no text
            try:
                right = JUDGES[kind](tables, state)
            except TooManyError:
                continue
            if right is not None:
                pairs = zip(choices, right, strict=True)
                texts = tuple(format_move(tables, state, c) for c, good in pairs if good)
                text = format_state(tables, state)
                cases.append(Case(kind, config, game, len(choices), texts, text))
                break
        if len(cases) == wanted:
            return cases
    raise AssertionError(f"only {len(cases)} cases of kind {kind} in {GAMES} games of {config}")


if __name__ == "__main__":
    write_cases([case for wanted in WANTED for case in find_cases(*wanted)])
