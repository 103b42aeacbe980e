"""A position as a picture is drawn from it, read from its state text (FORMAT 1.3)."""

from dataclasses import dataclass

from ringrift.engine.config import BOARDS, Board
from ringrift.engine.rules import Tables
from ringrift.engine.text import cell_names


def _owners(text: str) -> dict[str, str]:
    pairs = (item.split(":") for item in text.split(";") if item)
    return {pair[0]: pair[1] for pair in pairs}


@dataclass(frozen=True, slots=True)
class Position:
    """Cells by name; rings of a stack from the bottom to the top, a digit each."""

    board: Board
    phase: str
    seat: int  # 0 when the game is over
    hand: tuple[str, ...]
    eliminated: tuple[str, ...]
    territory: tuple[str, ...]
    stacks: dict[str, str]
    markers: dict[str, str]
    collapsed: dict[str, str]
    must: str
    pending: str
    winner: str

    @staticmethod
    def read(state: str) -> "Position":
        """The position that a valid state text tells."""
        _, board, _, *fields = state.split("|")
        value = dict(field.split("=", 1) for field in fields)
        return Position(
            BOARDS[board],
            value["ph"],
            int(value["p"]),
            tuple(value["hand"].split(",")),
            tuple(value["elim"].split(",")),
            tuple(value["terr"].split(",")),
            _owners(value["S"]),
            _owners(value["M"]),
            _owners(value["C"]),
            value["must"],
            value["pend"],
            value["win"],
        )

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """The x and y of each cell."""
        names = ((name, name.split(",")) for name in cell_names(self.board.name))
        return {name: (int(words[0]), int(words[1])) for name, words in names}

    def told(self, cell: str) -> str:
        """What lies on a cell, in words."""
        if rings := self.stacks.get(cell):
            words = f"stack of seat {rings[-1]}, height {len(rings)}, cap {cap(rings)}"
            return f"{words}, rings from the bottom {rings}"
        if owner := self.markers.get(cell):
            return f"marker of seat {owner}"
        if owner := self.collapsed.get(cell):
            return f"territory of seat {owner}"
        return "empty"


def cap(rings: str) -> int:
    """The run of the owner's rings at the top of a stack."""
    return len(rings) - len(rings.rstrip(rings[-1]))


def wins(t: Tables) -> str:
    """What wins, in words."""
    return f"{t.threshold} rings eliminated or {t.territory} cells of territory win"
