"""The work queue: items, their payloads, and claims fenced by the log index that granted them.

An item is pending, claimed by exactly one node, or ended (completed, failed, cancelled). A claim is
named by (item, index of the entry that granted it): whatever arrives with another index is refused,
except a repeat of the completion that ended the item, which gets the same answer again.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.train.blocks import histogram_of
from ringrift.wire.job import (
    ConfigName,
    EvaluationDone,
    Positive,
    SelfplayDone,
    Sha256,
    Simulations,
    TrainingDone,
)

Kind = Literal["selfplay", "training", "evaluation"]
WorkState = Literal["pending", "claimed", "completed", "failed", "cancelled"]
Opponent = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

MAX_LIVE_ITEMS = 1_000
"""Most items pending or claimed at once (the queue's hard limit)."""
MAX_PENDING: dict[Kind, int] = {"selfplay": 100, "training": 50, "evaluation": 50}
"""Most items of a kind pending when another is added; those handed back come on top."""
MAX_ITEMS = 10_000
"""Most items in the state, ended ones included; `EvictWork` makes room."""
MAX_TRAINING_SHARDS = 1_500
"""Most shards one training item may name: about 100 KiB of hashes, below the command bound."""

MAX_DEPENDENCIES = 16
"""Most items that one may wait for."""
MAX_EXCLUDED = 8
"""Most nodes that an item remembers to have failed it; the newest are kept."""

TRAINING_PRIORITY = 100
EVALUATION_PRIORITY = 80
SELFPLAY_PRIORITY = 50


class SelfplayWork(
    msgspec.Struct,
    frozen=True,
    tag="selfplay",
    tag_field="kind",
    forbid_unknown_fields=True,
    gc=False,
    array_like=True,
):
    """Play `games` games. `weights` is the generator, filled in by the claim (None: untrained).

    The remaining fields are those of `wire.job.SelfplayJob`; the worker adds paths and run id.
    """

    games: Positive
    parallel_games: Positive
    games_per_shard: Positive
    full_simulations: Simulations
    full_considered: Simulations
    cheap_simulations: Simulations
    cheap_considered: Simulations
    full_fraction: float
    weights: Sha256 | None = None


class TrainingWork(
    msgspec.Struct,
    frozen=True,
    tag="training",
    tag_field="kind",
    forbid_unknown_fields=True,
    gc=False,
    array_like=True,
):
    """Fit a candidate on `shards` (oldest first) from `parent` (None: from a fresh network) and the
    optimiser that `parent_state` is a file of (None: from a fresh one).

    `games_seen` and `rows_seen` are the config's totals when the item was opened: what the
    candidate will count as having seen. Other fields are those of `wire.job.TrainingJob`.
    """

    shards: Annotated[tuple[Sha256, ...], msgspec.Meta(min_length=1, max_length=1_500)]
    parent: Sha256 | None
    new_rows: Count
    games_seen: Count
    rows_seen: Count
    learning_rate: float
    batch_size: Positive
    max_reuse: float
    window_rows: Positive
    parent_state: Sha256 | None = None


class EvaluationWork(
    msgspec.Struct,
    frozen=True,
    tag="evaluation",
    tag_field="kind",
    forbid_unknown_fields=True,
    gc=False,
    array_like=True,
):
    """Play `candidate` against a baseline (its name and version) or another network's sha256."""

    candidate: Sha256
    opponent: Opponent
    openings: Annotated[int, msgspec.Meta(ge=20, le=10_000)]
    simulations: Simulations


Payload = SelfplayWork | TrainingWork | EvaluationWork


class SelfplayOutcome(
    msgspec.Struct, frozen=True, tag="selfplay", tag_field="kind", gc=False, array_like=True
):
    """What a selfplay item did; its shards were registered one by one before."""

    games: Count
    decisions: Count
    seconds: float

    @staticmethod
    def of(done: SelfplayDone) -> "SelfplayOutcome":
        return SelfplayOutcome(done.games, done.decisions, done.seconds)


class TrainingOutcome(
    msgspec.Struct, frozen=True, tag="training", tag_field="kind", gc=False, array_like=True
):
    """A candidate network: content hash, size in bytes, and the child's figures on its fit.

    `state` is the file from which the next fit goes on with the optimiser.
    """

    model: Sha256
    bytes: Count
    dataset: Sha256
    rows: Count
    rows_drawn: Count
    steps: Count
    reuse: float
    policy_loss: float
    value_loss: float
    holdout_policy_loss: float | None
    holdout_value_loss: float | None
    parameters_changed: bool
    seconds: float
    state: Sha256 | None = None

    @staticmethod
    def of(done: TrainingDone) -> "TrainingOutcome":
        return TrainingOutcome(
            model=done.sha256,
            bytes=done.bytes,
            dataset=done.dataset_sha256,
            rows=done.rows,
            rows_drawn=done.rows_drawn,
            steps=done.steps,
            reuse=done.reuse,
            policy_loss=done.policy_loss,
            value_loss=done.value_loss,
            holdout_policy_loss=done.holdout_policy_loss,
            holdout_value_loss=done.holdout_value_loss,
            parameters_changed=done.parameters_changed,
            seconds=done.seconds,
            state=done.state_sha256,
        )


class EvaluationOutcome(
    msgspec.Struct, frozen=True, tag="evaluation", tag_field="kind", gc=False, array_like=True
):
    """A match. `histogram[k]` counts the openings of which the candidate won k rotations."""

    histogram: Annotated[tuple[Count, ...], msgspec.Meta(min_length=3, max_length=5)]
    distinct_openings: Count
    distinct_games: Count
    seconds: float

    @staticmethod
    def of(done: EvaluationDone) -> "EvaluationOutcome":
        """Raises ValueError when a block has more wins than rotations."""
        return EvaluationOutcome(
            histogram_of(done.blocks, done.rotations),
            done.distinct_openings,
            done.distinct_games,
            done.seconds,
        )


Outcome = SelfplayOutcome | TrainingOutcome | EvaluationOutcome


class Needs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False, array_like=True):
    """What a node must have to do an item."""

    gpu: bool = False
    memory_bytes: Count = 0


class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who works on an item: `index` is the log index that granted it, the fencing token."""

    index: int
    node: str
    boot: int
    at_ms: int


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """One work item.

    `attempts` counts claims that were not handed back unhurt. `claim` is the live claim, or on a
    completed item the one that completed it. `error` is the newest reason an attempt did not
    succeed. `*_at_ms` are proposers' wall clocks, for people.

    It can be claimed once `waits_for`, the live items that it depends on, is empty: only by
    `target` if one is named, and by the nodes that it `excluded`, because they failed it, only when
    no other member could do it. `retry_of` is the ended item that it does again.
    """

    id: int
    config: ConfigName
    priority: int
    max_attempts: int
    timeout_s: int
    payload: Payload
    state: WorkState
    attempts: int
    claim: Claim | None
    error: str | None
    queued_at_ms: int
    ended_at_ms: int | None
    outcome: SelfplayOutcome | None = None
    needs: Needs = Needs()
    waits_for: tuple[int, ...] = ()
    target: str | None = None
    excluded: tuple[str, ...] = ()
    retry_of: int | None = None

    @property
    def kind(self) -> Kind:
        return kind_of(self.payload)

    @property
    def live(self) -> bool:
        """Pending or claimed: not yet ended."""
        return self.state in ("pending", "claimed")


def kind_of(payload: Payload) -> Kind:
    """The kind of work a payload asks for."""
    match payload:
        case SelfplayWork():
            return "selfplay"
        case TrainingWork():
            return "training"
        case EvaluationWork():
            return "evaluation"
