"""Opens a training item when a config has enough games that no fit has seen."""

from ringrift.node.cluster.commands import AddWork, Command
from ringrift.node.cluster.configs import ConfigRow
from ringrift.node.cluster.models import MAX_MODELS
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import TRAINING_PRIORITY, TrainingWork
from ringrift.node.control.timeouts import timeout_s
from ringrift.node.runtime.settings import PipelineSettings
from ringrift.train.window import window_rows


def trigger(state: ClusterState, settings: PipelineSettings) -> list[Command]:
    """One training item for every active config that is due and has none open.

    A fit that failed for good is tried again only after as many new games as one that succeeded.
    """
    if len(state.models.rows) >= MAX_MODELS:
        return []
    return [
        _fit(state, state.configs.rows[config], settings)
        for config in settings.configs
        if state.configs.is_active(config) and _due(state, config, settings)
    ]


def new_games(state: ClusterState, config: str) -> int:
    """Games of a config since the last fit, or since the last try of one."""
    tried = [state.configs.rows[config].games_fitted]
    for item in state.work.rows.values():
        if item.config == config and isinstance(item.payload, TrainingWork) and not item.live:
            tried.append(item.payload.games_seen)
    return state.shards.of(config).games - max(tried)


def _due(state: ClusterState, config: str, settings: PipelineSettings) -> bool:
    is_open = any(True for _ in state.work.live(config, "training"))
    return not is_open and new_games(state, config) >= settings.training_min_new_games


def _fit(state: ClusterState, row: ConfigRow, settings: PipelineSettings) -> AddWork:
    totals = state.shards.of(row.name)
    rows = max(1, min(settings.window_rows, window_rows(totals.full_rows)))
    window = state.shards.newest(row.name, rows)
    # The newest candidate, promoted or not: what it learned is not learned twice.
    parent = next(reversed(state.models.of(row.name)), None)
    return AddWork(
        config=row.name,
        priority=TRAINING_PRIORITY,
        max_attempts=settings.max_attempts,
        timeout_s=timeout_s("training", row.name, settings.timeout_factor),
        payload=TrainingWork(
            shards=tuple(shard.facts.sha256 for shard in window),
            parent=None if parent is None else parent.sha256,
            parent_state=None if parent is None else parent.training.state,
            new_rows=totals.full_rows - row.rows_fitted,
            games_seen=totals.games,
            rows_seen=totals.full_rows,
            learning_rate=settings.learning_rate,
            batch_size=settings.batch_size,
            max_reuse=settings.max_reuse,
            window_rows=rows,
        ),
    )
