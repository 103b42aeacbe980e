"""How rows of cells share a line: which columns fit into a width, and how wide each becomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "dim", "strong", "good", "warn", "bad", "accent"]
GAP = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text and what it means; the tone only ever repeats what the text says."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `drop` > 0 may be left out where it is narrow, the highest first.

    A `flex` column takes the room that is left and is cut with an ellipsis; others make way for it
    until it has `least`, or all that it needs.
    """

    title: str
    right: bool = False
    flex: bool = False
    least: int = 8
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list: `key` is what it stands for (a node's id, a config's name …)."""

    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list ready to be drawn: the title of its first column is the title of the list."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: str


def fit(listing: Listing, width: int) -> tuple[tuple[int, int], ...]:
    """The columns that fit into `width`, in order, as (index, width) pairs."""
    natural = [
        max([len(column.title), *(len(row.cells[i].text) for row in listing.rows)])
        for i, column in enumerate(listing.columns)
    ]
    shown = list(range(len(natural)))

    def least(i: int) -> int:
        column = listing.columns[i]
        return min(natural[i], column.least) if column.flex else natural[i]

    def needed() -> int:
        return sum(least(i) for i in shown) + GAP * (len(shown) - 1)

    while needed() > width:
        droppable = [i for i in shown if listing.columns[i].drop]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda i: listing.columns[i].drop))
    room = width - GAP * (len(shown) - 1)
    room -= sum(natural[i] for i in shown if not listing.columns[i].flex)
    flexible = [i for i in shown if listing.columns[i].flex]
    widths: list[tuple[int, int]] = []
    for i in shown:
        if i in flexible:
            later = sum(least(j) for j in flexible if j > i)
            share = max(1, room if i == flexible[-1] else min(natural[i], room - later))
            room -= share
            widths.append((i, share))
        else:
            widths.append((i, natural[i]))
    return tuple(widths)


def clip(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` columns, cut with an ellipsis where it must be."""
    if len(text) > width:
        return text[: width - 1] + "…" if width > 1 else text[:width]
    return text.rjust(width) if right else text.ljust(width)


def lines(listing: Listing, width: int) -> list[str]:
    """The list as plain text: a heading, then one line a row."""
    shown = fit(listing, width)

    def line(texts: Sequence[str]) -> str:
        parts = [clip(texts[i], w, right=listing.columns[i].right) for i, w in shown]
        return (" " * GAP).join(parts)[:width].rstrip()

    heading = line([column.title for column in listing.columns])
    body = [line([cell.text for cell in row.cells]) for row in listing.rows]
    return [heading, *(body or [listing.empty[:width]])]
