"""One game with its seats, and everything that a typed line can ask for."""

import json
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from typing import Literal

from ringrift.engine.errors import shown
from ringrift.play.choices import brief, fitting
from ringrift.play.seats import PERSON, choose
from ringrift.play.trace import Start, record

Waiting = Literal["person", "computer", "forced", "over"]

LISTED = 20
_DIGITS = 6
_HINT_SALT, _STEP_SALT = 1 << 40, 1 << 20  # apart, so that a hint costs no player its luck

HELP = (
    "Type a move or any part of it: 3,4 5,6 or place 3,4 or skip; or the number of a choice.",
    "l [PAGE] lists the choices, b draws the board, h gives a hint, u takes back the last",
    "decision of a person, r resigns, s FILE saves, q leaves, ? shows this.",
)
KEYS_HELP = (
    "On the board: arrows move, space jumps to the next cell that can be picked,",
    "Enter picks: first from where, then to where, then what remains. Esc goes back.",
    "Tab goes to the list of choices: arrows, PgUp, PgDn, Enter.",
    "●4/2 stack: owner, height, cap, which is left out when all rings are the owner's",
    "• marker   ▒1▒ territory of seat 1   + and underlined: can be picked",
    "[ ] cursor   { } picked   ( ) must move   ‹ › cells of the last moves",
)


@dataclass(frozen=True, slots=True)
class Played:
    """One step of the game: who made it, in which turn, and whether there was a choice."""

    text: str
    seat: int
    turn: int
    by: Waiting


class Session:
    """A game, who sits where, and what a person has asked for so far."""

    def __init__(
        self, start: Start, moves: tuple[str, ...], seats: tuple[str, ...], seed: int
    ) -> None:
        self.start, self.seats, self.seed = start, seats, seed
        self.game = start.game()
        self.played: list[Played] = []
        self.resigned: int | None = None
        self.left = False
        self.asking_for_file = False
        self.narrowed: list[str] = []  # choices that the last line meant, when several
        self.hinted = ""
        for move in moves:
            self._play(move)
        self._kept = self._record_key()
        self.own_files: set[Path] = set()

    @property
    def legal(self) -> list[str]:
        """The choices of the seat to act; none when nobody is."""
        return [] if self.resigned else self.game.legal()

    @property
    def listed(self) -> list[str]:
        """The choices that numbers mean."""
        return self.narrowed or self.legal

    @property
    def watched(self) -> bool:
        """Whether no person plays."""
        return PERSON not in self.seats

    def player(self, seat: int) -> str:
        """Who plays a seat; the pie rule changes places."""
        swapped = any(played.text == "swap_sides" for played in self.played)
        return self.seats[2 - seat if swapped else seat - 1]

    @property
    def players(self) -> tuple[str, ...]:
        """Who plays each seat."""
        return tuple(self.player(seat + 1) for seat in range(len(self.seats)))

    @property
    def waiting(self) -> Waiting:
        """Whose turn it is to do something."""
        if not self.legal:
            return "over"
        if len(self.legal) == 1:
            return "forced"
        return "person" if self.player(self.game.seat) == PERSON else "computer"

    @property
    def verdict(self) -> str:
        """How the game ended; empty while it runs."""
        if self.resigned:
            return f"Seat {self.resigned} ({self.player(self.resigned)}) resigned"
        result = self.game.result
        if result is None:
            return ""
        reason = f" by {result.reason.replace('_', ' ')}" if result.reason else ""
        ranks = f"; ranks {' '.join(map(str, result.ranking))}" if result.ranking else ""
        return f"Seat {result.winner} ({self.player(result.winner)}) won{reason}{ranks}"

    def _play(self, text: str) -> None:
        seat, turn, by = self.game.seat, self.game.turn, self.waiting
        self.game.play(text)
        self.played.append(Played(text, seat, turn, by))
        self.narrowed, self.hinted = [], ""

    def step(self) -> Played:
        """Play what nobody has to be asked about: the only choice, or a computer's."""
        text = self.legal[0]
        if len(self.legal) > 1:
            text = self._chosen_by(self.player(self.game.seat), _STEP_SALT)
        self._play(text)
        return self.played[-1]

    def _chosen_by(self, name: str, salt: int) -> str:
        return choose(name, self.game, self.seed * 1_000_003 + len(self.played) + salt)

    def _record_key(self) -> tuple[int, str, int | None]:
        return len(self.played), self.game.state, self.resigned

    @property
    def saved(self) -> bool:
        """Whether nothing would be lost by leaving."""
        return not self.played or self._kept == self._record_key()

    def command(self, line: str) -> list[str]:
        """Do what a typed line asks for, and say so."""
        line = line.strip()
        if self.asking_for_file:
            return self._leave(line)
        word, _, rest = line.partition(" ")
        if word == "s":
            return [self._save(rest.strip()) if rest.strip() else "s needs the name of a file"]
        if word == "l" and (not rest or rest.isdecimal()):
            return self.page(int(rest or 1))
        asked = {"?": self._help, "h": self._hint, "u": self._undo, "r": self._resign}
        asked["q"] = self._quit
        return asked[line]() if line in asked else self._choose(line)

    def page(self, number: int) -> list[str]:
        """Some of the listed choices, with their numbers."""
        texts = self.listed
        first = (number - 1) * LISTED
        lines = [f"{at + 1:>4} {texts[at]}" for at in range(first, len(texts))[:LISTED]]
        pages = -(-len(texts) // LISTED)
        return [*lines, f"page {number} of {pages}"] if pages > 1 else lines or ["no choices"]

    def _help(self) -> list[str]:
        return list(HELP)

    def _hint(self) -> list[str]:
        if self.waiting != "person":
            return ["there is nothing to choose now"]
        self.hinted = self.hinted or self._chosen_by("heuristic", _HINT_SALT)
        return [f"hint: {self.hinted}"]

    def _undo(self) -> list[str]:
        if self.resigned:
            self.resigned = None
            return ["the resignation is taken back"]
        wanted: Waiting = "computer" if self.watched else "person"
        at = max((i for i, played in enumerate(self.played) if played.by == wanted), default=-1)
        if at < 0:
            return ["there is no decision to take back"]
        taken = self.played[at].text
        while len(self.played) > at:
            self.played.pop()
            self.game.undo()
        self.narrowed, self.hinted = [], ""
        return [f"taken back: {taken}"]

    def _resign(self) -> list[str]:
        if self.waiting != "person":
            return ["there is nobody to resign now"]
        self.resigned = self.game.seat
        self.narrowed = []
        return [self.verdict]

    def _quit(self) -> list[str]:
        if self.saved:
            self.left = True
            return []
        self.asking_for_file = True
        return ["Save first? Type the name of a file, or nothing to leave without."]

    def _leave(self, name: str) -> list[str]:
        self.asking_for_file = False
        reply = self._save(name) if name else "left without saving"
        self.left = not name or self.saved
        return [reply]

    def _save(self, name: str) -> str:
        moves = [played.text for played in self.played]
        seats, seed, resigned = self.seats, self.seed, self.resigned
        found = record(self.start, moves, seats=seats, seed=seed, resigned=resigned)
        try:
            path = Path(name).expanduser()
            # A slip of the finger must not cost a file that is not ours.
            if path.exists() and path.resolve() not in self.own_files:
                return f"not saved: {path} is there already; give another name"
            part = path.with_name(path.name + ".part")
            part.write_text(json.dumps(found, separators=(",", ":")) + "\n")
            part.replace(path)
        except (OSError, ValueError, RuntimeError) as error:
            return f"not saved: {getattr(error, 'strerror', None) or error}"
        self.own_files.add(path.resolve())
        self._kept = self._record_key()
        return f"saved to {path}"

    def _choose(self, line: str) -> list[str]:
        if self.waiting != "person":
            return [self.verdict or "wait for the others"]
        if not line:
            self.narrowed = []
            return []
        if line.isdecimal() and len(line) <= _DIGITS:
            chosen = self.listed[int(line) - 1 : int(line)] if int(line) else []
            return (
                self.take(chosen)
                if chosen
                else [f"there are {len(self.listed)} choices, from 1 on"]
            )
        if line in self._just_forced():
            return []
        return self.take(fitting(self.narrowed, line) or fitting(self.legal, line), line)

    def _just_forced(self) -> list[str]:
        """What played itself since the last decision: a script of all moves names it too."""
        steps = takewhile(lambda played: played.by == "forced", reversed(self.played))
        return [played.text for played in steps]

    def take(self, found: list[str], line: str = "") -> list[str]:
        """Play the one choice found, or list the several."""
        if len(found) == 1:
            self._play(found[0])
            return []
        if not found:
            return [f"no choice is {shown(line)}; ? helps"]
        self.narrowed = found
        return [f"{len(found)} choices are meant:", *self.page(1)]


def told(played: Played) -> str:
    """A step in words, for the plain mode."""
    why = " (the only choice)" if played.by == "forced" else ""
    return f"seat {played.seat}: {played.text}{why}"


def turns_told(played: list[Played]) -> list[tuple[int, str]]:
    """The seat and the words of every turn; what was forced stands in brackets."""
    turns: list[tuple[int, str]] = []
    for (turn, seat), steps in groupby(played, key=lambda step: (step.turn, step.seat)):
        words: list[str] = []
        for forced, same in groupby(steps, key=lambda step: step.by == "forced"):
            brought = ", ".join(brief(step.text) for step in same)
            words.append(f"({brought})" if forced else brought)
        turns.append((seat, f"{turn}. {', '.join(words)}"))
    return turns
