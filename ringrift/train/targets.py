"""What a game teaches: the targets of its decisions, as pure functions of what was recorded."""

import numpy as np
from numpy.typing import NDArray

# The value target looks this many turns of every seat ahead.
HORIZON_TURNS = 2

# This share of the weight of policy targets goes by surprise.
SURPRISE_SHARE = 0.5
# A surprise counts as at most this many times the mean one.
MOST_SURPRISE = 8.0

# Utility of a seat with three or four players: this times its chance to win, the rest by rank.
_WIN_SHARE = 0.8


def chances_of(utilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chances to win [..., players], sum 1, that utilities in [0, 1] of all seats stand for.

    With two players they are the same. With n >= 3 a utility u also holds the expected rank, as
    .2 r with r = (n - E[rank]) / (n - 1); taking r for linear in the chance p, from 1 at p = 1 and
    n/2 summed over the seats, gives u = .8 p + .2 (a + (1 - a) p), a = (n/2 - 1) / (n - 1). A seat
    sure to be last has less than that line allows and counts as 0.
    """
    players = utilities.shape[-1]
    base = (players / 2 - 1) / (players - 1)
    share = 1.0 if players == 2 else _WIN_SHARE
    chances = (utilities - (1 - share) * base) / (share + (1 - share) * (1 - base))
    chances = np.clip(chances, 0, None)
    return (chances / chances.sum(axis=-1, keepdims=True)).astype(np.float32)


def later_chances(
    turns: NDArray[np.int64], chances: NDArray[np.float32], outcome: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What each of a game's decisions is told by the search some turns later: [rows, players].

    `turns` [rows] counts the turns of all seats and never falls; `chances` [rows, players] of the
    absolute seats are those after search. The first decision at least `HORIZON_TURNS` turns of
    every seat later answers; where the game ended before, `outcome` [players] does.
    """
    players = len(outcome)
    at = np.searchsorted(turns, turns + HORIZON_TURNS * players)
    return np.concatenate([chances, outcome[None]])[at]


def surprise_weights(surprise: NDArray[np.float32]) -> NDArray[np.float32]:
    """[rows] how much each policy target weighs in the loss; 1 in the mean.

    Half of it is the same for all, half grows with KL(improved || prior), NaN where that is not
    known (KataGo draws rows more often by it; here the value head, whose targets say nothing more
    for it, would then see last turns before all else).
    """
    known = surprise[~np.isnan(surprise)]
    mean = known.mean() if len(known) else 0.0
    if mean <= 0:
        return np.ones_like(surprise)
    excess = np.minimum(surprise / mean, MOST_SURPRISE)
    excess = np.where(np.isnan(excess), 1.0, excess / np.nanmean(excess))
    return (1 - SURPRISE_SHARE + SURPRISE_SHARE * excess).astype(np.float32)


def rank_shares(ranking: NDArray[np.int8]) -> NDArray[np.float32]:
    """[games, players] ranks from 1, equal ones tied -> [games, seat, rank - 1] shares, sum 1.

    m seats tied at rank r each hold 1/m of the ranks r ... r + m - 1.
    """
    players = ranking.shape[1]
    rank = ranking.astype(np.int64)
    tied: NDArray[np.int64] = (rank[:, :, None] == rank[:, None, :]).sum(axis=2)
    place = np.arange(1, players + 1, dtype=np.int64)
    held: NDArray[np.bool_] = (rank[:, :, None] <= place) & (place < (rank + tied)[:, :, None])
    return (held / tied[:, :, None]).astype(np.float32)


def replies(seats: NDArray[np.int64], full: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Per decision of a game: the row of the next decision of another seat, if that was searched
    fully; -1 where it was not, or there is none.
    """
    rows = len(seats)
    answer = np.full(rows, -1, dtype=np.int32)
    following = -1
    for i in range(rows - 2, -1, -1):
        if seats[i + 1] != seats[i]:
            following = i + 1
        if following >= 0 and full[following]:
            answer[i] = following
    return answer
