"""Canonical texts of positions and choices, byte for byte as FORMAT sections 1.1 to 1.3."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

from ringrift.engine.config import BOARDS, Config
from ringrift.engine.errors import EngineError
from ringrift.engine.kernels import Scratch, fill_region, legal_moves, new_scratch
from ringrift.engine.kernels.stacks import collapse, push_top, set_marker
from ringrift.engine.moves import (
    CAPTURE_FIRST,
    CAPTURE_NEXT,
    FORCED,
    LINE,
    LINE_WHOLE,
    LINE_WINDOW,
    MOVE,
    NO_LINE,
    NO_MOVEMENT,
    NO_PLACEMENT,
    NO_TERRITORY,
    PAY,
    PLACE,
    RECOVER_FALLBACK,
    RECOVER_LINE,
    RECOVER_STRIKE,
    RECOVER_WINDOW,
    REGION,
    SKIP_CAPTURE,
    SKIP_PLACEMENT,
    SKIP_RECOVERY,
    SKIP_TERRITORY,
    SWAP_SIDES,
    field_a,
    field_b,
    field_c,
    field_d,
    kind_of,
)
from ringrift.engine.rules import Tables, board_cells, tables_for
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

_BARE_WORDS = {
    SKIP_PLACEMENT: "skip_placement",
    NO_PLACEMENT: "no_placement_action",
    SWAP_SIDES: "swap_sides",
    SKIP_CAPTURE: "skip_capture",
    NO_MOVEMENT: "no_movement_action",
    SKIP_RECOVERY: "skip_recovery",
    NO_LINE: "no_line_action",
    SKIP_TERRITORY: "skip_territory_processing",
    NO_TERRITORY: "no_territory_action",
}

# Fields after the move word: c a cell, l a cell list, anything else the very words allowed.
_GRAMMAR: dict[str, tuple[tuple[str, ...], ...]] = {
    "place_ring": (("c", "1|2|3"),),
    "move_stack": (("c", "c"),),
    "overtaking_capture": (("c", "c", "c"),),
    "continue_capture_segment": (("c", "c", "c"),),
    "recovery_slide": (
        ("line", "c", "c", "1", "c"),
        ("line", "c", "c", "2", "l"),
        ("fallback|stack_strike", "c", "c", "c"),
    ),
    "process_line": (("l",),),
    "choose_line_option": (("1|2", "l"),),
    "eliminate_rings_from_stack": (("line|territory|recovery", "c"),),
    "choose_territory_option": (("l",),),
    "forced_elimination": (("c",),),
    **dict.fromkeys(_BARE_WORDS.values(), ((),)),
}


@lru_cache
def cell_names(board: str) -> tuple[str, ...]:
    """Names of the cells of a board in cell order."""
    cells = board_cells(Config(board, 2))
    if BOARDS[board].is_hex:
        return tuple(f"{x},{y},{-x - y}" for x, y in cells)
    return tuple(f"{x},{y}" for x, y in cells)


@lru_cache
def _cell_numbers(board: str) -> dict[str, int]:
    return {name: cell for cell, name in enumerate(cell_names(board))}


@lru_cache
def _board_of_size(cells: int) -> str:
    return next(board.name for board in BOARDS.values() if board.cells == cells)


def board_of(t: Tables) -> str:
    """Name of the board of these tables."""
    return _board_of_size(t.cells)


# ---- states out ----


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


# ---- states in ----


def _fail(field: str, got: str, want: str) -> EngineError:
    shown = got if len(got) <= 40 else got[:37] + "..."
    return EngineError(f"state field {field} is {shown!r}; it must be {want}.")


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
    numbers = _cell_numbers(board_of(t))
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


def _read_cells(t: Tables, row: Row, fields: dict[str, str]) -> None:
    stacks = _cell_entries(t, "S", fields["S"])
    if sum(len(owners) for _, owners in stacks) > t.pool:
        raise _fail("S", fields["S"], f"at most {t.pool} rings in all")
    for cell, owners in stacks:
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
        values = fields[field].split(",")
        if len(values) != t.players:
            raise _fail(field, fields[field], f"{t.players} numbers joined with ','")
        row[at : at + t.players] = [_number(field, v, 0, 9999) for v in values]
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
    cell = _cell_numbers(board_of(t)).get(text)
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
    rings a seat has is not checked against the rules (test positions break it), but all of them
    must fit the pool.
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


# ---- moves out ----


def _cell_list(names: tuple[str, ...], cells: list[int]) -> str:
    return ";".join(names[cell] for cell in sorted(cells))


def _run_text(t: Tables, names: tuple[str, ...], first: int, length: int, axis: int) -> str:
    cells = [first]
    while len(cells) < length:
        cells.append(int(t.nbr[cells[-1], t.axis[axis, 0]]))
    return _cell_list(names, cells)


def _format_recovery(t: Tables, names: tuple[str, ...], kind: int, move: int) -> str:
    path = f"{names[field_a(move)]} {names[field_b(move)]}"
    if kind == RECOVER_WINDOW:
        run = _run_text(t, names, field_c(move), t.line, field_d(move) >> 3)
        return f"recovery_slide line {path} 2 {run}"
    stack = names[field_c(move)]
    if kind == RECOVER_LINE:
        return f"recovery_slide line {path} 1 {stack}"
    mode = "fallback" if kind == RECOVER_FALLBACK else "stack_strike"
    return f"recovery_slide {mode} {path} {stack}"


def _format_line(t: Tables, names: tuple[str, ...], kind: int, move: int) -> str:
    run = _run_text(t, names, field_a(move), field_b(move), field_c(move))
    if kind == LINE:
        return f"process_line {run}"
    return f"choose_line_option {1 if kind == LINE_WHOLE else 2} {run}"


def format_move(t: Tables, s: Row, move: int, scratch: Scratch | None = None) -> str:
    """The text of a choice that is legal on `s`; `scratch` saves allocating one for regions."""
    names = cell_names(board_of(t))
    kind = move & 31
    a, b = (move >> 5) & 1023, (move >> 15) & 1023
    if kind == MOVE:
        return f"move_stack {names[a]} {names[b]}"
    if kind == PLACE:
        return f"place_ring {names[a]} {b}"
    if kind in (CAPTURE_FIRST, CAPTURE_NEXT):
        word = "overtaking_capture" if kind == CAPTURE_FIRST else "continue_capture_segment"
        return f"{word} {names[a]} {names[field_c(move)]} {names[b]}"
    if kind in _BARE_WORDS:
        return _BARE_WORDS[kind]
    if RECOVER_LINE <= kind <= RECOVER_STRIKE:
        return _format_recovery(t, names, kind, move)
    if LINE <= kind <= LINE_WINDOW:
        return _format_line(t, names, kind, move)
    if kind == PAY:
        return f"eliminate_rings_from_stack {PEND_NAMES[b]} {names[a]}"
    if kind == REGION:
        work = scratch or new_scratch(t)
        size = fill_region(t, s, move, work)
        return f"choose_territory_option {_cell_list(names, work.queue[:size].tolist())}"
    assert kind == FORCED, f"unknown move kind {kind_of(move)}"
    return f"forced_elimination {names[a]}"


def legal_texts(t: Tables, s: Row, scratch: Scratch) -> dict[str, int]:
    """Every legal choice of a row: text -> code, in the engine's order."""
    n = legal_moves(t, s, scratch.moves, scratch)
    codes: list[int] = scratch.moves[:n].tolist()
    return {format_move(t, s, code, scratch): code for code in codes}


# ---- moves in ----


def _word_fits(t: Tables, pattern: str, word: str) -> bool:
    numbers = _cell_numbers(board_of(t))
    if pattern == "c":
        return word in numbers
    if pattern == "l":
        cells = [numbers.get(name, -1) for name in word.split(";")]
        return cells[0] >= 0 and all(a < b for a, b in pairwise(cells))
    return word in pattern.split("|")


_WANTED = {"c": "a cell of {board}", "l": "cells of {board} in cell order joined with ';'"}


def check_grammar(t: Tables, text: str) -> None:
    """Raise EngineError for the first word of a move text that no move could have there."""
    word, *rest = text.split(" ")
    forms = _GRAMMAR.get(word)
    if forms is None:
        raise EngineError(f"move {word!r} is unknown; use one of {', '.join(_GRAMMAR)}.")
    fitting = forms
    for at, given in enumerate(rest):
        wanted = sorted({form[at] for form in fitting if at < len(form)})
        fitting = tuple(f for f in fitting if at < len(f) and _word_fits(t, f[at], given))
        if not fitting:
            want = " or ".join(_WANTED.get(w, w.replace("|", " or ")) for w in wanted)
            want = want.format(board=board_of(t)) or "absent"
            raise EngineError(f"move {word}: field {at + 1} is {given!r}; it must be {want}.")
    if all(len(form) != len(rest) for form in fitting):
        raise EngineError(
            f"move {word} has {len(rest)} fields after its name; "
            f"it must have {' or '.join(str(len(form)) for form in fitting)}."
        )


def parse_move(t: Tables, s: Row, text: str) -> int:
    """The code of a move text that is legal on `s`.

    Raises EngineError naming the field when the text is malformed, the phase when it is not legal.
    """
    check_grammar(t, text)
    code = legal_texts(t, s, new_scratch(t)).get(text)
    if code is None:
        raise illegal_move(s, text)
    return code


def illegal_move(s: Row, text: str) -> EngineError:
    """The refusal of a well-formed move text that is not among the legal choices."""
    if s[PHASE] == GAME_OVER:
        return EngineError(f"move {text!r} is not legal; the game is over.")
    return EngineError(
        f"move {text!r} is not legal for seat {s[SEAT] + 1} in {PHASE_NAMES[s[PHASE]]}; "
        f"choose one of the legal moves."
    )
