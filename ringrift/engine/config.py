"""Boards and seats as plain facts: no numpy, no numba, so that the node process may import it.

Numbers are those of the rules: cells, rings per player, required line length, board adjacency.
"""

from dataclasses import dataclass

from ringrift.engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Board:
    """Facts of one board.

    `radius` is 0 on square boards; `side` is the edge of the square grid that holds the board
    (a hex board of radius r lies on a masked grid of side 2r + 1).
    """

    name: str
    side: int
    radius: int
    cells: int
    rings: int
    line_two_seats: int
    line_more_seats: int

    @property
    def is_hex(self) -> bool:
        return self.radius > 0

    def line_length(self, players: int) -> int:
        """Markers in a row that make a line; the shorter length starts with three seats."""
        return self.line_more_seats if players >= 3 else self.line_two_seats


BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        Board("square8", 8, 0, 64, 18, 4, 3),
        Board("square19", 19, 0, 361, 72, 4, 4),
        Board("hex8", 9, 4, 61, 18, 4, 3),
        Board("hexagonal", 25, 12, 469, 96, 4, 4),
    )
}

MAX_PLAYERS = 4


@dataclass(frozen=True, slots=True)
class Config:
    """One board with a number of seats, e.g. hex8 with 2.

    One seat is accepted (test vectors use it) but is not among CONFIGS. Raises EngineError on an
    unknown board or a seat count outside 1..4.
    """

    board: str
    players: int

    def __post_init__(self) -> None:
        if self.board not in BOARDS:
            raise EngineError(f"board {self.board!r} is unknown; use one of {', '.join(BOARDS)}.")
        if not 1 <= self.players <= MAX_PLAYERS:
            raise EngineError(f"players is {self.players}; it must be 2, 3 or 4.")

    @property
    def name(self) -> str:
        return f"{self.board}_{self.players}p"

    @property
    def facts(self) -> Board:
        return BOARDS[self.board]

    @staticmethod
    def parse(text: str) -> "Config":
        """The config of that name among CONFIGS, e.g. "hex8_2p"; raises EngineError otherwise."""
        found = _BY_NAME.get(text)
        if found is None:
            raise EngineError(f"config {text!r} is unknown; use one of {', '.join(_BY_NAME)}.")
        return found


CONFIGS: tuple[Config, ...] = tuple(
    Config(board, players) for board in BOARDS for players in (2, 3, 4)
)

_BY_NAME: dict[str, Config] = {config.name: config for config in CONFIGS}
