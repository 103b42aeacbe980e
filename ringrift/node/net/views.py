"""The page of a whole node: `StatusView` from the replicated state and what is observed now.

Pure: called off a request, on one consistent picture, and published by swapping one reference.
"""

from collections import Counter

from ringrift.node.cluster.configs import ConfigRow
from ringrift.node.cluster.members import MACHINES, Member
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import EvaluationWork, Item, SelfplayWork, TrainingWork
from ringrift.node.net.observed import Identity, Observed, soft_state
from ringrift.node.net.stages import stage_views
from ringrift.wire.gossip import SoftState
from ringrift.wire.views import (
    ConfigView,
    LoopView,
    MemberView,
    ModelsView,
    NodeView,
    RatingView,
    StatusView,
    WorkView,
)

MAX_WORK_SHOWN = 100
STATES = ("pending", "claimed", "completed", "failed", "cancelled")


def status_view(
    state: ClusterState, models: ModelsView, who: Identity, observed: Observed
) -> StatusView:
    """Return the whole node on one page; a voter is in the quorum when a leader leads it."""
    healthy, reason = node_health(observed.loops)
    ratings = {model.sha256: model.rating for model in models.models}
    counts = Counter(item.state for item in state.work.rows.values())
    return StatusView(
        at=observed.now_ms / 1000,
        cluster=who.cluster,
        node_id=who.node_id,
        name=who.name,
        version=who.version,
        profile=who.profile,
        pid=who.pid,
        uptime_s=observed.uptime_s,
        leader_id=observed.leader_id,
        term=observed.term,
        voter_quorum_ok=observed.leader_id is not None,
        voters=state.voters,
        alive_peers=sum(
            row.id != who.node_id and _alive(row, who, observed) is True
            for row in state.members.machines()
        ),
        commit_index=observed.commit_index,
        applied_index=observed.applied_index,
        applied_age_s=observed.applied_age_s,
        state_digest=f"{state.index}:{state.digest()}",
        healthy=healthy,
        reason=reason,
        stages=stage_views(state, observed),
        loops=observed.loops,
        members=tuple(_member(state, row, who, observed) for row in state.members.rows.values()),
        nodes=tuple(_node(state, row, who, observed) for row in state.members.machines()),
        configs=tuple(
            _config(state, row, ratings, observed) for row in state.configs.rows.values()
        ),
        work_counts={name: counts[name] for name in STATES},
        work=tuple(work_view(item, observed) for item in shown_items(state)),
    )


def node_health(loops: tuple[LoopView, ...]) -> tuple[bool | None, str]:
    """Judge a node by its loops: unhealthy if one is, unknown while one starts; and say which."""
    sick = [loop for loop in loops if loop.healthy is False]
    if sick:
        more = f" (and {len(sick) - 1} more)" if len(sick) > 1 else ""
        return False, f"loop {sick[0].name}: {sick[0].reason}{more}"
    starting = [loop.name for loop in loops if loop.state == "starting"]
    if starting:
        return None, f"starting: {', '.join(starting)}"
    return True, f"{len(loops)} loops run"


def shown_items(state: ClusterState) -> list[Item]:
    """Return what is worth a line: what is being worked on, what waits, what ended last."""
    live = [*state.work.claimed(), *state.work.pending()]
    ended = [item for item in state.work.rows.values() if not item.live]
    ended.sort(key=lambda item: (item.ended_at_ms or 0, item.id), reverse=True)
    return [*live, *ended][:MAX_WORK_SHOWN]


def work_view(item: Item, observed: Observed) -> WorkView:
    """Return a work item; its age counts from its end, its claim, or its start in the queue."""
    claim = item.claim
    claimed_ms = claim.at_ms if claim is not None else None
    key = (item.id, claim.index) if claim is not None else None
    return WorkView(
        id=item.id,
        kind=item.kind,
        config=item.config,
        state=item.state,
        priority=item.priority,
        attempts=item.attempts,
        max_attempts=item.max_attempts,
        node=claim.node if claim is not None else None,
        claim=claim.index if claim is not None else None,
        summary=work_summary(item),
        error=item.error,
        age_s=observed.age_s(item.ended_at_ms or claimed_ms or item.queued_at_ms),
        progress=observed.progress.get(key) if key is not None else None,
    )


def work_summary(item: Item) -> str:
    """Say in a few words what is to be done."""
    match item.payload:
        case SelfplayWork(games=games) if item.state == "pending":
            return f"{games} games by whoever is the generator then"  # the claim fills it in
        case SelfplayWork(games=games, weights=weights):
            player = "an untrained network" if weights is None else weights[:8]
            return f"{games} games by {player}"
        case TrainingWork(shards=shards, parent=parent, new_rows=new_rows):
            origin = "a fresh network" if parent is None else parent[:8]
            return f"fit {origin} on {len(shards)} shards ({new_rows} new rows)"
        case EvaluationWork(candidate=candidate, opponent=opponent, openings=openings):
            return f"{candidate[:8]} against {opponent[:16]} from {openings} openings"


def _node(state: ClusterState, row: Member, who: Identity, observed: Observed) -> NodeView:
    """A machine among the members, with how it is as far as it has told."""
    soft = _soft_state(state, row, who, observed)
    return NodeView(
        id=row.id,
        name=row.name,
        votes=row.id in state.voters,
        items=sum(1 for _ in state.work.of(row.id)),
        mode=state.node_mode(row.id),
        restart_generation=row.restart_generation,
        alive=_alive(row, who, observed),
        age_s=observed.age_s(row.joined_at_ms),
        version=None if row.life is None else row.life.version,
        slots=soft.slots,
        slots_busy=soft.slots_busy,
        cpu_percent=soft.cpu_percent,
        memory_percent=soft.memory_percent,
        memory_pressure_tier=soft.memory_tier,
        disk_free_bytes=soft.disk_free_bytes,
        loop_lag_ms=soft.loop_lag_ms,
        gpus_busy_percent=tuple(card.busy_percent for card in soft.gpus),
        sick_loops=soft.sick_loops,
    )


def _soft_state(state: ClusterState, row: Member, who: Identity, observed: Observed) -> SoftState:
    """How a node is now: this one as it sees itself, another as it told last."""
    if row.id == who.node_id:
        here, lag_ms = observed, observed.loop_lag_ms
        return soft_state(here.host, here.loops, lag_ms, here.slots, here.slots_busy, state.marks)
    seen = observed.soft.get(row.id)
    return SoftState() if seen is None else seen.state


def _member(state: ClusterState, row: Member, who: Identity, observed: Observed) -> MemberView:
    return MemberView(
        id=row.id,
        name=row.name,
        role=row.role,
        machine=row.role in MACHINES,
        votes=row.id in state.voters,
        revoked=row.revoked is not None,
        alive=_alive(row, who, observed),
        mode=state.node_mode(row.id) if row.machine else row.mode,
        version=None if row.life is None else row.life.version,
        addresses=tuple(f"{at.host}:{at.port}" for at in row.reach.addresses),
    )


def _alive(row: Member, who: Identity, observed: Observed) -> bool | None:
    """Whether a machine lives, as far as this node can know: who is only suspect still does."""
    if row.id == who.node_id or row.id in observed.linked:
        return True
    standing = observed.standings.get(row.id)
    if standing is None or standing.status == "unknown":
        return None
    return standing.status != "dead"


def _config(
    state: ClusterState, row: ConfigRow, ratings: dict[str, RatingView], observed: Observed
) -> ConfigView:
    totals = state.shards.of(row.name)
    return ConfigView(
        name=row.name,
        mode=row.mode,
        games=totals.games,
        shards=totals.shards,
        full_rows=totals.full_rows,
        games_per_s=observed.past.games_per_s(row.name),
        generation=row.generation,
        generator=row.generator,
        champion=row.champion,
        champion_rating=ratings.get(row.champion) if row.champion is not None else None,
        games_since_training=totals.games - row.games_fitted,
    )
