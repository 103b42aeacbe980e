"""Canonical texts of positions and choices, byte for byte as FORMAT sections 1.1 to 1.3.

Rows and codes go out through `format_*`; texts come in through `parse_*`, which refuse what is
malformed or illegal in one sentence that names the field.
"""

from ringrift.engine.text.cells import board_of, cell_names
from ringrift.engine.text.moves import (
    check_grammar,
    format_move,
    illegal_move,
    legal_texts,
    parse_move,
)
from ringrift.engine.text.states import format_state, parse_state

__all__ = [
    "board_of",
    "cell_names",
    "check_grammar",
    "format_move",
    "format_state",
    "illegal_move",
    "legal_texts",
    "parse_move",
    "parse_state",
]
