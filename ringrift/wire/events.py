"""What happened, as typed events: one struct an event, one name each, all fields always present.

Every event has a writer and a reader (tests/node/test_events.py holds the table), so none can be
emitted into the void. `summary()` gives the line that people read.
"""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="event"):
    """Base of every event; subclasses say what happened in one sentence by `summary()`."""

    def summary(self) -> str:
        """Return the event as one sentence for people."""
        raise TypeError(f"{type(self).__name__} says nothing of itself")


class NodeStarted(Event, frozen=True, tag="NODE_STARTED"):
    node: str
    boot: int

    def summary(self) -> str:
        return f"node {self.node} started (boot {self.boot})"


class NodeModeChanged(Event, frozen=True, tag="NODE_MODE_CHANGED"):
    node: str
    mode: str

    def summary(self) -> str:
        return f"node {self.node} is now {self.mode}"


class NodeRestartRequested(Event, frozen=True, tag="NODE_RESTART_REQUESTED"):
    node: str
    generation: int

    def summary(self) -> str:
        return f"node {self.node} was asked to restart (generation {self.generation})"


class NodeCircuitsReset(Event, frozen=True, tag="CIRCUIT_RESET"):
    node: str
    generation: int

    def summary(self) -> str:
        return f"node {self.node} was asked to close its circuits (generation {self.generation})"


class MemberAdmitted(Event, frozen=True, tag="MEMBER_ADMITTED"):
    member: str
    role: str

    def summary(self) -> str:
        return f"{self.member} was admitted as {self.role}"


class MemberRevoked(Event, frozen=True, tag="MEMBER_REVOKED"):
    member: str

    def summary(self) -> str:
        return f"{self.member} was revoked"


class MemberRoleChanged(Event, frozen=True, tag="MEMBER_ROLE_CHANGED"):
    member: str
    role: str

    def summary(self) -> str:
        return f"{self.member} is now {self.role}"


class TimingChanged(Event, frozen=True, tag="TIMING_CHANGED"):
    timing: str

    def summary(self) -> str:
        return f"the cluster's timing is now {self.timing}"


class TransferRequested(Event, frozen=True, tag="TRANSFER_REQUESTED"):
    term: int
    to: str

    def summary(self) -> str:
        return f"the leader of term {self.term} is to hand over to {self.to}"


class FormatRaised(Event, frozen=True, tag="FORMAT_RAISED"):
    format: int

    def summary(self) -> str:
        return f"the state has format {self.format}"


class VotersChanged(Event, frozen=True, tag="VOTERS_CHANGED"):
    voters: str

    def summary(self) -> str:
        return f"the voters are now {self.voters}"


class ConfigModeChanged(Event, frozen=True, tag="CONFIG_MODE_CHANGED"):
    config: str
    mode: str

    def summary(self) -> str:
        return f"{self.config} is now {self.mode}"


class WorkQueued(Event, frozen=True, tag="WORK_QUEUED"):
    item: int
    kind: str
    config: str

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} queued"


class WorkClaimed(Event, frozen=True, tag="WORK_CLAIMED"):
    item: int
    kind: str
    config: str
    node: str
    claim: int

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} claimed by {self.node}"


class WorkCompleted(Event, frozen=True, tag="WORK_COMPLETED"):
    item: int
    kind: str
    config: str
    node: str

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} completed by {self.node}"


class WorkReturned(Event, frozen=True, tag="WORK_RETURNED"):
    item: int
    kind: str
    config: str
    reason: str

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} went back to the queue: {self.reason}"


class WorkFailed(Event, frozen=True, tag="WORK_FAILED"):
    item: int
    kind: str
    config: str
    reason: str

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} failed for good: {self.reason}"


class WorkCancelled(Event, frozen=True, tag="WORK_CANCELLED"):
    item: int
    kind: str
    config: str

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} cancelled"


class WorkReleased(Event, frozen=True, tag="WORK_RELEASED"):
    item: int
    kind: str
    config: str

    def summary(self) -> str:
        return f"{self.kind} #{self.item} for {self.config} may be claimed by any node"


class ShardRegistered(Event, frozen=True, tag="NEW_GAMES_AVAILABLE"):
    config: str
    shard: str
    games: int
    total: int

    def summary(self) -> str:
        return f"{self.games} new games of {self.config} ({self.total} in all)"


class ModelPublished(Event, frozen=True, tag="TRAINING_COMPLETED"):
    config: str
    model: str
    generation: int
    rows: int

    def summary(self) -> str:
        return (
            f"{self.config} generation {self.generation} trained: "
            f"{self.model[:8]} from {self.rows} rows"
        )


class EvaluationCompleted(Event, frozen=True, tag="EVALUATION_COMPLETED"):
    config: str
    model: str
    opponent: str
    wins: int
    games: int

    def summary(self) -> str:
        return (
            f"{self.config} {self.model[:8]} won {self.wins} of {self.games} "
            f"against {self.opponent[:16]}"
        )


class GeneratorChanged(Event, frozen=True, tag="GENERATOR_CHANGED"):
    config: str
    model: str
    reason: str

    def summary(self) -> str:
        return f"{self.config} selfplay now uses {self.model[:8]}: {self.reason}"


class ModelPromoted(Event, frozen=True, tag="MODEL_PROMOTED"):
    config: str
    model: str
    reason: str

    def summary(self) -> str:
        return f"{self.config} champion is now {self.model[:8]}: {self.reason}"


class PromotionRejected(Event, frozen=True, tag="PROMOTION_REJECTED"):
    config: str
    model: str
    reason: str

    def summary(self) -> str:
        return f"{self.config} {self.model[:8]} not promoted: {self.reason}"


class LoopFailed(Event, frozen=True, tag="LOOP_FAILED"):
    loop: str
    reason: str

    def summary(self) -> str:
        return f"loop {self.loop} failed: {self.reason}"


class EventLoopBlocked(Event, frozen=True, tag="EVENT_LOOP_BLOCKED"):
    lag_ms: float

    def summary(self) -> str:
        return f"the event loop stood still for {self.lag_ms:.0f} ms"


AnyEvent = (
    NodeStarted
    | NodeModeChanged
    | NodeRestartRequested
    | NodeCircuitsReset
    | MemberAdmitted
    | MemberRevoked
    | MemberRoleChanged
    | TimingChanged
    | TransferRequested
    | FormatRaised
    | VotersChanged
    | ConfigModeChanged
    | WorkQueued
    | WorkClaimed
    | WorkCompleted
    | WorkReturned
    | WorkFailed
    | WorkCancelled
    | WorkReleased
    | ShardRegistered
    | ModelPublished
    | EvaluationCompleted
    | GeneratorChanged
    | ModelPromoted
    | PromotionRejected
    | LoopFailed
    | EventLoopBlocked
)
