"""Move texts: canonical out, exact in (FORMAT 1.2)."""

from itertools import pairwise

from ringrift.engine.errors import EngineError, shown
from ringrift.engine.kernels import (
    Scratch,
    fill_region,
    legal_moves,
    new_scratch,
)
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
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    GAME_OVER,
    PEND_NAMES,
    PHASE,
    PHASE_NAMES,
    SEAT,
    Row,
)
from ringrift.engine.text.cells import board_of, cell_names, cell_numbers

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


def _word_fits(t: Tables, pattern: str, word: str) -> bool:
    numbers = cell_numbers(board_of(t))
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
        raise EngineError(f"move {shown(word)} is unknown; use one of {', '.join(_GRAMMAR)}.")
    fitting = forms
    for at, given in enumerate(rest):
        wanted = sorted({form[at] for form in fitting if at < len(form)})
        fitting = tuple(f for f in fitting if at < len(f) and _word_fits(t, f[at], given))
        if not fitting:
            want = " or ".join(_WANTED.get(w, w.replace("|", " or ")) for w in wanted)
            want = want.format(board=board_of(t)) or "absent"
            raise EngineError(f"move {word}: field {at + 1} is {shown(given)}; it must be {want}.")
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
        return EngineError(f"move {shown(text, 200)} is not legal; the game is over.")
    return EngineError(
        f"move {shown(text, 200)} is not legal for seat {s[SEAT] + 1} in {PHASE_NAMES[s[PHASE]]}; "
        f"choose one of the legal moves."
    )
