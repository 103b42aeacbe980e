"""The model registry: candidates, their matches, and what was decided about them.

Two facts are kept apart: the generator (newest candidate not shown worse; selfplay plays it) and
the champion (passed the promotion test). Matches are kept as histograms over openings; ratings are
computed from them, never stored.
"""

from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from ringrift.node.cluster.table import Table
from ringrift.node.cluster.work import EvaluationOutcome, TrainingOutcome
from ringrift.wire.events import AnyEvent, EvaluationCompleted, ModelPublished
from ringrift.wire.job import ConfigName, Sha256

MAX_MODELS = 10_000
"""Most models in the registry."""
MAX_MATCHES = 64
"""Most opponents one model may have met."""

Line = Annotated[str, msgspec.Meta(max_length=200)]
Decision = Literal["promoted", "rejected", "undecided"]
Status = Literal["candidate", "generator", "champion", "rejected", "retired"]


class Check(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One line of a promotion checklist; `passed` None when it could not be judged."""

    name: Line
    required: Line
    actual: Line
    passed: bool | None


class Verdict(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A decision on a candidate: `against` is the champion it was measured with, None if none."""

    decision: Decision
    against: Sha256 | None
    checks: Annotated[tuple[Check, ...], msgspec.Meta(max_length=32)]
    reason: Annotated[str, msgspec.Meta(max_length=500)]


class Model(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """One network.

    `index` is the entry that published it, `item` the training item, `maker` the node that did it,
    `training` the figures of its fit. `games_seen` is the config's number of games when that item
    was opened. `matches` maps the opponent (baseline name or sha256) to the match.
    """

    sha256: Sha256
    config: ConfigName
    generation: int
    parent: Sha256 | None
    index: int
    at_ms: int
    item: int
    maker: str
    games_seen: int
    rows_seen: int
    training: TrainingOutcome
    matches: dict[str, EvaluationOutcome] = {}
    verdict: Verdict | None = None


class Models:
    """Models by sha256."""

    def __init__(self) -> None:
        self.rows: Table[str, Model] = Table("models")

    def of(self, config: str) -> list[Model]:
        """The models of a configuration, oldest generation first."""
        return sorted((m for m in self.rows.values() if m.config == config), key=_generation)

    def publish(self, model: Model) -> tuple[AnyEvent, ...]:
        """Enter a new network; the caller has made sure that it is new and that there is room."""
        assert model.sha256 not in self.rows and len(self.rows) < MAX_MODELS
        self.rows[model.sha256] = model
        return (
            ModelPublished(
                config=model.config,
                model=model.sha256,
                generation=model.generation,
                rows=model.training.rows,
            ),
        )

    def record(
        self, sha256: str, opponent: str, outcome: EvaluationOutcome
    ) -> tuple[AnyEvent, ...]:
        """Enter a match; the first one against an opponent counts."""
        model = self.rows[sha256]
        if opponent in model.matches or len(model.matches) >= MAX_MATCHES:
            return ()
        self.rows[sha256] = replace(model, matches=model.matches | {opponent: outcome})
        wins = sum(won * openings for won, openings in enumerate(outcome.histogram))
        games = (len(outcome.histogram) - 1) * sum(outcome.histogram)
        return (
            EvaluationCompleted(
                config=model.config, model=sha256, opponent=opponent, wins=wins, games=games
            ),
        )

    def decide(self, sha256: str, verdict: Verdict) -> Model:
        """Enter the one decision on a model."""
        model = self.rows[sha256]
        assert model.verdict is None, f"{sha256} is decided already"
        self.rows[sha256] = replace(model, verdict=verdict)
        return self.rows[sha256]


def _generation(model: Model) -> int:
    return model.generation
