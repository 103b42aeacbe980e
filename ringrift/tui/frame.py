"""One screen as plain text, without Textual: for `--once`, `ringrift status` and pipes."""

from collections.abc import Sequence
from typing import Literal

from ringrift.tui import cluster, rows, text
from ringrift.tui.columns import lines
from ringrift.wire.views import EventView, ModelsView, StatusView

ScreenName = Literal["overview", "models", "events", "members"]


def _identity(status: StatusView) -> list[str]:
    state = rows.health(status.healthy).text + (f": {status.reason}" if status.reason else "")
    place = "  ".join(cell.text for cell in cluster.standing(status))
    return [
        f"ringrift {status.version}  {status.profile}/{status.name}  {place}",
        state,
        "  ".join(cell.text for cell in rows.headline(status)),
    ]


def overview(status: StatusView, width: int) -> str:
    """The node on one page."""
    listings = (
        cluster.summary(status),
        rows.stages(status.stages),
        rows.work(status.work, cluster.names(status), status.node_id),
        rows.configs(status.configs),
        cluster.nodes(status),
        rows.loops(status.loops),
    )
    page = [line[:width] for line in _identity(status)]
    for listing in listings:
        page += ["", *lines(listing, width)]
    return "\n".join(page) + "\n"


def members(status: StatusView, width: int) -> str:
    """The cluster: who leads, what it bears, and who belongs to it."""
    page = [*lines(cluster.summary(status), width), "", *lines(cluster.members(status), width)]
    return "\n".join(page) + "\n"


def models(view: ModelsView, width: int) -> str:
    """Every network, then the checklist of the newest decision."""
    page = [f"Elo of the anchor {view.anchor}: {view.anchor_elo:.0f}"[:width], ""]
    page += lines(rows.models(view), width)
    for config, baselines in sorted(view.baselines.items()):
        page += ["", f"Baselines of {config}"]
        page += [f"  {name}  {text.elo(rating)}" for name, rating in sorted(baselines.items())]
    decided = [model for model in view.models if model.verdict is not None]
    if decided:
        newest = decided[-1]
        assert newest.verdict is not None
        page += ["", f"Generation {newest.generation} was {newest.verdict.decision}"]
        page += lines(rows.checks(newest.verdict), width)
    return "\n".join(page) + "\n"


def events(views: Sequence[EventView], width: int) -> str:
    """The newest events, oldest first."""
    return "\n".join(lines(rows.events(views), width)) + "\n"
