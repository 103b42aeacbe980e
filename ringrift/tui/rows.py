"""Views as listings: which figures a person sees of a stage, a work item, a loop, a network …"""

from collections.abc import Mapping, Sequence
from typing import Final

from ringrift.tui import text
from ringrift.tui.columns import Cell, Column, Listing, Row, Tone
from ringrift.wire.views import (
    ConfigView,
    EventView,
    LoopView,
    MatchView,
    ModelsView,
    ModelView,
    StageView,
    StatusView,
    VerdictView,
    WorkView,
)

BAR_WIDTH: Final = 12
NO_NAMES: Final[Mapping[str, str]] = {}

_STAGE_CELLS: dict[str, Cell] = {
    "running": Cell("▶ running", "good"),
    "waiting": Cell("◌ waiting", "accent"),
    "idle": Cell("· idle", "dim"),
    "blocked": Cell("■ blocked", "bad"),
}
_WORK_TONES: dict[str, Tone] = {
    "failed": "bad",
    "cancelled": "dim",
    "pending": "dim",
    "completed": "dim",
}
_MODEL_CELLS: dict[str, Cell] = {
    "champion": Cell("★ champion", "good"),
    "generator": Cell("▶ generator", "accent"),
    "candidate": Cell("◌ candidate", "plain"),
    "rejected": Cell("✗ rejected", "warn"),
    "retired": Cell("· retired", "dim"),
}
_EVENT_CELLS: dict[str, Cell] = {
    "MODEL_PROMOTED": Cell("★", "good"),
    "PROMOTION_REJECTED": Cell("✗", "warn"),
    "GENERATOR_CHANGED": Cell("▶", "accent"),
    "TRAINING_COMPLETED": Cell("◆", "accent"),
    "EVALUATION_COMPLETED": Cell("≡", "accent"),
    "WORK_FAILED": Cell("▲", "bad"),
    "LOOP_FAILED": Cell("▲", "bad"),
    "EVENT_LOOP_BLOCKED": Cell("▲", "bad"),
    "WORK_RETURNED": Cell("△", "warn"),
    "NODE_MODE_CHANGED": Cell("◇", "strong"),
    "NODE_RESTART_REQUESTED": Cell("◇", "strong"),
    "NODE_STARTED": Cell("◇", "strong"),
    "VOTERS_CHANGED": Cell("◇", "strong"),
    "TRANSFER_REQUESTED": Cell("◇", "strong"),
    "MEMBER_ADMITTED": Cell("◇", "strong"),
    "MEMBER_ROLE_CHANGED": Cell("◇", "strong"),
    "MEMBER_REVOKED": Cell("◇", "strong"),
    "CONFIG_MODE_CHANGED": Cell("◇", "strong"),
    "WORK_CANCELLED": Cell("◇", "strong"),
}
FAULTS: Final = frozenset({"WORK_FAILED", "LOOP_FAILED", "EVENT_LOOP_BLOCKED", "WORK_RETURNED"})


def health(healthy: bool | None) -> Cell:
    """A health as a sign and a word, so that it needs no colour."""
    if healthy is None:
        return Cell("○ unknown", "dim")
    return Cell("● healthy", "good") if healthy else Cell("▲ unhealthy", "bad")


def dim_unknown(words: str, tone: Tone = "plain") -> Cell:
    """A figure in its tone, or dim where it is not known."""
    return Cell(words, "dim" if words == text.UNKNOWN else tone)


def stages(views: Sequence[StageView]) -> Listing:
    columns = (
        Column("PIPELINE"),
        Column("STATE"),
        Column("LAST DONE", right=True, drop=1),
        Column("NOW", flex=True, least=30),
        Column("FIGURES", flex=True, least=24, drop=2),
    )
    return Listing(columns, tuple(_stage(view) for view in views), "no stages reported")


def _stage(view: StageView) -> Row:
    cells = (
        Cell(view.name, "strong" if view.state == "running" else "plain"),
        _STAGE_CELLS[view.state],
        dim_unknown(text.age(view.last_done_age_s)),
        Cell(view.reason or text.UNKNOWN, "bad" if view.state == "blocked" else "plain"),
        Cell(text.figures(view.figures), "dim"),
    )
    return Row(view.name, cells)


def work(
    views: Sequence[WorkView], names: Mapping[str, str] = NO_NAMES, here: str | None = None
) -> Listing:
    """Work items: at work, waiting, ended newest first; `names` are of nodes, by id.

    `here` is the node that is asked: it knows how far its own children are, and not the others'.
    """
    columns = (
        Column("WORK"),
        Column("KIND"),
        Column("CONFIG", drop=3),
        Column("", drop=2),
        Column("PROGRESS"),
        Column("SPEED", right=True, drop=1),
        Column("NODE", drop=5),
        Column("WHAT", flex=True, least=28, drop=4),
    )
    order = {"claimed": 0, "pending": 1}
    ranked = sorted(
        views,
        key=lambda view: (order.get(view.state, 2), view.id if view.state in order else -view.id),
    )
    return Listing(
        columns, tuple(_work(view, names, here) for view in ranked), "no work in progress"
    )


def _work(view: WorkView, names: Mapping[str, str], here: str | None) -> Row:
    tone = _WORK_TONES.get(view.state, "plain")
    progress = view.progress
    bar = Cell("")
    if progress is not None:
        bar = Cell(text.bar(progress.done, progress.total, BAR_WIDTH), "good")
        shown = Cell(f"{progress.done}/{progress.total} {progress.unit}")
    elif view.state == "claimed":
        elsewhere = here is not None and view.node != here
        shown = Cell("at work" if elsewhere else "starting", "accent")
    else:
        shown = Cell(_rest(view), tone)
    speed = text.rate(progress.rate) if progress else text.UNKNOWN
    cells = (
        Cell(f"#{view.id}", tone),
        Cell(view.kind, tone),
        Cell(view.config, tone),
        bar,
        shown,
        dim_unknown(speed),
        dim_unknown(names.get(view.node, view.node) if view.node else text.UNKNOWN),
        Cell(view.error or view.summary, "bad" if view.error else tone),
    )
    return Row(str(view.id), cells)


def _rest(view: WorkView) -> str:
    """What a work item is that nobody works on."""
    if view.state == "pending":
        again = f", try {view.attempts + 1}/{view.max_attempts}" if view.attempts else ""
        return f"pending{again}"
    return view.state if view.age_s is None else f"{view.state} {text.age(view.age_s)} ago"


def configs(views: Sequence[ConfigView]) -> Listing:
    columns = (
        Column("CONFIG"),
        Column("MODE"),
        Column("GAMES", right=True),
        Column("SPEED", right=True, drop=2),
        Column("GEN", right=True),
        Column("NEW GAMES", right=True, drop=4),
        Column("CHAMPION", drop=3),
        Column("ELO", right=True, drop=1),
    )
    return Listing(columns, tuple(_config(view) for view in views), "no configurations")


def _config(view: ConfigView) -> Row:
    paused = view.mode == "paused"
    cells = (
        Cell(view.name, "dim" if paused else "strong"),
        Cell("‖ paused", "warn") if paused else Cell("▶ active", "good"),
        Cell(text.count(view.games)),
        dim_unknown(text.rate(view.games_per_s)),
        Cell(text.count(view.generation)),
        Cell(text.count(view.games_since_training)),
        dim_unknown(text.player(view.champion)),
        dim_unknown(text.elo(view.champion_rating), "accent"),
    )
    return Row(view.name, cells)


def loops(views: Sequence[LoopView], *, faults_only: bool = False) -> Listing:
    """Loops, the unhealthy first, then those whose health is unknown."""
    columns = (
        Column("LOOP"),
        Column("STATE", drop=1),
        Column("HEALTH"),
        Column("LAST", right=True, drop=3),
        Column("RUNS", right=True, drop=5),
        Column("FAILED", right=True, drop=4),
        Column("WHY", flex=True, least=32),
    )
    rank = {False: 0, None: 1, True: 2}
    ranked = sorted(views, key=lambda view: rank[view.healthy])
    rows = tuple(_loop(view) for view in ranked if not faults_only or view.healthy is False)
    return Listing(columns, rows, "no loop is unhealthy" if faults_only else "no loops reported")


def _loop(view: LoopView) -> Row:
    settled = view.state == "running"
    cells = (
        Cell(view.name, "plain" if view.healthy is not False else "strong"),
        Cell(view.state, "dim" if settled else "warn"),
        health(view.healthy),
        dim_unknown(text.age(view.last_run_age_s)),
        Cell(text.count(view.runs), "dim"),
        Cell(text.count(view.failures), "bad" if view.failures else "dim"),
        Cell(_why(view), "bad" if view.healthy is False else "plain"),
    )
    return Row(view.name, cells)


def _why(view: LoopView) -> str:
    """The reason, or the figures where it would only repeat the state."""
    if view.reason and view.reason != view.state:
        return view.reason
    return text.figures(view.figures) or view.reason or text.UNKNOWN


def against(model: ModelView, kind: str, champions: frozenset[str]) -> MatchView | None:
    """The newest match of a network against "random", "heuristic" or a network it had to beat."""
    for match in reversed(model.matches):
        network = match.opponent == text.player(match.opponent)
        if kind == "champion" and match.opponent in champions and match.opponent != model.sha256:
            return match
        if network and match.opponent.startswith(kind):
            return match
    return None


def models(view: ModelsView, config: str | None = None) -> Listing:
    """Networks, the newest first."""
    columns = (
        Column("GEN", right=True),
        Column("NETWORK"),
        Column("CONFIG", drop=7),
        Column("STATUS"),
        Column("ELO", right=True),
        Column("RATED ON", right=True, drop=5),
        Column("VS RANDOM", right=True, drop=2),
        Column("VS HEURISTIC", right=True, drop=3),
        Column("VS CHAMPION", right=True, drop=1),
        Column("LOSS P / V", right=True, drop=4),
        Column("AGE", right=True, drop=6),
    )
    champions = frozenset(model.sha256 for model in view.models)
    wanted = [model for model in view.models if config in (None, model.config)]
    rows = tuple(_model(model, champions) for model in reversed(wanted))
    return Listing(columns, rows, "no network yet: the first follows the first games")


def _model(model: ModelView, champions: frozenset[str]) -> Row:
    fit = model.training
    loss = text.UNKNOWN if fit is None else f"{fit.policy_loss:.2f} / {fit.value_loss:.2f}"
    matches = [against(model, kind, champions) for kind in ("random", "heuristic", "champion")]
    cells = (
        Cell(str(model.generation), "strong"),
        Cell(text.player(model.sha256)),
        Cell(model.config, "dim"),
        _MODEL_CELLS[model.status],
        dim_unknown(text.elo(model.rating), "accent"),
        Cell(f"{text.count(model.rating.games)} games", "dim"),
        *(dim_unknown(text.score(match)) for match in matches),
        dim_unknown(loss),
        dim_unknown(text.age(model.age_s)),
    )
    return Row(model.sha256, cells)


def matches(model: ModelView) -> Listing:
    """All matches of one network, with wins and bounds."""
    columns = (
        Column("OPPONENT", flex=True),
        Column("WON", right=True),
        Column("SCORE, 95 % BOUNDS", right=True),
        Column("OPENINGS", right=True, drop=1),
    )
    rows = tuple(
        Row(
            match.opponent,
            (
                Cell(text.player(match.opponent)),
                Cell(f"{match.wins} of {match.games}"),
                Cell(text.score(match), "accent"),
                Cell(text.count(match.openings), "dim"),
            ),
        )
        for match in model.matches
    )
    return Listing(columns, rows, "not evaluated yet")


def checks(verdict: VerdictView | None) -> Listing:
    """The promotion checklist: what was required, what was found; failed checks first."""
    columns = (
        Column("PROMOTION CHECK"),
        Column("FOUND", flex=True, least=20),
        Column("REQUIRED", flex=True, least=12, drop=1),
    )
    found = () if verdict is None else verdict.checks
    rank = {False: 0, None: 1, True: 2}
    signs = {True: Cell("✓", "good"), False: Cell("✗", "bad"), None: Cell("○", "dim")}
    rows = tuple(
        Row(
            check.name,
            (
                Cell(f"{signs[check.passed].text} {check.name}", signs[check.passed].tone),
                dim_unknown(check.actual, signs[check.passed].tone),
                Cell(check.required),
            ),
        )
        for check in sorted(found, key=lambda check: rank[check.passed])
    )
    return Listing(columns, rows, "not decided yet")


def matching(event: EventView, wanted: str) -> bool:
    """Whether every word of `wanted` occurs in the event, whatever the case."""
    parts = (event.name, event.config or "", event.node or "", event.text)
    haystack = " ".join(parts).lower()
    return all(word in haystack for word in wanted.lower().split())


def events(views: Sequence[EventView], *, wanted: str = "", faults_only: bool = False) -> Listing:
    """Events, oldest first."""
    columns = (
        Column("TIME"),
        Column(""),
        Column("EVENT", drop=1),
        Column("WHAT HAPPENED", flex=True, least=48),
        Column("LOG", right=True, drop=2),
    )
    rows = tuple(
        _event(view)
        for view in views
        if matching(view, wanted) and (not faults_only or view.name in FAULTS)
    )
    narrowed = bool(wanted) or faults_only
    return Listing(columns, rows, "no event matches" if narrowed else "nothing happened yet")


def _event(view: EventView) -> Row:
    sign = _EVENT_CELLS.get(view.name, Cell("·", "dim"))
    tone: Tone = sign.tone if sign.tone in ("bad", "warn", "good") else "plain"
    cells = (
        Cell(text.clock(view.at), "dim"),
        sign,
        Cell(view.name.lower(), sign.tone),
        Cell(view.text, tone),
        Cell(text.UNKNOWN if view.index is None else f"#{view.index}", "dim"),
    )
    return Row(str(view.seq), cells)


def headline(status: StatusView) -> tuple[Cell, ...]:
    """The handful of figures that an operator looks for first."""
    games = sum(config.games for config in status.configs)
    speeds = [c.games_per_s for c in status.configs if c.games_per_s is not None]
    node = next((n for n in status.nodes if n.id == status.node_id), None)
    waiting = status.work_counts.get("pending", 0)
    running = status.work_counts.get("claimed", 0)
    return (
        Cell(f"{text.count(games)} games", "strong"),
        Cell(text.rate(sum(speeds) if speeds else None, " games"), "good"),
        Cell(f"{running} running, {waiting} pending"),
        Cell(f"cpu {text.percent(node.cpu_percent if node else None)}"),
        Cell(f"memory {text.percent(node.memory_percent if node else None)}"),
        Cell(f"up {text.age(status.uptime_s)}", "dim"),
    )
