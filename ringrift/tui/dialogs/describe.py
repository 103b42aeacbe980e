"""Every figure of one thing, as the node told it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, cast

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from ringrift.tui import text
from ringrift.tui.columns import Cell, Column, Listing, Row
from ringrift.tui.listing import ListingView
from ringrift.wire.views import Figure


def _flat(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(cast("Sequence[object]", value)):
            yield from _flat(inner, f"{name}.{number + 1}")
    elif name == "at" and isinstance(value, float):
        yield name, text.moment(value)
    else:
        shown = str(value).lower() if isinstance(value, bool) else text.figure(cast(Figure, value))
        yield name, shown


def description(view: msgspec.Struct) -> Listing:
    """All fields of a view, nested ones by dotted names."""
    columns = (Column("FIELD"), Column("VALUE", flex=True))
    rows = tuple(
        Row(name, (Cell(name, "dim"), Cell(shown)))
        for name, shown in _flat(msgspec.to_builtins(view), "")
    )
    return Listing(columns, rows, "no figures")


class Describe(ModalScreen[None]):
    """A scrolling description; esc, enter or q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "close", "close")]

    def __init__(self, view: msgspec.Struct) -> None:
        super().__init__()
        self._listing = description(view)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="describe"):
            yield ListingView(id="description")

    def on_mount(self) -> None:
        listing = self.query_one(ListingView)
        listing.show(self._listing)
        listing.focus()

    def action_close(self) -> None:
        self.dismiss(None)
