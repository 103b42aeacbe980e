"""The screen of a session, and the keys that work it; knows no terminal."""

from collections.abc import Callable

from ringrift.engine.text import board_of
from ringrift.play.board import Marks, draw
from ringrift.play.choices import after, ask, brief, cells_of, cells_open, picks
from ringrift.play.ink import BOLD, DIM, PLAIN, REVERSE, Line, fit, length, seat_ink
from ringrift.play.panel import account, paragraph
from ringrift.play.position import Position
from ringrift.play.session import HELP, KEYS_HELP, Session, turns_told

PANEL = 34  # columns of the panel, at least
SMALLEST = (60, 16)
_BETWEEN_TURNS = 0.7
_BETWEEN_STEPS = 0.35
_NOTHING: frozenset[str] = frozenset()
_MOST_MARKED = 4  # cells of a step that are pointed at afterwards; a territory shows by itself
_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_KEYS = "arrows space Enter · Tab list · ? help · h hint · u undo · r resign · s FILE · q"
_WATCH_KEYS = "space next turn · a go on alone · u back · s FILE save · ? help · q quit"


class View:
    """Cursor, picked cells, list and input line over a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.cursor = ""
        self.picked: list[str] = []
        self.listing = False
        self.at = 0  # of the list
        self.input = ""
        self.message = ""
        self.helping = False
        self.paused = session.watched
        self.alone = False  # watched turns follow each other
        self._seen: tuple[int, bool] = (-1, False)
        self._page = 10
        self._sync()

    @property
    def wait(self) -> float | None:
        """How long to wait for a key before `tick`; None: as long as it takes."""
        waiting = self.session.waiting
        busy = self.helping or self.input or self.session.asking_for_file
        if busy or waiting in ("person", "over"):
            return None
        if self.session.watched and self.paused:
            return _BETWEEN_TURNS if self.alone else None
        return 0.0 if waiting == "forced" or self.session.watched else _BETWEEN_STEPS

    def tick(self) -> None:
        """Nobody pressed a key for that long: the game goes on."""
        turn = self.session.game.turn
        self.session.step()
        self.paused = self.session.game.turn != turn
        self._sync()

    def _sync(self) -> None:
        """Begin every new decision with nothing picked and the cursor on something to pick."""
        now = (len(self.session.played), self.session.resigned is not None)
        if now == self._seen:
            return
        self._seen = now
        self.picked, self.listing, self.at = [], False, 0
        if self.session.waiting != "person":
            return
        legal = self.session.legal
        can = cells_open(legal, [])
        if len(can) == 1 and all(picks(text) for text in legal):
            self.picked = list(can)
            can = cells_open(legal, self.picked)
        self._attend(can)

    def _attend(self, can: frozenset[str]) -> None:
        """Put the cursor on the nearest of these cells; with none of them, go to the list."""
        places = Position.read(self.session.game.state).places
        x, y = places.get(self.cursor, next(iter(places.values())) if can else (0, 0))
        if not self.cursor and can:
            x = y = sum(x for x, _ in places.values()) // len(places)
        self.listing = not can
        if can and self.cursor not in can:
            self.cursor = min(
                sorted(can), key=lambda c: (places[c][0] - x) ** 2 + (places[c][1] - y) ** 2
            )

    def key(self, name: str) -> None:
        """One key: a character, or the name of another key."""
        session = self.session
        if self.helping:
            self.helping = False
        elif name == "ctrl-c":
            self._command("" if session.asking_for_file else "q")
        elif session.asking_for_file or self.input:
            self._edit(name)
        elif name in ("?", "h", "u", "q"):
            self._command(name)
        elif session.watched and name in (" ", "enter", "a"):
            self.alone = name == "a" and not self.alone
            self.paused = False
        elif len(name) == 1 and name != " ":
            self.input = name
        elif session.waiting == "person":
            self._choose(name)
        self._sync()

    def _edit(self, name: str) -> None:
        if name == "enter":
            line, self.input = self.input, ""
            self._command(line)
        elif name == "esc":
            self.input, self.session.asking_for_file = "", False
        elif name == "backspace":
            self.input = self.input[:-1]
        elif name == "ctrl-u":
            self.input = ""
        elif len(name) == 1:
            self.input += name

    def _command(self, line: str) -> None:
        self.helping = line == "?"
        narrowed = self.session.narrowed
        replies = self.session.command(line)
        self.message = replies[0] if replies and not self.helping else ""
        steps = picks(self.session.hinted)[len(self.picked) :] if line == "h" else ()
        if steps:
            self.cursor, self.listing = min(steps[0]), False
        if self.session.narrowed is not narrowed:
            self.picked, self.at = [], 0

    def _choose(self, name: str) -> None:
        move: dict[str, Callable[[], None]] = {
            "enter": self._enter,
            " ": self._jump,
            "esc": self._take_back,
            "tab": lambda: setattr(self, "listing", not self.listing),
            "pgup": lambda: self._scroll(-self._page),
            "pgdn": lambda: self._scroll(self._page),
        }
        if name in move:
            self.message = ""
            move[name]()
        elif name in _STEPS and self.listing:
            self._scroll(sum(_STEPS[name]))
        elif name in _STEPS:
            self._walk(*_STEPS[name])

    def _scroll(self, by: int) -> None:
        self.at = max(0, min(self.at + by, len(self.session.listed) - 1))

    def _walk(self, dx: int, dy: int) -> None:
        p = Position.read(self.session.game.state)
        names = {place: cell for cell, place in p.places.items()}
        x, y = p.places[self.cursor]
        ways = [(x + dx, y + dy)]
        if p.board.is_hex and dy:
            # Up and down zigzag, so that the cursor keeps its column.
            ways.insert((y % 2 == 0) == (dy > 0), (x - dy, y + dy))
        self.cursor = next((names[way] for way in ways if way in names), self.cursor)

    def _jump(self) -> None:
        """To the next cell that can be picked."""
        cells = sorted(
            cells_open(self.session.listed, self.picked),
            key=list(Position.read(self.session.game.state).places).index,
        )
        if cells:
            self.listing = False
            here = cells.index(self.cursor) if self.cursor in cells else -1
            self.cursor = cells[(here + 1) % len(cells)]

    def _take_back(self) -> None:
        self.picked = self.picked[:-1]
        self.session.narrowed = after(self.session.legal, self.picked) if self.picked else []
        self._attend(cells_open(self.session.listed, self.picked))

    def _enter(self) -> None:
        session = self.session
        if self.listing:
            session.take([session.listed[self.at]])
            return
        picked = [*self.picked, self.cursor]
        found = after(session.listed, picked)
        if not found and self.picked:  # another stack instead of the one picked before
            picked = [*self.picked[:-1], self.cursor]
            found = after(session.legal, picked)
        if not found:
            self.message = f"{self.cursor} cannot be picked here"
            return
        session.take(found)
        if session.narrowed:
            self.picked, self.at = picked, 0
            self._attend(cells_open(found, picked))

    def frame(self, columns: int, rows: int) -> list[Line]:
        """The whole screen, every line as wide as asked."""
        if columns < SMALLEST[0] or rows < SMALLEST[1]:
            words = f"{columns}x{rows} is too small; {SMALLEST[0]}x{SMALLEST[1]} is needed"
            return [fit([(words, PLAIN)], columns)]
        p = Position.read(self.session.game.state)
        if self.helping:
            body = [
                line
                for text in (*HELP, "", *KEYS_HELP)
                for line in paragraph(text, columns) or [[]]
            ]
        else:
            board = draw(p, self._marks(), columns - PANEL - 1, rows - 4, centre=self._centre())
            left = max(length(line) for line in board)
            panel = self._panel(p, columns - left - 1, rows - 4)
            board += [[]] * (len(panel) - len(board))
            panel += [[]] * (len(board) - len(panel))
            body = [
                [*fit(drawn, left + 1), *said] for drawn, said in zip(board, panel, strict=True)
            ]
        body += [[]] * (rows - 4 - len(body))
        lines = [[(self._title(p), REVERSE)], *body[: rows - 4], [], *self._foot()]
        return [fit(line, columns) for line in lines]

    def _title(self, p: Position) -> str:
        game = self.session.game
        phase = p.phase.replace("_", " ")
        config = f"{board_of(game.tables)}_{game.tables.players}p"
        return f" {config} · turn {game.turn} · {self.session.verdict or phase}".ljust(500)

    def _foot(self) -> list[Line]:
        session = self.session
        said = self.message or session.verdict
        if self.input or session.asking_for_file:
            return [[(said, BOLD)], [("> ", BOLD), (self.input, PLAIN), (" ", REVERSE)]]
        keys = _WATCH_KEYS if session.watched else _KEYS
        over = "u take back · s FILE save · ? help · q quit"
        return [[(said, BOLD)], [(over if session.waiting == "over" else keys, DIM)]]

    def _centre(self) -> str:
        """The cell that a small screen must show."""
        if self.session.waiting == "person" and not self.listing:
            return self.cursor
        pointed = self._pointed()
        return min(pointed) if pointed else self.cursor

    def _pointed(self) -> frozenset[str]:
        """The cells of the choice in question, or else of the last step."""
        if self.session.waiting == "person":
            if self.listing:
                return cells_of(self.session.listed[self.at])
            return frozenset(self.picked) or cells_of(self.session.hinted)
        steps = (cells_of(played.text) for played in reversed(self.session.played))
        return next((cells for cells in steps if cells), _NOTHING)

    def _marks(self) -> Marks:
        session = self.session
        person = session.waiting == "person"
        since = session.game.turn - session.game.tables.players + 1
        recent = [cells_of(played.text) for played in session.played if played.turn >= since]
        return Marks(
            cursor=self.cursor if person and not self.listing else "",
            picked=self._pointed() if person else _NOTHING,
            last=_NOTHING.union(*(cells for cells in recent if len(cells) <= _MOST_MARKED)),
            open=cells_open(session.listed, self.picked) if person else _NOTHING,
        )

    def _asked(self, p: Position) -> str:
        session = self.session
        if session.waiting == "over":
            return session.verdict
        if session.waiting != "person":
            return f"Seat {p.seat} ({session.player(p.seat)}) is to act"
        if self.listing and session.narrowed:
            return "Which of these?"
        if self.picked:
            return f"From {self.picked[0]}: where to?"
        return ask(p.phase, p.pending, session.legal)

    def _panel(self, p: Position, columns: int, rows: int) -> list[Line]:
        session = self.session
        lines = [*account(p, session.game.tables, session.players, columns), []]
        lines += paragraph(self._asked(p), columns, BOLD)
        if session.waiting == "person":
            lines += paragraph(f"{self.cursor}: {p.told(self.cursor)}", columns, DIM)
            lines += [[], *self._list(columns, (rows - len(lines) - 2) * 2 // 3)]
        log: list[Line] = []
        for seat, text in turns_told(session.played[-rows:]):
            log += paragraph(text, columns, seat_ink(seat))
        room = rows - len(lines) - 1
        return [*lines, [], *(log[-room:] if room > 0 else [])]

    def _list(self, columns: int, rows: int) -> list[Line]:
        texts = self.session.listed
        self._page = max(1, rows - 1)
        first = self.at // self._page * self._page
        shown = texts[first : first + self._page]
        told = f"choices {first + 1}-{first + len(shown)} of {len(texts)}"
        lines: list[Line] = [[(told, DIM)]]
        for at, text in enumerate(shown, first):
            here = REVERSE if self.listing and at == self.at else PLAIN
            lines.append([(f"{at + 1:>4} {brief(text)}"[:columns], here)])
        return lines
