"""Matches of one player, alone in its seat, against copies of another, in blocks of one opening.

The block, one opening played with the lone player in every seat, is the sample; its games share
the opening, so they are not independent. All games of a match run side by side: each round, every
player decides all positions in which it is to move.

With more than two seats a pair has two kinds of match: the candidate alone against the champions,
and the champion alone against candidates. They are two matches, with the roles swapped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ringrift.engine.kernels import position_hash
from ringrift.engine.rng import Rng, seed_rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import SEAT, Moves, Row
from ringrift.train.blocks import Histogram, Score, histogram_of, too_uniform
from ringrift.train.openings import Judge, Opening, random_openings
from ringrift.train.play import Referee, winner_of
from ringrift.train.player import Player, Position
from ringrift.train.seeds import seed_of


@dataclass(frozen=True, slots=True)
class Match:
    """`blocks[i]`: games won by the lone player from opening `first_opening + i`, one a rotation.

    `openings[i]` is that opening's hash under symmetry, `finals[i]` the hashes of the final
    positions of its games, by the lone player's seat. `early`: a test watched it and could end it,
    so that its score is further from even than the truth.
    """

    blocks: tuple[int, ...]
    openings: tuple[int, ...]
    finals: tuple[tuple[int, ...], ...]
    first_opening: int = 0
    early: bool = False

    @property
    def rotations(self) -> int:
        """Games in a block."""
        return len(self.finals[0])

    @property
    def histogram(self) -> Histogram:
        return histogram_of(self.blocks, self.rotations)

    @property
    def distinct_openings(self) -> int:
        return len(set(self.openings))

    @property
    def distinct_games(self) -> int:
        """Different final positions."""
        return len({final for block in self.finals for final in block})

    @property
    def score(self) -> Score:
        return Score(self.histogram, self.distinct_openings, self.distinct_games)

    @property
    def invalid(self) -> str | None:
        """Why the match says nothing, if too many of its games are alike."""
        return too_uniform(self.score)

    def cut(self, blocks: int) -> "Match":
        """Its first `blocks` blocks."""
        return replace(
            self,
            blocks=self.blocks[:blocks],
            openings=self.openings[:blocks],
            finals=self.finals[:blocks],
        )


def joined(parts: Sequence[Match]) -> Match:
    """One match of consecutive parts. Raises ValueError when there are none or one is missing."""
    if not parts:
        raise ValueError("a match must have at least one part.")
    due = parts[0].first_opening
    for part in parts:
        if part.first_opening != due:
            raise ValueError(f"a part begins at opening {part.first_opening}; {due} is the next.")
        due += len(part.blocks)
    return Match(
        tuple(wins for part in parts for wins in part.blocks),
        tuple(key for part in parts for key in part.openings),
        tuple(block for part in parts for block in part.finals),
        parts[0].first_opening,
        any(part.early for part in parts),
    )


@dataclass(slots=True)
class _Game:
    opening: int
    seat: int  # of the lone player; the other plays all others
    state: Row
    legal: Moves
    rng: Rng


@dataclass(slots=True)
class _Block:
    """Won games and final positions of one opening, by rotation."""

    opening: Opening
    won: dict[int, bool] = field(default_factory=dict[int, bool])
    finals: dict[int, int] = field(default_factory=dict[int, int])


def play_match(
    tables: Tables,
    lone: Player,
    others: Player,
    *,
    seed: int,
    openings: int,
    first_opening: int = 0,
    judge: Judge | None = None,
    stopping: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> Match | None:
    """Play every opening with `lone` in every seat; None when asked to stop before the end.

    `progress` is told (games finished, decisions made) after every round. A block depends on the
    players, the seed, the judge and the number of its opening only: a match played in parts is the
    match played at once. Raises ValueError when there are too few openings.
    """
    referee = Referee(tables)
    starts = random_openings(tables, seed, openings, first=first_opening, judge=judge)
    blocks = [_Block(opening) for opening in starts]
    running = [
        _new_game(referee, seed, first_opening, i, opening.start, seat)
        for i, opening in enumerate(starts)
        for seat in range(tables.players)
    ]
    total = len(running)
    decisions = 0
    while running:
        if stopping():
            return None
        decisions += len(running)
        _play_round(referee, running, lone, others)
        for game in running:
            if len(game.legal) == 0:
                block = blocks[game.opening]
                block.won[game.seat] = _lone_won(game)
                block.finals[game.seat] = int(position_hash(tables, game.state))
        running = [game for game in running if len(game.legal) > 0]
        progress(total - len(running), decisions)
    return Match(
        tuple(sum(block.won.values()) for block in blocks),
        tuple(block.opening.key for block in blocks),
        tuple(tuple(block.finals[seat] for seat in range(tables.players)) for block in blocks),
        first_opening,
    )


def _new_game(referee: Referee, seed: int, first: int, place: int, start: Row, seat: int) -> _Game:
    state = start.copy()
    legal, _ = referee.settle(state)
    return _Game(place, seat, state, legal, seed_rng(_game_seed(seed, first + place, seat)))


def _game_seed(seed: int, opening: int, seat: int) -> int:
    return seed_of(seed, "game", opening, seat)


def _lone_to_act(game: _Game) -> bool:
    return bool(game.state[SEAT] == game.seat)


def _lone_won(game: _Game) -> bool:
    return winner_of(game.state) == game.seat


def _play_round(referee: Referee, games: list[_Game], lone: Player, others: Player) -> None:
    own = [game for game in games if _lone_to_act(game)]
    rest = [game for game in games if not _lone_to_act(game)]
    for player, due in ((lone, own), (others, rest)):
        positions = [Position(game.state, referee.legal(game.state), game.rng) for game in due]
        moves = player.choose(positions)
        for game, move in zip(due, moves, strict=True):
            game.legal, _ = referee.play(game.state, move)
