"""What a run of learning remembers: one event a line of its journal, nothing else.

`at_s` is the compute time of the run when it happened: seconds in which it worked, on however many
cores, added up over restarts.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.job import ConfigName, Head, Sha256, Share, Simulations, Turns

Stage = Literal["selfplay", "training", "evaluation"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a run learns, fixed when it is founded.

    Searches are smaller than the design's 64 and 16 simulations, and half of the games open with
    random turns, both by measurement (docs/learning.md).
    `first_rows` and `most_rows` bound the new full-search rows that a fit waits for, `rows_share`
    is their share of all so far in between.
    """

    config: ConfigName
    seed: int = 0
    preset: str = "tiny"
    heads: tuple[Head, ...] = ("owner", "eliminations")
    learning_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 3e-3
    batch_size: Annotated[int, msgspec.Meta(ge=1)] = 64
    reuse: Annotated[float, msgspec.Meta(gt=0, le=4)] = 4.0
    first_rows: Annotated[int, msgspec.Meta(ge=1)] = 1_500
    most_rows: Annotated[int, msgspec.Meta(ge=1)] = 15_000
    rows_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.15
    parallel_games: Annotated[int, msgspec.Meta(ge=1)] = 64
    games_per_shard: Annotated[int, msgspec.Meta(ge=1)] = 32
    full_simulations: Simulations = 32
    full_considered: Simulations = 16
    cheap_simulations: Simulations = 8
    cheap_considered: Simulations = 8
    full_fraction: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.25
    random_openings: Share = 0.5
    opening_turns: Turns = 3
    evaluation_share: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.1
    evaluation_simulations: Simulations = 32
    gate_openings: Annotated[int, msgspec.Meta(ge=20)] = 20


class Founded(msgspec.Struct, frozen=True, tag="founded"):
    """The run began; `version` is the ringrift that founded it."""

    settings: Settings
    version: str


class Started(msgspec.Struct, frozen=True, tag="started"):
    """A child is about to start; its number makes its run id unlike any other's."""

    number: int
    stage: Stage
    at_s: float


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """A shard of finished games is acknowledged: from here on these games count."""

    sha256: Sha256
    bytes: int
    run_id: str
    first_game: int
    games: int
    decisions: int
    full_rows: int
    steps: int
    generator: Sha256 | None
    at_s: float


class Fitting(msgspec.Struct, frozen=True, tag="fitting"):
    """A fit of the first `seen_rows` full-search rows has begun; if killed, it is taken up so."""

    seen_rows: int
    at_s: float


class Trained(msgspec.Struct, frozen=True, tag="trained"):
    """A fit published a candidate. `seen_rows`: full-search rows there were when it was begun."""

    sha256: Sha256
    state_sha256: Sha256 | None
    parent: Sha256 | None
    seen_rows: int
    rows: int
    rows_drawn: int
    reuse: float
    policy_loss: float
    value_loss: float
    holdout_policy_loss: float | None
    holdout_value_loss: float | None
    seconds: float
    at_s: float


class Matched(msgspec.Struct, frozen=True, tag="matched"):
    """Some blocks of a match were played; `opponent` is a baseline's name or a network's sha256.

    `openings` and `finals` are hashes, as in `wire.job.EvaluationDone`.
    """

    candidate: Sha256
    opponent: str
    first_opening: int
    blocks: tuple[int, ...]
    rotations: int
    openings: tuple[str, ...]
    finals: tuple[tuple[str, ...], ...]
    simulations: int
    seconds: float
    at_s: float


class Ruled(msgspec.Struct, frozen=True, tag="ruled"):
    """A decision on a candidate, with its reasons: whether it becomes champion."""

    candidate: Sha256
    decision: Literal["promoted", "rejected", "undecided"]
    against: Sha256 | None
    checks: tuple[tuple[str, str, str, bool | None], ...]
    at_s: float


class Unplayed(msgspec.Struct, frozen=True, tag="unplayed"):
    """A match of a candidate could not be played, for this reason; there will be no other try.

    A child that said so itself ends the tries, or the third in a row that died.
    """

    candidate: Sha256
    opponent: str
    reason: str
    at_s: float


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """A fit failed, for this reason; the next start begins it anew, with rows in another order."""

    reason: str
    at_s: float


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """A shard that was acknowledged is missing or damaged: from here on its games do not count."""

    sha256: Sha256
    at_s: float


class RolledBack(msgspec.Struct, frozen=True, tag="rolled_back"):
    """The next fit continues from the champion, because the networks since became worse."""

    champion: Sha256
    reason: str
    at_s: float


class Worked(msgspec.Struct, frozen=True, tag="worked"):
    """So many seconds of cores went into a stage since the last such line of it."""

    stage: Stage
    core_seconds: float
    at_s: float


Event = (
    Founded
    | Started
    | Kept
    | Lost
    | Fitting
    | Trained
    | Unfit
    | Matched
    | Unplayed
    | Ruled
    | RolledBack
    | Worked
)
