"""Every network with its strength: `ModelsView` from the model registry. Pure.

Ratings are computed here from the recorded matches, never stored; each config has its own scale,
anchored at the heuristic player. Fitting them takes half a second for a thousand networks, so it is
done off the event loop, on `Networks` that were taken from the state on it, and only once for the
same matches.
"""

from dataclasses import dataclass
from functools import lru_cache

from ringrift.engine.config import CONFIGS
from ringrift.node.cluster.models import Model, Status, Verdict
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import EvaluationOutcome, TrainingOutcome
from ringrift.node.control.evaluation import HEURISTIC
from ringrift.train.blocks import bounds
from ringrift.train.rating import Match, Rating, fit_ratings
from ringrift.wire.views import (
    CheckView,
    MatchView,
    ModelsView,
    ModelView,
    RatingView,
    TrainingView,
    VerdictView,
)

ANCHOR = HEURISTIC
ANCHOR_ELO = 1200.0
UNRATED = RatingView(elo=None, standard_error=None, games=0)


@dataclass(frozen=True, slots=True)
class Networks:
    """What a picture of the networks shows, as it was at one moment and will stay.

    `models` are oldest first by config, `status` says by sha256 how each stands.
    """

    models: dict[str, tuple[Model, ...]]
    status: dict[str, Status]


def networks_of(state: ClusterState) -> Networks:
    """Take what `models_view` needs from the state, which will have changed when it is used."""
    models = {config: tuple(state.models.of(config)) for config in state.configs.rows}
    status: dict[str, Status] = {
        model.sha256: state.model_status(model) for known in models.values() for model in known
    }
    return Networks(models, status)


def models_view(networks: Networks, now_ms: int) -> ModelsView:
    """Return every network, oldest first within its config, and the baselines they met."""
    views: list[ModelView] = []
    baselines: dict[str, dict[str, RatingView]] = {}
    for config, models in networks.models.items():
        ratings = _ratings(_matches(models))
        known = {model.sha256 for model in models}
        baselines[config] = {name: r for name, r in ratings.items() if name not in known}
        views += [_model(networks.status[m.sha256], m, ratings, now_ms) for m in models]
    return ModelsView(
        at=now_ms / 1000,
        anchor=ANCHOR,
        anchor_elo=ANCHOR_ELO,
        models=tuple(views),
        baselines=baselines,
    )


def _matches(models: tuple[Model, ...]) -> tuple[Match, ...]:
    return tuple(
        Match.of_histogram(model.sha256, opponent, outcome.histogram)
        for model in models
        for opponent, outcome in model.matches.items()
    )


@lru_cache(maxsize=len(CONFIGS))
def _ratings(matches: tuple[Match, ...]) -> dict[str, RatingView]:
    return {name: _rating(r) for name, r in fit_ratings(matches, ANCHOR, ANCHOR_ELO).items()}


def _rating(rating: Rating) -> RatingView:
    return RatingView(elo=rating.elo, standard_error=rating.standard_error, games=rating.games)


def _model(status: Status, model: Model, ratings: dict[str, RatingView], now_ms: int) -> ModelView:
    return ModelView(
        sha256=model.sha256,
        config=model.config,
        generation=model.generation,
        parent=model.parent,
        status=status,
        games_seen=model.games_seen,
        age_s=max(0.0, (now_ms - model.at_ms) / 1000),
        rating=ratings.get(model.sha256, UNRATED),
        matches=tuple(_match(name, outcome) for name, outcome in sorted(model.matches.items())),
        verdict=_verdict(model.verdict),
        training=_training(model.training),
    )


def _match(opponent: str, outcome: EvaluationOutcome) -> MatchView:
    histogram = outcome.histogram
    score, low, high = bounds(histogram)
    openings = sum(histogram)
    return MatchView(
        opponent=opponent,
        games=openings * (len(histogram) - 1),
        wins=sum(wins * blocks for wins, blocks in enumerate(histogram)),
        openings=openings,
        score=score,
        low=low,
        high=high,
    )


def _verdict(verdict: Verdict | None) -> VerdictView | None:
    if verdict is None:
        return None
    return VerdictView(
        decision=verdict.decision,
        against=verdict.against,
        checks=tuple(
            CheckView(name=c.name, required=c.required, actual=c.actual, passed=c.passed)
            for c in verdict.checks
        ),
    )


def _training(outcome: TrainingOutcome) -> TrainingView:
    return TrainingView(
        rows=outcome.rows,
        rows_drawn=outcome.rows_drawn,
        steps=outcome.steps,
        reuse=outcome.reuse,
        policy_loss=outcome.policy_loss,
        value_loss=outcome.value_loss,
        holdout_policy_loss=outcome.holdout_policy_loss,
        holdout_value_loss=outcome.holdout_value_loss,
        seconds=outcome.seconds,
    )
