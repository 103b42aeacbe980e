"""The one list widget of the cockpit: a fixed heading, scrolling rows, a cursor that stays put."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ringrift.tui.columns import GAP, Listing, Row, clip, fit

GUTTER = 2
EMPTY = Listing((), (), "")


class ListingView(ScrollView, can_focus=True):
    """Draws a `Listing`; a cursor that was moved follows its row's key when rows come and go.

    One on the first row stays on the first row, so that what is new there is seen; with `follow`,
    the same holds of the last.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "listing--title",
        "listing--heading",
        "listing--cursor",
        "listing--plain",
        "listing--dim",
        "listing--strong",
        "listing--good",
        "listing--warn",
        "listing--bad",
        "listing--accent",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "to_end(False)", "first", show=False),
        Binding("end,G", "to_end(True)", "last", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, view: "ListingView") -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> "ListingView":
            return self.view

    def __init__(self, *, id: str, follow: bool = False) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._listing = EMPTY
        self._cursor = 0
        self._follow = follow
        self._fitted: tuple[tuple[int, int], ...] = ()
        self._fitted_width = -1

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        rows = self._listing.rows
        return rows[self._cursor] if self._cursor < len(rows) else None

    def show(self, listing: Listing) -> None:
        """Draw this listing from now on."""
        if listing == self._listing:
            return
        before = self.selected
        at_end = self._follow and self._cursor >= len(self._listing.rows) - 1
        grown = len(listing.rows) != len(self._listing.rows)
        self._listing = listing
        keys = [row.key for row in listing.rows]
        if at_end or before is None:
            self._cursor = max(0, len(keys) - 1) if self._follow else 0
        elif self._cursor == 0:
            pass
        elif before.key in keys:
            self._cursor = keys.index(before.key)
        else:
            self._cursor = max(0, min(self._cursor, len(keys) - 1))
        self._refit()
        self.refresh(layout=grown)
        if grown:
            self.call_after_refresh(self._reveal)
        after = self.selected
        if (before and before.key) != (after and after.key):
            self.post_message(self.Moved(self))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + max(1, len(self._listing.rows))

    def on_resize(self, event: Resize) -> None:
        self._refit()
        self._reveal()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: Click) -> None:
        if event.y >= 1:
            self._move_to(event.y - 1 + self.scroll_offset.y)

    def action_move(self, step: int) -> None:
        self._move_to(self._cursor + step)

    def action_page(self, step: int) -> None:
        self._move_to(self._cursor + step * max(1, self.size.height - 2))

    def action_to_end(self, last: bool) -> None:
        self._move_to(len(self._listing.rows) - 1 if last else 0)

    def _move_to(self, index: int) -> None:
        index = max(0, min(index, len(self._listing.rows) - 1))
        if index != self._cursor:
            self._cursor = index
            self._reveal()
            self.refresh()
            self.post_message(self.Moved(self))

    def _refit(self) -> None:
        self._fitted_width = -1
        self.virtual_size = Size(self.size.width, 1 + max(1, len(self._listing.rows)))

    def _columns(self, width: int) -> tuple[tuple[int, int], ...]:
        # The width is known only when drawing: a scroll bar comes and goes without a resize.
        if width != self._fitted_width:
            room = max(1, width - GUTTER)
            self._fitted = fit(self._listing, room) if self._listing.columns else ()
            self._fitted_width = width
        return self._fitted

    def _reveal(self) -> None:
        room = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if not top <= self._cursor < top + room:
            target = self._cursor if self._cursor < top else self._cursor - room + 1
            self.scroll_to(y=target, animate=False, immediate=True, force=True)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if y == 0:
            return self._heading(width, base)
        index = y - 1 + self.scroll_offset.y
        rows = self._listing.rows
        if index < len(rows):
            return self._row(rows[index], index == self._cursor, width, base)
        text = f"{'':{GUTTER}}{self._listing.empty}" if not rows and index == 0 else ""
        style = base + self.get_component_rich_style("listing--dim")
        return Strip([Segment(clip(text, width), style)])

    def _heading(self, width: int, base: Style) -> Strip:
        heading = base + self.get_component_rich_style("listing--heading")
        title = base + self.get_component_rich_style("listing--title")
        mark = "▸" if self.has_focus else " "
        segments = [Segment(clip(mark, GUTTER), title)]
        for position, (i, room) in enumerate(self._columns(width)):
            column = self._listing.columns[i]
            style = title if position == 0 else heading
            segments.append(Segment(clip(column.title, room, right=column.right), style))
            segments.append(Segment(" " * GAP, heading))
        return Strip(segments).crop_extend(0, width, heading)

    def _row(self, row: Row, current: bool, width: int, base: Style) -> Strip:
        if current and self.has_focus:
            base = base + self.get_component_rich_style("listing--cursor")
        mark = ("▌" if self.has_focus else "▏") if current else ""
        accent = self.get_component_rich_style("listing--accent", partial=True)
        segments = [Segment(clip(mark, GUTTER), base + accent)]
        for i, room in self._columns(width):
            cell = row.cells[i]
            tone = self.get_component_rich_style(f"listing--{cell.tone}", partial=True)
            text = clip(cell.text, room, right=self._listing.columns[i].right)
            segments.append(Segment(text, base + tone))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).crop_extend(0, width, base)
