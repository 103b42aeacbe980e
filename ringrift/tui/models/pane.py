"""Models & Elo: the table of networks above, the curve and the selected network's verdict below."""

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Static

from ringrift.tui import rows, text
from ringrift.tui.listing import ListingView
from ringrift.tui.models.curve import EloCurve
from ringrift.tui.seen import Seen
from ringrift.wire.views import ModelView


def summary(model: ModelView) -> str:
    """Two lines on how a network came to be and what was decided."""
    fit = model.training
    made = "how it was trained is not known"
    if fit is not None:
        held = text.UNKNOWN
        if fit.holdout_policy_loss is not None and fit.holdout_value_loss is not None:
            held = f"{fit.holdout_policy_loss:.2f} / {fit.holdout_value_loss:.2f}"
        made = (
            f"{fit.rows:,} rows · {fit.steps:,} steps · {text.age(fit.seconds)} · "
            f"reuse {fit.reuse:.1f} · loss {fit.policy_loss:.2f} / {fit.value_loss:.2f} · "
            f"held out {held}"
        )
    verdict = model.verdict
    decided = "not decided yet" if verdict is None else verdict.decision
    if verdict is not None and verdict.against is not None:
        decided += f" against {text.player(verdict.against)}"
    name = f"Generation {model.generation} · {text.player(model.sha256)}"
    parent = f" from {text.player(model.parent)}" if model.parent else " from scratch"
    return f"{name}{parent}: {decided}\n{made}"


class ModelsPane(Container):
    """The networks, newest first, and everything about the one under the cursor."""

    def __init__(self) -> None:
        super().__init__(id="models")
        self._seen = Seen()

    def compose(self) -> ComposeResult:
        yield ListingView(id="networks")
        with Container(id="models-below"):
            yield EloCurve(id="curve")
            with Vertical(id="network"):
                yield Static("", id="summary", markup=False)
                yield ListingView(id="checks")
                yield ListingView(id="matches")

    def show(self, seen: Seen) -> None:
        """Draw what has been seen."""
        self._seen = seen
        if seen.models is None:
            return
        self.query_one("#networks", ListingView).show(rows.models(seen.models))
        self._detail()

    def on_listing_view_moved(self, event: ListingView.Moved) -> None:
        if event.view.id == "networks":
            self._detail()

    def selected(self) -> ModelView | None:
        """The network under the cursor."""
        row = self.query_one("#networks", ListingView).selected
        if row is None or self._seen.models is None:
            return None
        return next((m for m in self._seen.models.models if m.sha256 == row.key), None)

    def _detail(self) -> None:
        model = self.selected()
        if model is None or self._seen.models is None:
            return
        self.query_one("#summary", Static).update(summary(model))
        self.query_one("#checks", ListingView).show(rows.checks(model.verdict))
        self.query_one("#matches", ListingView).show(rows.matches(model))
        self.query_one("#curve", EloCurve).show(self._seen.models, model.config)
