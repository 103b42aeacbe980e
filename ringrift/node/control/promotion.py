"""Decides on candidates whose matches are complete, and picks the generator of selfplay.

What is shown and what is not is for `ringrift.train.promotion` to say; here its answers become
commands with every reason in them, so that anybody can read later why a network was promoted.
"""

from ringrift.engine.config import Config
from ringrift.node.cluster.commands import Command, Promote, Reject, SetGenerator, clipped
from ringrift.node.cluster.configs import ConfigRow
from ringrift.node.cluster.models import Check, Model, Verdict
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import EvaluationOutcome
from ringrift.node.control.evaluation import HEURISTIC, RANDOM, opponents_of
from ringrift.node.runtime.settings import PromotionSettings
from ringrift.train import promotion as rules
from ringrift.train.blocks import Score


def decide(state: ClusterState, settings: PromotionSettings) -> list[Command]:
    """Promote or reject every undecided candidate that has met all whom it must meet."""
    return [
        _decision(state, model, settings)
        for config in sorted(state.configs.rows)
        for model in state.models.of(config)
        if model.verdict is None
        and all(opponent in model.matches for opponent in opponents_of(state, model))
    ]


def choose_generators(state: ClusterState) -> list[Command]:
    """Point selfplay of every config at its newest candidate that is not shown worse.

    Not shown worse than the champion; before the first champion, than the random player. A
    candidate without that match is not shown worse. When every one is, the champion plays, or
    without one whoever played before.
    """
    commands: list[Command] = []
    for config in sorted(state.configs.rows):
        row = state.configs.rows[config]
        chosen = _generator(row, state.models.of(config))
        if chosen is not None and chosen.sha256 != row.generator:
            reason = f"generation {chosen.generation} is the newest not shown worse"
            commands.append(SetGenerator(config=config, model=chosen.sha256, reason=reason))
    return commands


def _generator(row: ConfigRow, models: list[Model]) -> Model | None:
    # The champion never met itself, so the search ends with it at the latest.
    reference = row.champion or RANDOM
    for model in reversed(models):
        match = model.matches.get(reference)
        if not rules.shown_worse(match.histogram if match else None):
            return model
    return None


def _decision(state: ClusterState, model: Model, settings: PromotionSettings) -> Command:
    champion = state.configs.rows[model.config].champion
    of_champion = state.models.rows[champion].matches if champion is not None else {}
    judged = rules.promotion_verdict(
        Config.parse(model.config).players,
        _score(model.matches.get(RANDOM)),
        _score(model.matches.get(HEURISTIC)),
        _score(model.matches.get(champion)) if champion is not None else None,
        rules.PromotionSettings(
            minimum_games=settings.minimum_games,
            minimum_openings=settings.minimum_openings,
            distinct_share=settings.distinct_share,
        ),
        has_champion=champion is not None,
        champion_against_heuristic=_score(of_champion.get(HEURISTIC)),
    )
    verdict = Verdict(
        decision=judged.decision,
        against=champion,
        checks=tuple(
            Check(check.name[:200], check.required[:200], check.actual[:200], check.passed)
            for check in judged.checks
        ),
        reason=clipped(_reason(judged)),
    )
    if verdict.decision == "promoted":
        return Promote(config=model.config, model=model.sha256, verdict=verdict)
    return Reject(config=model.config, model=model.sha256, verdict=verdict)


def _score(match: EvaluationOutcome | None) -> Score | None:
    if match is None:
        return None
    return Score(match.histogram, match.distinct_openings, match.distinct_games)


def _reason(judged: rules.Verdict) -> str:
    """The checks that carried the decision, as one line."""
    carried = judged.decision == "promoted"
    checks = [check for check in judged.checks if check.passed is carried]
    if carried:
        checks = [check for check in checks if check.name.startswith("better")]
    return "; ".join(f"{check.name}: {check.actual}, {check.required} asked" for check in checks)
