"""Baseline players, which every network is measured against: no network, no search tree.

`uniform` plays at random; strength 1 (`stepwise`) judges every step by itself, strength 2 (`turn`)
the end of its own turn, strength 3 (`reply`) what the best reply to it leaves; `evaluation` is what
the latter two judge by, `baseline` finds them all by name and version (docs/heuristic.md).
"""

from ringrift.engine.players.baseline import BASELINES, Baseline, find_baseline
from ringrift.engine.players.reply import REPLY_NAME, ReplyPlayer
from ringrift.engine.players.stepwise import HEURISTIC_NAME, StepwisePlayer, heuristic_choice
from ringrift.engine.players.turn import TURN_NAME, TurnPlayer
from ringrift.engine.players.uniform import RANDOM_NAME, RandomPlayer, random_choice

__all__ = [
    "BASELINES",
    "HEURISTIC_NAME",
    "RANDOM_NAME",
    "REPLY_NAME",
    "TURN_NAME",
    "Baseline",
    "RandomPlayer",
    "ReplyPlayer",
    "StepwisePlayer",
    "TurnPlayer",
    "find_baseline",
    "heuristic_choice",
    "random_choice",
]
