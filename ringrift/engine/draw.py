"""A position as a picture in plain characters."""

from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    CELLS,
    COLLAPSED,
    ELIM,
    EMPTY,
    GAME_OVER,
    HAND,
    MARKER,
    PHASE,
    PHASE_NAMES,
    SEAT,
    STACK,
    TERR,
    WINNER,
    Row,
)
from ringrift.engine.text import board_of

LEGEND = "2h3 = stack of seat 2, height 3 · m2 = marker · #2 = territory · . = empty"


def _cell(t: Tables, values: list[int], cell: int) -> str:
    content = values[CELLS + cell]
    if content == EMPTY:
        return "."
    if content >= STACK:
        return f"{content - STACK + 1}h{values[t.at_height + cell]}"
    if content >= COLLAPSED:
        return f"#{content - COLLAPSED + 1}"
    return f"m{content - MARKER + 1}"


def draw(t: Tables, s: Row) -> str:
    """The board, one line a y (hex rows shifted: neighbours touch), then the account of each seat.

    On square boards x grows to the right and y downwards.
    """
    values: list[int] = s.tolist()
    columns: dict[int, list[tuple[int, str]]] = {}
    for cell in range(t.cells):
        x, y = (int(v) for v in t.xy[cell])
        columns.setdefault(y, []).append((x, _cell(t, values, cell)))
    lines: list[str] = []
    for y in sorted(columns):
        shift = "  " * abs(y) if t.is_hex else ""
        lines.append(f"y={y:<3} {shift}" + "".join(f"{text:<4}" for _, text in columns[y]).rstrip())
    over = values[PHASE] == GAME_OVER
    lines.append(
        f"{board_of(t)}, {t.players} seats: "
        + (
            f"over, seat {values[WINNER] + 1} won"
            if over
            else f"seat {values[SEAT] + 1} in {PHASE_NAMES[values[PHASE]]}"
        )
    )
    for q in range(t.players):
        lines.append(
            f"seat {q + 1}: hand {values[HAND + q]}, "
            f"eliminated {values[ELIM + q]}/{t.threshold}, "
            f"territory {values[TERR + q]}/{t.territory}"
        )
    return "\n".join([*lines, LEGEND])
