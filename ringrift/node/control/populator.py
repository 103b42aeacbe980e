"""Keeps selfplay waiting for every slot of the cluster, and no more."""

from ringrift.node.cluster.commands import AddWork, Command, SetConfigMode
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import MAX_LIVE_ITEMS, SELFPLAY_PRIORITY, SelfplayWork
from ringrift.node.runtime.settings import PipelineSettings

QUEUE_RESERVE = 100
"""Places of the work queue that selfplay leaves to other kinds of work."""


def populate(state: ClusterState, settings: PipelineSettings, slots: int) -> list[Command]:
    """Commands that bring pending selfplay of every active config to slots x factor.

    `slots` are the compute slots of the nodes that now live and do not drain. Nothing is queued
    while a config is paused or every member drains. A configured config that the state does not
    know yet is made active first.
    """
    commands: list[Command] = [
        SetConfigMode(config=config, mode="active")
        for config in settings.configs
        if config not in state.configs.rows
    ]
    if all(member.mode != "active" for member in state.members.rows.values()):
        return commands
    room = MAX_LIVE_ITEMS - QUEUE_RESERVE - state.work.live_count
    for config in settings.configs:
        if not state.configs.is_active(config):
            continue
        waiting = sum(item.state == "pending" for item in state.work.live(config, "selfplay"))
        missing = min(slots * settings.selfplay_pending_per_slot - waiting, room)
        commands += [_selfplay(config, settings)] * missing
        room -= max(missing, 0)
    return commands


def _selfplay(config: str, settings: PipelineSettings) -> AddWork:
    return AddWork(
        config=config,
        priority=SELFPLAY_PRIORITY,
        max_attempts=settings.max_attempts,
        timeout_s=int(settings.selfplay_timeout_s),
        payload=SelfplayWork(
            games=settings.selfplay_games_per_item,
            parallel_games=settings.parallel_games,
            games_per_shard=settings.games_per_shard,
            full_simulations=settings.full_simulations,
            full_considered=settings.full_considered,
            cheap_simulations=settings.cheap_simulations,
            cheap_considered=settings.cheap_considered,
            full_fraction=settings.full_fraction,
        ),
    )
