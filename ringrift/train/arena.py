"""Matches between a candidate and one opponent, in blocks of one opening in every seat rotation.

Players are noiseless, so random openings carry the variety and the block, not the game, is the
sample. All games of a match run side by side: each round, every player decides all positions in
which it is to move.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ringrift.engine.config import Config
from ringrift.engine.kernels import canonical_hash, position_hash
from ringrift.engine.rng import Rng, below, seed_rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import SEAT, Moves, Row, new_state
from ringrift.engine.symmetry import symmetries_for
from ringrift.engine.text import board_of
from ringrift.train.play import Referee, play_random_turns, winner_of
from ringrift.train.player import Player, Position
from ringrift.train.seeds import seed_of

_MOST_OPENING_TURNS = 3
_ATTEMPTS_PER_OPENING = 50


@dataclass(frozen=True, slots=True)
class Match:
    """`blocks[i]`: games won by the candidate from opening i, of one game a seat rotation."""

    blocks: tuple[int, ...]
    distinct_openings: int
    distinct_games: int


@dataclass(slots=True)
class _Game:
    opening: int
    seat: int  # of the candidate; the opponent plays all others
    state: Row
    legal: Moves
    rng: Rng


def random_openings(tables: Tables, seed: int, count: int) -> list[Row]:
    """`count` decisions at the start of a turn, after 1-3 random full turns per seat, of which no
    two are alike under the symmetries of the board.

    Raises ValueError when so many cannot be found.
    """
    referee = Referee(tables)
    symmetries, spare = symmetries_for(Config(board_of(tables), tables.players)), new_state(tables)
    found: dict[int, Row] = {}
    for attempt in range(count * _ATTEMPTS_PER_OPENING):
        if len(found) == count:
            break
        rng = seed_rng(seed_of(seed, "opening", attempt))
        turns = (1 + below(rng, _MOST_OPENING_TURNS)) * tables.players
        state = new_state(tables)
        if len(play_random_turns(referee, state, turns, rng)[0]) > 0:
            found.setdefault(int(canonical_hash(tables, symmetries, state, spare)), state)
    if len(found) < count:
        raise ValueError(f"openings is {count}; only {len(found)} distinct ones were found.")
    return list(found.values())


def play_match(
    tables: Tables,
    candidate: Player,
    opponent: Player,
    *,
    seed: int,
    openings: int,
    stopping: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> Match | None:
    """Play every opening with the candidate in every seat; None when asked to stop before the end.

    `progress` is told (games finished, decisions made) after every round. What a match is depends
    on the players, the seed and the number of openings only.
    """
    referee = Referee(tables)
    starts = random_openings(tables, seed, openings)
    running = [
        _new_game(referee, seed, i, s, seat)
        for i, s in enumerate(starts)
        for seat in range(tables.players)
    ]
    total = len(running)
    blocks = [0] * openings
    finals: set[int] = set()
    decisions = 0
    while running:
        if stopping():
            return None
        decisions += len(running)
        _play_round(referee, running, candidate, opponent)
        for game in running:
            if len(game.legal) == 0:
                blocks[game.opening] += winner_of(game.state) == game.seat
                finals.add(int(position_hash(tables, game.state)))
        running = [game for game in running if len(game.legal) > 0]
        progress(total - len(running), decisions)
    return Match(tuple(blocks), len(starts), len(finals))


def _new_game(referee: Referee, seed: int, opening: int, start: Row, seat: int) -> _Game:
    state = start.copy()
    legal, _ = referee.settle(state)
    return _Game(opening, seat, state, legal, seed_rng(seed_of(seed, "game", opening, seat)))


def _play_round(referee: Referee, games: list[_Game], candidate: Player, opponent: Player) -> None:
    own = [game for game in games if game.state[SEAT] == game.seat]
    other = [game for game in games if game.state[SEAT] != game.seat]
    for player, due in ((candidate, own), (opponent, other)):
        positions = [Position(game.state, referee.legal(game.state), game.rng) for game in due]
        moves = player.choose(positions)
        for game, move in zip(due, moves, strict=True):
            game.legal, _ = referee.play(game.state, move)
