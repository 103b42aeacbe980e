"""What the cockpit has seen of its node so far. Pure: the driver hands in views and the time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ringrift.tui import text
from ringrift.tui.cluster import names, node_mode
from ringrift.tui.columns import Tone
from ringrift.wire.views import EventView, ModelsView, StatusView

MAX_EVENTS: Final = 2000


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that changed between two looks and that an operator waits for."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest of everything; `problem` says why it is not fresh, None while it is."""

    status: StatusView | None = None
    models: ModelsView | None = None
    events: tuple[EventView, ...] = ()
    problem: str | None = None
    answered_at: float | None = None

    @property
    def last_seq(self) -> int | None:
        return self.events[-1].seq if self.events else None

    def with_status(self, status: StatusView, now: float) -> "Seen":
        return replace(self, status=status, problem=None, answered_at=now)

    def with_models(self, models: ModelsView) -> "Seen":
        return replace(self, models=models)

    def with_events(self, events: Iterable[EventView]) -> "Seen":
        """Events arrive twice when the stream and the catching up overlap: seq decides."""
        last = -1 if self.last_seq is None else self.last_seq
        new: list[EventView] = []
        for event in events:
            if event.seq > last:
                new.append(event)
                last = event.seq
        return replace(self, events=(*self.events, *new)[-MAX_EVENTS:]) if new else self

    def with_problem(self, sentence: str) -> "Seen":
        return replace(self, problem=sentence)

    def silent_for(self, now: float) -> str:
        """How long the node has not answered."""
        return text.age(None if self.answered_at is None else now - self.answered_at)


def changes(before: StatusView, after: StatusView) -> list[Notice]:
    """The effects of what operators ask, as they become visible."""
    notices: list[Notice] = []
    if before.pid != after.pid:
        notices.append(Notice(f"node {after.name} is back: process {after.pid}", "good"))
    called = names(after)
    leader = after.leader_id
    if leader != before.leader_id:
        words = "nobody leads" if leader is None else f"{called.get(leader, leader)} leads"
        notices.append(Notice(f"{words}, term {after.term}", "warn" if leader is None else "good"))
    if set(after.voters) != set(before.voters):
        voting = ", ".join(sorted(called.get(voter, voter) for voter in after.voters))
        notices.append(Notice(f"{len(after.voters)} vote now: {voting}", "good"))
    old_nodes = {node.id: node for node in before.nodes}
    for node in after.nodes:
        old = old_nodes.get(node.id)
        if old is not None and (old.mode, old.alive) != (node.mode, node.alive):
            cell = node_mode(node)
            notices.append(Notice(f"node {called[node.id]}: {cell.text}", cell.tone))
    old_configs = {config.name: config for config in before.configs}
    for config in after.configs:
        was = old_configs.get(config.name)
        if was is not None and was.mode != config.mode:
            tone: Tone = "good" if config.mode == "active" else "warn"
            notices.append(Notice(f"{config.name} is now {config.mode}", tone))
    return notices
