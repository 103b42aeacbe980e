"""The two lines at the top: where we are and how it goes; says so when the node is silent."""

from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from ringrift.tui import cluster, rows
from ringrift.tui.columns import Cell, clip
from ringrift.tui.seen import Seen

TABS = (
    ("1", "overview", "Overview"),
    ("2", "models", "Models & Elo"),
    ("3", "events", "Events"),
    ("4", "members", "Members"),
)
BAD = "bold #f2858a"  # light enough to stay legible when colours are turned into greys
_STYLES = {"dim": "dim", "strong": "bold", "good": "#8ad4a1", "warn": "#ffc473", "bad": BAD}


def _toned(cell: Cell) -> Text:
    return Text(cell.text, style=_STYLES.get(cell.tone, ""))


class Header(Widget):
    """Tabs and identity, then the headline figures, or why there are none."""

    def __init__(self, *, readonly: bool) -> None:
        super().__init__(id="header")
        self._seen = Seen()
        self._silent = ""
        self._screen_name = "overview"
        self._readonly = readonly

    def show(self, seen: Seen, silent: str, screen: str) -> None:
        """Draw this from now on; `silent` is how long the node has not answered."""
        self._seen, self._silent, self._screen_name = seen, silent, screen
        self.set_class(seen.problem is not None, "-silent")
        self.refresh()

    def render(self) -> RenderResult:
        width = self.size.width
        return Text("\n").join([self._first(width), self._second(width)])

    def _first(self, width: int) -> Text:
        left = Text(" ")
        for key, name, title in TABS:
            here = name == self._screen_name
            words = f"{key} {title}" if width >= 64 or here else key
            left.append(f"[{words}]" if here else words, "bold" if here else "dim")
            left.append("   " if width >= 100 else " ")
        right = self._identity(width - left.cell_len - 1)
        gap = max(1, width - left.cell_len - right.cell_len - 1)
        line = left + Text(" " * gap) + right
        line.truncate(width, overflow="ellipsis")
        return line

    def _identity(self, room: int) -> Text:
        status = self._seen.status
        if status is None:
            return Text("ringrift", "bold")
        called = cluster.names(status).get(status.node_id, status.name)
        name = f"{status.profile}/{called}"
        health = rows.health(status.healthy)
        if self._seen.problem is not None:
            health = Cell("○ no answer", "bad")
        readonly = "  read-only" if self._readonly else ""
        full = f"ringrift {status.version}  {name}{readonly}  "
        for words in (full, f"{name}{readonly}  ", f"{called}{readonly}  "):
            if len(words) + len(health.text) <= room:
                return Text(words) + _toned(health)
        left = room - len(health.text) - 2
        return Text(f"{clip(called, left).rstrip()}  " if left > 3 else "") + _toned(health)

    def _second(self, width: int) -> Text:
        status = self._seen.status
        if self._seen.problem is not None:
            known = f" {self._silent} without an answer: " if status else " "
            line = Text(known + self._seen.problem + " Trying again every second.")
        elif status is None:
            line = Text(" connecting …", "dim")
        else:
            cells = (*cluster.standing(status), *rows.headline(status))
            unwell = status.healthy is False and status.reason
            if unwell and width < 120:
                cells = cells[: 2 if width < 100 else 4]
            line = Text(" ") + Text("  " if width < 120 else "   ").join(map(_toned, cells))
            if unwell:
                line.append(f"  {status.reason}", BAD)
        line.truncate(width, overflow="ellipsis")
        return line
