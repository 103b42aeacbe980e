"""Has candidates measured: one at a time per config, always the newest that nobody has begun.

A candidate meets the baselines and the champion of the day. One whose measurement has begun is
measured to its end; one that a newer candidate overtook before that is left undecided. So promotion
keeps up with training without starving of finished matches.
"""

from ringrift.node.cluster.commands import AddWork, CancelWork, Command, Reject, clipped
from ringrift.node.cluster.models import Model, Verdict
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import EVALUATION_PRIORITY, EvaluationWork, Item
from ringrift.node.control.timeouts import timeout_s
from ringrift.node.runtime.settings import PipelineSettings

NAME = "evaluation"

RANDOM = "random-1"
HEURISTIC = "heuristic-1"
"""Baselines by name and version, as `ringrift.engine.players` calls them (a test compares)."""


def opponents_of(state: ClusterState, model: Model) -> tuple[str, ...]:
    """Whom a candidate must have met before it is decided on."""
    champion = state.configs.rows[model.config].champion
    return (RANDOM, HEURISTIC) if champion is None else (RANDOM, HEURISTIC, champion)


def evaluate(state: ClusterState, settings: PipelineSettings) -> list[Command]:
    """Commands that queue the missing matches and leave overtaken candidates undecided."""
    commands: list[Command] = []
    for config in settings.configs:
        if state.configs.is_active(config):
            commands += _evaluate(state, config, settings)
    return commands


def _evaluate(state: ClusterState, config: str, settings: PipelineSettings) -> list[Command]:
    candidates = [model for model in state.models.of(config) if model.verdict is None]
    if not candidates:
        return []
    begun = [model for model in candidates if _has_begun(state, model)]
    chosen = begun[0] if begun else candidates[-1]
    commands: list[Command] = []
    for model in candidates:
        if model.generation < candidates[-1].generation and model not in begun:
            newest = candidates[-1].generation
            commands += _give_up(state, model, f"generation {newest} came before it was measured")
    return commands + _matches(state, chosen, settings)


def _matches(state: ClusterState, model: Model, settings: PipelineSettings) -> list[Command]:
    """The matches that a candidate still lacks, or its end when one cannot be had."""
    tried = _tried(state, model)
    missing = [opponent for opponent in opponents_of(state, model) if opponent not in model.matches]
    for opponent in missing:
        item = tried.get(opponent)
        if item is not None and not item.live:
            return _give_up(state, model, _why(opponent, item))
    return [_match(model, opponent, settings) for opponent in missing if opponent not in tried]


def _has_begun(state: ClusterState, model: Model) -> bool:
    """Whether any match of a candidate was played or is being played."""
    return bool(model.matches) or any(
        item.state != "pending" for item in _tried(state, model).values()
    )


def _tried(state: ClusterState, model: Model) -> dict[str, Item]:
    """The newest evaluation item of a candidate by opponent."""
    return {
        item.payload.opponent: item
        for _, item in sorted(state.work.rows.items())
        if isinstance(item.payload, EvaluationWork) and item.payload.candidate == model.sha256
    }


def _give_up(state: ClusterState, model: Model, reason: str) -> list[Command]:
    """Cancel what is left of a candidate's matches and leave it undecided."""
    commands: list[Command] = [
        CancelWork(item=item.id, by=NAME) for item in _tried(state, model).values() if item.live
    ]
    verdict = Verdict(
        decision="undecided",
        against=state.configs.rows[model.config].champion,
        checks=(),
        reason=clipped(reason),
    )
    return [*commands, Reject(config=model.config, model=model.sha256, verdict=verdict)]


def _why(opponent: str, item: Item) -> str:
    reason = f"its match against {opponent[:12]} was {item.state}"
    return f"{reason}: {item.error}" if item.error else reason


def _match(model: Model, opponent: str, settings: PipelineSettings) -> AddWork:
    return AddWork(
        config=model.config,
        priority=EVALUATION_PRIORITY,
        max_attempts=settings.max_attempts,
        timeout_s=timeout_s("evaluation", model.config, settings.timeout_factor),
        payload=EvaluationWork(
            candidate=model.sha256,
            opponent=opponent,
            openings=settings.evaluation_openings,
            simulations=settings.evaluation_simulations,
        ),
    )
