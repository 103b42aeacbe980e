"""The overview: the whole node on one screen."""

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll

from ringrift.tui import cluster, rows
from ringrift.tui.listing import ListingView
from ringrift.tui.models.curve import EloCurve
from ringrift.tui.seen import Seen

RECENT_EVENTS = 40


class OverviewPane(VerticalScroll, can_focus=False):
    """Five listings; where there is room also the newest events and the Elo curve."""

    def __init__(self) -> None:
        super().__init__(id="overview")

    def compose(self) -> ComposeResult:
        with Container(id="overview-left"):
            yield ListingView(id="stages")
            yield ListingView(id="work")
            yield ListingView(id="recent", follow=True)
        with Container(id="overview-right"):
            yield ListingView(id="configs")
            yield ListingView(id="nodes")
            yield ListingView(id="loops")
            yield EloCurve(id="overview-curve")

    def show(self, seen: Seen, *, faults_only: bool) -> None:
        """Draw what has been seen."""
        recent = rows.events(seen.events[-RECENT_EVENTS:], faults_only=faults_only)
        self.query_one("#recent", ListingView).show(recent)
        status = seen.status
        if status is None:
            return
        self.query_one("#stages", ListingView).show(rows.stages(status.stages))
        work = rows.work(status.work, cluster.names(status), status.node_id)
        self.query_one("#work", ListingView).show(work)
        self.query_one("#configs", ListingView).show(rows.configs(status.configs))
        self.query_one("#nodes", ListingView).show(cluster.nodes(status))
        self.set_class(len(status.nodes) > 1, "-several")
        loops = rows.loops(status.loops, faults_only=faults_only)
        self.query_one("#loops", ListingView).show(loops)
        rated = [] if seen.models is None else [m for m in seen.models.models if m.rating.games]
        self.set_class(bool(rated), "-rated")
        if seen.models is not None and rated:
            self.query_one("#overview-curve", EloCurve).show(seen.models, rated[-1].config)
