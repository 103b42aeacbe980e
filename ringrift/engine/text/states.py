"""State texts: canonical out, exact in (FORMAT 1.3)."""

import re
from collections.abc import Callable

from ringrift.engine.config import BOARDS, Config
from ringrift.engine.errors import EngineError, shown
from ringrift.engine.kernels import legal_moves, new_scratch
from ringrift.engine.kernels.stacks import collapse, push_top, set_marker
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import (
    ACT,
    CAPTURE,
    CELLS,
    CHAIN_CAPTURE,
    COLLAPSED,
    ELIM,
    EMPTY,
    GAME_OVER,
    HAND,
    LINE_PROCESSING,
    LPS_FIRST,
    LPS_HOLDER,
    LPS_MASK,
    LPS_ROUNDS,
    MARKER,
    MOVEMENT,
    MUST,
    PEND,
    PEND_LINE,
    PEND_NAMES,
    PEND_NONE,
    PHASE,
    PHASE_NAMES,
    REC,
    SEAT,
    STACK,
    SWAP,
    TERR,
    TERRITORY_PROCESSING,
    WINNER,
    Row,
    empty_row,
)
from ringrift.engine.text.cells import board_of, cell_names, cell_numbers

_FIELDS = (
    "version",
    "board",
    "n",
    "ph",
    "p",
    "hand",
    "elim",
    "terr",
    "S",
    "M",
    "C",
    "must",
    "pend",
    "rec",
    "act",
    "lps",
    "swap",
    "win",
)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)


def _digits(t: Tables, values: list[int], cell: int) -> str:
    owners: list[str] = []
    ring = values[t.at_top + cell]
    while ring >= 0:
        owners.append(str(values[t.at_owner + ring] + 1))
        ring = values[t.at_below + ring]
    return "".join(reversed(owners))


def _lps_text(values: list[int], players: int) -> str:
    if values[PHASE] == GAME_OVER:
        return "-"
    mask = "".join("-01"[v + 1] for v in values[LPS_MASK : LPS_MASK + players])
    return f"{values[LPS_FIRST] + 1}:{mask}:{values[LPS_HOLDER] + 1}:{values[LPS_ROUNDS]}"


def format_state(t: Tables, s: Row) -> str:
    """The state text of a row."""
    board, n = board_of(t), t.players
    names = cell_names(board)
    values: list[int] = s.tolist()
    stacks: list[str] = []
    markers: list[str] = []
    collapsed: list[str] = []
    for cell, content in enumerate(values[CELLS : CELLS + t.cells]):
        if content == EMPTY:
            continue
        if content >= STACK:
            stacks.append(f"{names[cell]}:{_digits(t, values, cell)}")
        elif content >= COLLAPSED:
            collapsed.append(f"{names[cell]}:{content - COLLAPSED + 1}")
        else:
            markers.append(f"{names[cell]}:{content - MARKER + 1}")

    def seats(at: int) -> str:
        return ",".join(map(str, values[at : at + n]))

    must, winner = values[MUST], values[WINNER]
    return (
        f"RR1|{board}|n={n}|ph={PHASE_NAMES[values[PHASE]]}|p={values[SEAT] + 1}"
        f"|hand={seats(HAND)}|elim={seats(ELIM)}|terr={seats(TERR)}"
        f"|S={';'.join(stacks)}|M={';'.join(markers)}|C={';'.join(collapsed)}"
        f"|must={names[must] if must >= 0 else '-'}|pend={PEND_NAMES[values[PEND]]}"
        f"|rec={values[REC]}|act={values[ACT]}|lps={_lps_text(values, n)}"
        f"|swap={values[SWAP]}|win={winner + 1 if winner >= 0 else '-'}"
    )


def _fail(field: str, got: str, want: str) -> EngineError:
    return EngineError(f"state field {field} is {shown(got)}; it must be {want}.")


def _number(field: str, text: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise _fail(field, text, f"a number from {low} to {high}")
    return int(text)


def _choice(field: str, text: str, names: tuple[str, ...]) -> int:
    if text not in names:
        raise _fail(field, text, "one of " + ", ".join(names))
    return names.index(text)


def _split_fields(text: str) -> dict[str, str]:
    parts = text.split("|")
    if len(parts) != len(_FIELDS):
        raise EngineError(
            f"state text has {len(parts)} fields; it must have {len(_FIELDS)} joined with '|'."
        )
    fields = {"version": parts[0], "board": parts[1]}
    for name, part in zip(_FIELDS[2:], parts[2:], strict=True):
        if not part.startswith(name + "="):
            raise _fail(name, part, f"written as {name}=...")
        fields[name] = part[len(name) + 1 :]
    if fields["version"] != "RR1":
        raise _fail("version", fields["version"], "RR1")
    return fields


def _cell_entries(t: Tables, field: str, text: str) -> list[tuple[int, str]]:
    numbers = cell_numbers(board_of(t))
    entries: list[tuple[int, str]] = []
    for entry in text.split(";") if text else []:
        name, colon, owners = entry.partition(":")
        cell = numbers.get(name)
        if cell is None or not colon:
            raise _fail(field, entry, f"CELL:OWNER with a cell of {board_of(t)}")
        if entries and entries[-1][0] >= cell:
            raise _fail(field, entry, "after the entry before it, in cell order without repeats")
        if not owners or any(c not in "1234"[: t.players] for c in owners):
            raise _fail(field, entry, f"owned by seats 1 to {t.players}")
        entries.append((cell, owners))
    return entries


def _seat_numbers(field: str, text: str, players: int) -> list[int]:
    values = text.split(",")
    if len(values) != players:
        raise _fail(field, text, f"{players} numbers joined with ','")
    return [_number(field, value, 0, 9999) for value in values]


def _rings_in_play(config: Config, fields: dict[str, str]) -> int:
    stacks = _cell_entries(tables_for(config), "S", fields["S"])
    on_board = sum(len(owners) for _, owners in stacks)
    return on_board + sum(_seat_numbers("hand", fields["hand"], config.players))


def _read_cells(t: Tables, row: Row, fields: dict[str, str]) -> None:
    for cell, owners in _cell_entries(t, "S", fields["S"]):
        for digit in owners:
            push_top(t, row, cell, int(digit) - 1)

    def put(field: str, place: Callable[[Row, int, int], None]) -> None:
        for cell, owner in _cell_entries(t, field, fields[field]):
            if len(owner) != 1:
                raise _fail(field, owner, "one owner a cell")
            if row[CELLS + cell] != EMPTY:
                name = cell_names(board_of(t))[cell]
                raise _fail(field, name, "a cell that holds nothing else")
            place(row, cell, int(owner) - 1)

    put("M", set_marker)
    put("C", collapse)


def _read_seats(t: Tables, row: Row, fields: dict[str, str]) -> None:
    for field, at in (("hand", HAND), ("elim", ELIM)):
        row[at : at + t.players] = _seat_numbers(field, fields[field], t.players)
    counted = ",".join(map(str, row[TERR : TERR + t.players].tolist()))
    if fields["terr"] != counted:
        raise _fail("terr", fields["terr"], f"{counted}, the collapsed cells of each seat in C")


def _read_lps(t: Tables, row: Row, text: str) -> None:
    if row[PHASE] == GAME_OVER:
        if text != "-":
            raise _fail("lps", text, "- when the game is over")
        return
    parts = text.split(":")
    if len(parts) != 4 or len(parts[1]) != t.players or any(c not in "-01" for c in parts[1]):
        raise _fail("lps", text, f"FIRST:MASK:HOLDER:ROUNDS with {t.players} of -, 0, 1 as MASK")
    row[LPS_FIRST] = _number("lps", parts[0], 0, t.players) - 1
    row[LPS_HOLDER] = _number("lps", parts[2], 0, t.players) - 1
    row[LPS_ROUNDS] = _number("lps", parts[3], 0, 9999)
    row[LPS_MASK : LPS_MASK + t.players] = ["-01".index(c) - 1 for c in parts[1]]


def _read_turn(t: Tables, row: Row, fields: dict[str, str]) -> None:
    over = row[PHASE] == GAME_OVER
    row[SEAT] = _number("p", fields["p"], 0 if over else 1, 0 if over else t.players) - 1
    row[REC] = _number("rec", fields["rec"], 0, 0 if over else 1)
    row[ACT] = _number("act", fields["act"], 0, 0 if over else 1)
    row[SWAP] = _number("swap", fields["swap"], 0, 0 if over or t.players != 2 else 1)
    if over:
        row[WINNER] = _number("win", fields["win"], 1, t.players) - 1
    elif fields["win"] != "-":
        raise _fail("win", fields["win"], "- while the game runs")


def _read_must(t: Tables, row: Row, text: str) -> None:
    phase = row[PHASE]
    if text == "-":
        if phase in (CAPTURE, CHAIN_CAPTURE):
            raise _fail("must", text, f"the capturing stack's cell in {PHASE_NAMES[phase]}")
        return
    cell = cell_numbers(board_of(t)).get(text)
    if phase not in (MOVEMENT, CAPTURE, CHAIN_CAPTURE):
        raise _fail("must", text, f"- in {PHASE_NAMES[phase]}")
    if cell is None or row[CELLS + cell] != STACK + row[SEAT]:
        raise _fail("must", text, "the cell of a stack that the seat to act controls")
    row[MUST] = cell


def _read_pend(row: Row, text: str) -> None:
    pend = _choice("pend", text, PEND_NAMES)
    wanted = LINE_PROCESSING if pend == PEND_LINE else TERRITORY_PROCESSING
    if pend != PEND_NONE and row[PHASE] != wanted:
        raise _fail("pend", text, f"- in {PHASE_NAMES[row[PHASE]]}")
    row[PEND] = pend


def parse_state(
    text: str,
    *,
    rings_per_player: int | None = None,
    victory_threshold: int | None = None,
    lps_rounds: int = 3,
) -> tuple[Tables, Row]:
    """Tables and row of a state text; raises EngineError naming the field that is wrong.

    The text does not say how many turns have passed: the turn counter starts at 1. The number of
    rings a seat has is not checked against the rules, since contract vectors break it; tables of
    such a position have a pool of their own size.
    """
    fields = _split_fields(text)
    if fields["board"] not in BOARDS:
        raise _fail("board", fields["board"], "one of " + ", ".join(BOARDS))
    config = Config(fields["board"], _number("n", fields["n"], 1, 4))
    t = tables_for(
        config,
        rings_per_player=rings_per_player,
        victory_threshold=victory_threshold,
        lps_rounds=lps_rounds,
        rings_in_play=_rings_in_play(config, fields),
    )
    row = empty_row(t)
    row[PHASE] = _choice("ph", fields["ph"], PHASE_NAMES)
    _read_cells(t, row, fields)
    _read_seats(t, row, fields)
    _read_turn(t, row, fields)
    _read_must(t, row, fields["must"])
    _read_pend(row, fields["pend"])
    _read_lps(t, row, fields["lps"])
    scratch = new_scratch(t)
    if row[PHASE] != GAME_OVER and legal_moves(t, row, scratch.moves, scratch) == 0:
        raise _fail("ph", fields["ph"], "a phase in which the seat to act has a legal choice")
    return t, row
