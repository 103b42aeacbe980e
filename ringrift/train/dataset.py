"""Rows to learn from: the decisions of whole games with everything that is known of them.

Positions are kept as engine rows and become planes batch by batch, which is an order of magnitude
smaller than planes and leaves the encoding and the symmetries out of what is stored. What all
decisions of a game share is kept once a game. Seats are absolute throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.state import SEAT, TURN

HOLDOUT_SHARE = 0.05


class DatasetError(ValueError):
    """A dataset that cannot be built or read: one sentence that names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """N decisions of G whole games, oldest first, in the order of play.

    Per decision: `states` int16[N, state_size]; `policy` float16[M] cut by `offsets` int64[N+1],
    the improved policy of each choice in the engine's order, for rows that are `full` bool[N] and
    none else; `later` float32[N, players], the chances to win that search gave a few turns later
    (`targets.later_chances`); `surprise` float32[N], KL(policy || prior) in nats; `reply` int32[N],
    the row of the next decision of another seat if that is full, else -1; `simulations` int32[N].

    Per game: `starts` int64[G+1], its first row; `owner` int8[G, cells], who holds each cell in the
    end (0 nobody, 1 + seat); `eliminations` float32[G, players], rings eliminated in the end /
    threshold; `ranking` int8[G, players]; `turns` int32[G], the turn it ended in; `holdout`
    bool[G], games that no fit may learn from; `source` bytes[G], who played: the sha256 of weights,
    or a name.
    """

    config: str
    states: NDArray[np.int16]
    offsets: NDArray[np.int64]
    policy: NDArray[np.float16]
    full: NDArray[np.bool_]
    later: NDArray[np.float32]
    surprise: NDArray[np.float32]
    reply: NDArray[np.int32]
    simulations: NDArray[np.int32]
    starts: NDArray[np.int64]
    owner: NDArray[np.int8]
    eliminations: NDArray[np.float32]
    ranking: NDArray[np.int8]
    turns: NDArray[np.int32]
    holdout: NDArray[np.bool_]
    source: NDArray[np.bytes_]

    @property
    def rows(self) -> int:
        """Decisions."""
        return len(self.states)

    @property
    def games(self) -> int:
        """Games."""
        return len(self.holdout)

    @property
    def full_rows(self) -> int:
        """Decisions with a policy target."""
        return int(self.full.sum())

    def seat_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The seat to act at each of `rows`."""
        return self.states[rows, SEAT].astype(np.int64)

    def turn_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The turn of the game at each of `rows`, from 1, each seat's turns counted."""
        return self.states[rows, TURN].astype(np.int64)

    @property
    def game(self) -> NDArray[np.int64]:
        """[N] the game that a decision is of."""
        return np.repeat(np.arange(self.games), np.diff(self.starts))

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """[N] whether no fit may learn from the row."""
        return self.holdout[self.game]


ROW_FIELDS = ("states", "full", "later", "surprise", "simulations")
GAME_FIELDS = ("owner", "eliminations", "ranking", "turns", "holdout", "source")
FIELDS = (*ROW_FIELDS, "offsets", "policy", "reply", "starts", *GAME_FIELDS)


def is_held_out(run_id: str, number: int) -> bool:
    """Whether a game is kept from learning: the same answer in every fit, for 1 game in 20."""
    digest = sha256(f"{run_id} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "little") < HOLDOUT_SHARE * 2**64


def newest(data: Dataset, games: int) -> Dataset:
    """The last `games` games."""
    first = data.games - games
    row = int(data.starts[first])
    choice = data.offsets[row]
    fields: dict[str, Any] = {name: getattr(data, name)[row:] for name in ROW_FIELDS}
    fields |= {name: getattr(data, name)[first:] for name in GAME_FIELDS}
    return Dataset(
        config=data.config,
        offsets=data.offsets[row:] - choice,
        policy=data.policy[choice:],
        reply=np.where(data.reply[row:] < 0, -1, data.reply[row:] - row).astype(np.int32),
        starts=data.starts[first:] - row,
        **fields,
    )


def join(parts: Sequence[Dataset]) -> Dataset:
    """One dataset of several of the same config, in the order given; at least one."""
    rows = np.cumsum([0] + [part.rows for part in parts])
    choices = np.cumsum([0] + [len(part.policy) for part in parts])
    replies = [
        np.where(part.reply < 0, -1, part.reply + first)
        for part, first in zip(parts, rows, strict=False)
    ]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (*ROW_FIELDS, *GAME_FIELDS, "policy")
    }
    return Dataset(
        config=parts[0].config,
        offsets=_joined_cuts([part.offsets for part in parts], choices),
        reply=np.concatenate(replies).astype(np.int32),
        starts=_joined_cuts([part.starts for part in parts], rows),
        **joined,
    )


def _joined_cuts(cuts: Sequence[NDArray[np.int64]], firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    inner = [cut[:-1] + first for cut, first in zip(cuts, firsts, strict=False)]
    return np.concatenate([*inner, firsts[-1:]]).astype(np.int64)
