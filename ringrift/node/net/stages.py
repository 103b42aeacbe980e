"""The seven pipeline stages, each by what is happening in it now and why nothing else is. Pure.

Three stages are kinds of work (selfplay, training, evaluation). A dataset is written by the child
that fits, so export is the first part of a training item, and in one piece, with nothing to
combine. Files are copied when work needs them, before its child starts; of that only what this
node fetches is known here. The stages say so rather than pretending.
"""

from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import Item, Kind
from ringrift.node.net.observed import Observed
from ringrift.wire.views import Figure, StageState, StageView

EXPORT_UNIT = "rows replayed"
"""What a training child counts while it builds its dataset; then it counts rows it trains on."""

FETCH_UNIT = "files fetched"
"""What a claim counts while the files that its child needs come from other nodes."""

LAST_DONE: dict[str, tuple[str, ...]] = {
    "SELFPLAY": ("NEW_GAMES_AVAILABLE",),
    "NPZ_EXPORT": ("TRAINING_COMPLETED",),
    "TRAINING": ("TRAINING_COMPLETED",),
    "EVALUATION": ("EVALUATION_COMPLETED",),
    "PROMOTION": ("MODEL_PROMOTED", "PROMOTION_REJECTED"),
}


def stage_views(state: ClusterState, observed: Observed) -> tuple[StageView, ...]:
    """Return all seven, in the order in which a game passes through them."""
    live = [*state.work.claimed(), *state.work.pending()]
    exporting = [item for item in live if _exports(item, observed)]
    fitting = [item for item in live if item.kind == "training" and item not in exporting]
    return (
        _work_stage(state, "SELFPLAY", live, "selfplay", observed, _why_no_games(state)),
        _sync(state, observed),
        _export(exporting, observed),
        _stage("NPZ_COMBINATION", "idle", "the node that fits exports in one piece", observed),
        _work_stage(state, "TRAINING", fitting, "training", observed, _why_no_fit(state)),
        _work_stage(
            state, "EVALUATION", live, "evaluation", observed, "no candidate waits for a match"
        ),
        _promotion(state, observed),
    )


def _stage(
    name: str,
    state: StageState,
    reason: str,
    observed: Observed,
    figures: dict[str, Figure] | None = None,
) -> StageView:
    times = [observed.past.last_at_ms(event) for event in LAST_DONE.get(name, ())]
    known = [time for time in times if time is not None]
    return StageView(
        name=name,
        state=state,
        reason=reason,
        last_done_age_s=observed.age_s(max(known)) if known else None,
        figures=figures or {},
    )


def _work_stage(
    state: ClusterState, name: str, items: list[Item], kind: Kind, observed: Observed, idle: str
) -> StageView:
    running = [item for item in items if item.kind == kind and item.state == "claimed"]
    waiting = [item for item in items if item.kind == kind and item.state == "pending"]
    figures: dict[str, Figure] = {"running": len(running), "pending": len(waiting)}
    blocked = observed.hindered.get(kind) or _all_paused(state, waiting)
    rates = [
        p.rate
        for item in running
        if item.claim is not None
        and (p := observed.progress.get((item.id, item.claim.index))) is not None
        and p.rate is not None
    ]
    if rates:
        figures["rate"] = sum(rates)
    if running:
        where = ", ".join(sorted({item.config for item in running}))
        return _stage(name, "running", f"{len(running)} at work on {where}", observed, figures)
    if waiting and blocked is not None:
        return _stage(name, "blocked", f"{len(waiting)} wait: {blocked}", observed, figures)
    if waiting:
        return _stage(name, "waiting", f"{len(waiting)} wait for a slot", observed, figures)
    return _stage(name, "idle", idle, observed, figures)


def _all_paused(state: ClusterState, items: list[Item]) -> str | None:
    """Say which configurations are paused when every one of these items is of such."""
    configs = {item.config for item in items}
    if not configs or any(state.configs.is_active(config) for config in configs):
        return None
    return f"{', '.join(sorted(configs))} {'is' if len(configs) == 1 else 'are'} paused"


def _exports(item: Item, observed: Observed) -> bool:
    if item.kind != "training" or item.claim is None or item.state != "claimed":
        return False
    progress = observed.progress.get((item.id, item.claim.index))
    return progress is not None and progress.unit == EXPORT_UNIT


def _sync(state: ClusterState, observed: Observed) -> StageView:
    fetching = [
        (key[0], said) for key, said in observed.progress.items() if said.unit == FETCH_UNIT
    ]
    if fetching:
        item, said = fetching[0]
        more = f" (and for {len(fetching) - 1} more)" if len(fetching) > 1 else ""
        reason = f"{said.done} of {said.total} files fetched for #{item}{more}"
        return _stage("SYNC", "running", reason, observed)
    alone = sum(1 for _ in state.members.machines()) <= 1
    reason = "one node: nothing to copy" if alone else "no work here waits for others' files"
    return _stage("SYNC", "idle", reason, observed)


def _export(exporting: list[Item], observed: Observed) -> StageView:
    if exporting:
        reason = f"building the dataset of {exporting[0].config}"
        return _stage("NPZ_EXPORT", "running", reason, observed)
    return _stage("NPZ_EXPORT", "idle", "done by the child that fits, as its first part", observed)


def _why_no_games(state: ClusterState) -> str:
    rows = state.configs.rows.values()
    if rows and all(row.mode == "paused" for row in rows):
        return "every configuration is paused"
    return "nothing is queued"


def _why_no_fit(state: ClusterState) -> str:
    news = [
        f"{row.name} has {state.shards.of(row.name).games - row.games_fitted} new games"
        for row in state.configs.rows.values()
    ]
    return "; ".join(news) or "no configuration yet"


def _promotion(state: ClusterState, observed: Observed) -> StageView:
    open_now = [model for model in state.models.rows.values() if model.verdict is None]
    figures: dict[str, Figure] = {"undecided": len(open_now)}
    if not open_now:
        return _stage("PROMOTION", "idle", "every candidate has its verdict", observed, figures)
    newest = max(open_now, key=lambda model: model.index)
    reason = f"{newest.sha256[:8]} of {newest.config} has {len(newest.matches)} matches so far"
    return _stage("PROMOTION", "waiting", reason, observed, figures)
