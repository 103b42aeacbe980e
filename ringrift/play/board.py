"""The board as a picture, as large as the room allows; on a small screen a window onto it."""

from dataclasses import dataclass
from itertools import groupby

from ringrift.engine.config import Board
from ringrift.play.ink import (
    BOLD,
    DIM,
    PLAIN,
    REVERSE,
    UNDERLINE,
    Line,
    Run,
    join,
    land_ink,
    seat_ink,
)
from ringrift.play.position import Position, cap

STACKS, MARKERS = "●○▲△", "•◦▴▵"
_SMALL = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MARGIN = 4  # columns left of the board, for the number of the row
_SQUARE_WIDTHS, _HEX_WIDTHS = (7, 6, 5, 4), (8, 6, 4)  # of a cell; hex rows shift by half of it


@dataclass(frozen=True, slots=True)
class Marks:
    """What to point at; cells by name."""

    cursor: str = ""
    picked: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()  # what may be picked


class _Canvas:
    """Characters by row and column; what is not painted is blank."""

    def __init__(self) -> None:
        self._painted: dict[tuple[int, int], Run] = {}

    def put(self, row: int, column: int, text: str, style: str) -> None:
        for at, character in enumerate(text, column):
            self._painted[row, at] = (character, style)

    def line(self, row: int, columns: range) -> Line:
        runs = (self._painted.get((row, column), (" ", PLAIN)) for column in columns)
        return [
            ("".join(text for text, _ in same), style)
            for style, same in groupby(runs, key=lambda run: run[1])
        ]


def _stack(rings: str, room: int) -> str:
    height, top = len(rings), cap(rings)
    tall = f"{STACKS[int(rings[-1]) - 1]}{height}"
    if top == height:
        return tall
    forms = (f"{tall}/{top}", tall + str(top).translate(_SMALL), tall)
    return next((form for form in forms if len(form) <= room), tall)


def _content(p: Position, cell: str, can: bool, room: int) -> Run:
    under = UNDERLINE if can else PLAIN
    if rings := p.stacks.get(cell):
        return _stack(rings, room), join(BOLD, under, seat_ink(int(rings[-1])))
    if owner := p.markers.get(cell):
        return MARKERS[int(owner) - 1] + "+" * can, join(under, seat_ink(int(owner)))
    if owner := p.collapsed.get(cell):
        return f"{owner:▒^{room}}", land_ink(int(owner))
    return ("+", BOLD) if can else ("·", DIM)


def _brackets(p: Position, cell: str, marks: Marks) -> str:
    if cell == marks.cursor:
        return "[]"
    if cell in marks.picked:
        return "{}"
    if cell == p.must:
        return "()"
    return "‹›" if cell in marks.last else ""


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where cells lie on the canvas: `width` columns and `pitch` rows apart."""

    board: Board
    width: int
    pitch: int

    @staticmethod
    def within(board: Board, columns: int, rows: int) -> "_Grid":
        """The largest that fits, or the smallest there is."""
        widths = _HEX_WIDTHS if board.is_hex else _SQUARE_WIDTHS
        width = next((w for w in widths if board.side * w < columns - _MARGIN), widths[-1])
        return _Grid(board, width, 2 if 2 * board.side <= rows else 1)

    def at(self, x: int, y: int) -> tuple[int, int]:
        """Row and column of a cell; a hex row is shifted by half a cell against the next."""
        r = self.board.radius
        return (y + r) * self.pitch, (x + r) * self.width + (y * self.width // 2 if r else 0)


def _paint_cells(canvas: _Canvas, grid: _Grid, p: Position, marks: Marks) -> None:
    for cell, (x, y) in p.places.items():
        row, column = grid.at(x, y)
        text, style = _content(p, cell, cell in marks.open, grid.width - 1)
        lit = REVERSE if cell == marks.cursor else PLAIN
        canvas.put(row, column + 1, text, join(style, lit))
        for bracket, at in zip(
            _brackets(p, cell, marks), (column, column + 1 + len(text)), strict=False
        ):
            canvas.put(row, at, bracket, join(BOLD, lit))


def _paint_files(canvas: _Canvas, grid: _Grid) -> None:
    """The numbers of x: above a square board, at the upper left edge of a hex one."""
    r = grid.board.radius
    for x in range(-r, grid.board.side - r):
        row, column = grid.at(x, max(-r, -r - x) if r else 0)
        back = grid.width // (2 * grid.pitch) if r else 0
        canvas.put(row - 1, max(0, column + 1 - back), f"{x}", DIM)


def _from(centre: int, room: int, size: int) -> int:
    """Where a window of that room begins."""
    return max(0, min(centre - room // 2, size - room))


def draw(
    p: Position, marks: Marks, columns: int, rows: int, *, centre: str = "", whole: bool = False
) -> list[Line]:
    """The board in so many columns and rows, or the part of it around the cell `centre`.

    With `whole` all of it is drawn, even where that takes more room.
    """
    grid, canvas = _Grid.within(p.board, columns, rows), _Canvas()
    _paint_cells(canvas, grid, p, marks)
    _paint_files(canvas, grid)
    side, r = p.board.side, p.board.radius
    size = (side * grid.width + 1, (side - 1) * grid.pitch + 1)
    room, height = size if whole else (min(columns - _MARGIN, size[0]), min(rows - 1, size[1]))
    row, column = grid.at(*p.places.get(centre, (side // 2 - r, side // 2 - r)))
    left, top = _from(column, room, size[0]), _from(row, height, size[1])
    left -= left % (grid.width // 2 if r else grid.width)
    # The numbers of square files stay in sight, those of hex ones belong to their row.
    shown = [-1 + (top if r else 0), *range(top, top + height)]
    lines: list[Line] = []
    for at in shown:
        y, rest = divmod(at, grid.pitch)
        number = "" if rest or at < 0 else f"y{y - r}" if r else f"{y:>3}"
        first = grid.at(max(-r, -r - (y - r)), y - r)[1] - grid.width - _MARGIN if r else 0
        if first > left:
            canvas.put(at, first, number, DIM)
            number = ""
        lines.append([(f"{number:<{_MARGIN}}", DIM), *canvas.line(at, range(left, left + room))])
    return lines
