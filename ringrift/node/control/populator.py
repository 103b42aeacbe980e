"""Keeps selfplay waiting for every slot of the cluster, and no more."""

from collections.abc import Set as AbstractSet

from ringrift.node.cluster.commands import AddWork, Command, SetConfigMode
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import (
    MAX_LIVE_ITEMS,
    MAX_PENDING,
    SELFPLAY_PRIORITY,
    SelfplayWork,
)
from ringrift.node.control.timeouts import timeout_s
from ringrift.node.runtime.settings import PipelineSettings

QUEUE_RESERVE = 100
"""Places of the work queue that selfplay leaves to other kinds of work."""
STOP_AT, RESUME_AT = 500, 200
"""Pending items at which nothing more is queued, and to which they must fall before it is again."""

NAME = "populator"


def slots_of(state: ClusterState, dead: AbstractSet[str]) -> int:
    """How many items the nodes that are to work, and are not dead, can do at a time: as they said
    of themselves."""
    lives = [row.life for row in state.members.machines() if row.works and row.id not in dead]
    return sum(life.abilities.slots for life in lives if life is not None)


class Populator:
    """Remembers one thing between two rounds: whether the queue is being let run down."""

    def __init__(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self._holding = False

    def decide(self, state: ClusterState, slots: int) -> list[Command]:
        """Commands that bring pending selfplay of every active config to slots x factor.

        `slots` are the compute slots of the nodes that now live and do not drain. Nothing is queued
        while a config is paused, every member drains, the state is full, or too much is pending. A
        configured config that the state does not know yet is made active first.
        """
        configs = self._settings.configs
        commands: list[Command] = [
            SetConfigMode(config=config, mode="active", by=NAME)
            for config in configs
            if config not in state.configs.rows
        ]
        if not any(member.works for member in state.members.rows.values()):
            return commands
        if state.full or self._holds(state):
            return commands
        return commands + self._selfplay(state, slots * self._settings.selfplay_pending_per_slot)

    def _holds(self, state: ClusterState) -> bool:
        pending = state.work.pending_counts.total()
        self._holding = pending >= STOP_AT or (self._holding and pending > RESUME_AT)
        return self._holding

    def _selfplay(self, state: ClusterState, wanted: int) -> list[Command]:
        """What each config lacks, one in turn, so that a short queue is shared."""
        room = min(
            MAX_LIVE_ITEMS - QUEUE_RESERVE - state.work.live_count,
            MAX_PENDING["selfplay"] - state.work.pending_counts["selfplay"],
        )
        missing = {
            config: wanted - _waiting(state, config)
            for config in self._settings.configs
            if state.configs.is_active(config)
        }
        commands: list[Command] = []
        while room > len(commands) and any(count > 0 for count in missing.values()):
            for config in [config for config, count in missing.items() if count > 0]:
                missing[config] -= 1
                commands.append(selfplay(config, self._settings))
        return commands[: max(room, 0)]


def _waiting(state: ClusterState, config: str) -> int:
    return sum(item.state == "pending" for item in state.work.live(config, "selfplay"))


def selfplay(config: str, settings: PipelineSettings) -> AddWork:
    """One item of selfplay as the settings have it."""
    return AddWork(
        config=config,
        priority=SELFPLAY_PRIORITY,
        max_attempts=settings.max_attempts,
        timeout_s=timeout_s("selfplay", config, settings.timeout_factor),
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
