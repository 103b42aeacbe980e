"""What stands beside or below the board: the account of the seats, and lines broken to fit."""

from textwrap import wrap

from ringrift.engine.rules import Tables
from ringrift.play.board import STACKS, Marks, draw
from ringrift.play.ink import BOLD, DIM, PLAIN, Line, seat_ink
from ringrift.play.position import Position

_ACCOUNT = 40  # columns


def account(p: Position, t: Tables, names: tuple[str, ...], columns: int) -> list[Line]:
    """Of every seat: rings in hand, eliminated of what wins, territory of what wins."""
    rows = [("", "hand", "elim", "terr")]
    for q, name in enumerate(names):
        out, land = f"{p.eliminated[q]}/{t.threshold}", f"{p.territory[q]}/{t.territory}"
        rows.append((name, p.hand[q], out, land))
    widths = [1 + max(len(row[at]) for row in rows) for at in (1, 2, 3)]
    room = columns - 5 - sum(widths)
    lines: list[Line] = []
    for q, (name, *figures) in enumerate(rows):
        told = "".join(f"{text:>{w}}" for text, w in zip(figures, widths, strict=True))
        if q == 0:
            lines.append([(f"     {'seat':<{room}}{told}", DIM)])
            continue
        acting = q == p.seat
        who = f"{STACKS[q - 1]} {q} {name[:room]:<{room}}"
        lines.append([("▶" if acting else " ", BOLD), (who, seat_ink(q)), (told, BOLD * acting)])
    return lines


def paragraph(text: str, columns: int, style: str = PLAIN) -> list[Line]:
    """A text broken into lines."""
    return [[(line, style)] for line in wrap(text, columns, subsequent_indent="  ")]


def picture(state: str, t: Tables, names: tuple[str, ...], columns: int = 120) -> list[Line]:
    """The whole board above the account of its seats, for where there is no screen."""
    p = Position.read(state)
    board = draw(p, Marks(), columns, p.board.side + 1, whole=True)
    return [*board, [], *account(p, t, names, _ACCOUNT)]
