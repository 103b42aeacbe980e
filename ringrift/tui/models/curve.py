"""Elo against generation, with error bars; the baselines are level lines."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.reactive import reactive
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget

from ringrift.wire.views import ModelsView, ModelView

# Half-width of a 95 % interval in standard errors, and room above and below the bars, in Elo.
TWO_SIDED_95 = 1.96
MARGIN = 40.0
LEVEL_POINTS = 300  # more than any plot has columns
MARKS = {"champion": "★", "generator": "▶", "candidate": "◌", "rejected": "✗", "retired": "●"}
STYLES = {
    "champion": "green",
    "generator": "cyan",
    "candidate": "white",
    "rejected": "yellow",
    "retired": "white",
}


class _Plot(PlotWidget, can_focus=False):
    """Not focusable: its zoom keys would hide the cockpit's own."""

    margin_top = reactive(1)
    margin_bottom = reactive(2)
    margin_left = reactive(7)


class EloCurve(Container):
    """The curve of one configuration under a heading that explains its marks."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(" ELO", classes="heading")
        yield _Plot(allow_pan_and_zoom=False)

    def on_mount(self) -> None:
        self.query_one(_Plot).display = False  # axes without a point say nothing

    def show(self, view: ModelsView, config: str) -> None:
        """Draw the curve of this configuration."""
        rated = [m for m in view.models if m.config == config and m.rating.elo is not None]
        baselines = {
            name: rating.elo
            for name, rating in view.baselines.get(config, {}).items()
            if rating.elo is not None
        }
        points = [(m.generation, m.status, m.rating) for m in rated]
        if (config, points, baselines) == self._drawn:
            return
        self._drawn = (config, points, baselines)
        heading = Text(" ELO ", "bold", no_wrap=True, overflow="ellipsis")
        levels = "".join(f"  ╌ {name} {level:.0f}" for name, level in baselines.items())
        heading.append(f"{config} bars 95 %{levels}  ★ champion  ✗ rejected", "dim")
        if not rated:
            heading = Text(f" ELO {config}: no network is rated yet", "dim", no_wrap=True)
        self.query_one(Static).update(heading)
        self._draw(rated, baselines)

    def _draw(self, rated: list[ModelView], baselines: dict[str, float]) -> None:
        plot = self.query_one(_Plot)
        plot.display = bool(rated)
        plot.clear()
        if not rated:
            return
        elos = {model.generation: model.rating.elo or 0.0 for model in rated}
        errors = {m.generation: TWO_SIDED_95 * (m.rating.standard_error or 0.0) for m in rated}
        first, last = min(elos), max(elos)
        lows = [elos[g] - errors[g] for g in elos] + list(baselines.values())
        highs = [elos[g] + errors[g] for g in elos] + list(baselines.values())
        left, right = first - 0.5, last + 0.5
        plot.set_xlimits(left, right)
        plot.set_ylimits(min(lows) - MARGIN, max(highs) + MARGIN)
        step = max(1, -(-(last - first + 1) // 8))
        plot.set_xticks([float(g) for g in range(first, last + 1, step)])
        for level in baselines.values():
            across = [left + (right - left) * i / LEVEL_POINTS for i in range(LEVEL_POINTS)]
            plot.scatter(across, [level] * LEVEL_POINTS, marker="╌", marker_style="bright_black")
        line = sorted(elos)
        plot.plot(line, [elos[g] for g in line], line_style="blue", hires_mode=HiResMode.BRAILLE)
        for status, mark in MARKS.items():
            some = [m.generation for m in rated if m.status == status]
            if some:
                plot.errorbar(
                    some,
                    [elos[g] for g in some],
                    yerr=[errors[g] for g in some],
                    marker=mark,
                    marker_style=STYLES[status],
                )
