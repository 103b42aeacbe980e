"""A game as one recorded game of FORMAT section 2, and back."""

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ringrift.engine.errors import EngineError
from ringrift.engine.game import Game
from ringrift.engine.text import board_of
from ringrift.engine.verify import legal_hash, short_hash

_STEPS_BETWEEN_STATES = 25
_LONGEST_LINE = 1 << 26


@dataclass(frozen=True, slots=True)
class Start:
    """From where a game is played, and under which numbers."""

    state: str
    kind: str = "initial"
    rings: int | None = None
    lps_rounds: int = 3

    def game(self) -> Game:
        """A game at this start; raises EngineError."""
        return Game.from_text(self.state, rings_per_player=self.rings, lps_rounds=self.lps_rounds)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a file tells of a game; `seats` and `seed` only when this program wrote it."""

    start: Start
    moves: tuple[str, ...]
    seats: str | None
    seed: int | None


def new_start(config: str, swap: bool) -> Start:
    """The normal start; raises EngineError."""
    return Start(Game.new(config, swap=swap).state)


def _steps(start: Start, moves: list[str]) -> tuple[Game, list[dict[str, Any]]]:
    game, steps = start.game(), list[dict[str, Any]]()
    for number, move in enumerate(moves, 1):
        legal = sorted(game.legal())
        step: dict[str, Any] = {"m": move, "p": game.seat, "ph": game.phase, "n": len(legal)}
        game.play(move)
        state = game.state
        step |= {"lh": legal_hash(legal), "sh": short_hash(state)}
        if number == len(moves) or number % _STEPS_BETWEEN_STATES == 0:
            step["state"] = state
        if number == len(moves):
            step["legal"] = legal
        steps.append(step)
    return game, steps


def record(
    start: Start, moves: list[str], *, seats: tuple[str, ...], seed: int, resigned: int | None
) -> dict[str, Any]:
    """The recorded game; its result is null, and `resigned` tells the seat, when it was left."""
    game, steps = _steps(start, moves)
    t, result = game.tables, game.result
    board = board_of(t)
    over = None
    if result is not None:
        over = {"winner": result.winner, "reason": result.reason, "ranking": result.ranking}
    return {
        "id": f"play-{board}-{t.players}p-{seed}",
        "board": board,
        "players": t.players,
        "seed": seed,
        "policy": "play",
        "seats": ",".join(seats),
        "start": start.kind,
        "rules": {
            "variant": "spec",
            "ringsPerPlayer": t.rings,
            "lineLength": t.line,
            "victoryThreshold": t.threshold,
            "territoryMinimum": t.territory,
            "lpsRounds": t.lps_rounds,
            "swap": "|swap=1|" in start.state,
        },
        "init": start.state,
        "result": over,
        "resigned": resigned,
        # A turn that is won by rounds ends before it began.
        "turns": game.turn - (result is None or result.reason == "lps_rounds"),
        "n_steps": len(steps),
        "steps": steps,
    }


def _first_line(path: Path) -> bytes:
    with path.open("rb") as plain:
        compressed = plain.read(2) == b"\x1f\x8b"
    with gzip.open(path) if compressed else path.open("rb") as lines:
        return lines.readline(_LONGEST_LINE)


def load(path: Path) -> Trace:
    """The first game of a (gzip-compressed) JSON-lines file; raises EngineError in one sentence."""
    try:
        found: Any = json.loads(_first_line(path))
        moves = tuple(step["m"] for step in found["steps"])
        rules, seats, seed = found["rules"], found.get("seats"), found.get("seed")
        start = Start(found["init"], found["start"], rules["ringsPerPlayer"], rules["lpsRounds"])
        game = start.game()
        for move in moves:
            game.play(move)
    except OSError as error:
        raise EngineError(f"file {path} cannot be read ({error.strerror or error}).") from error
    except EngineError as error:
        raise EngineError(f"file {path} holds no playable game: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EngineError(f"file {path} holds no recorded game, or only a part of one.") from error
    except (EOFError, zlib.error) as error:
        raise EngineError(f"file {path} is cut off or damaged.") from error
    return Trace(
        start,
        cast(tuple[str, ...], moves),
        seats if isinstance(seats, str) else None,
        seed if isinstance(seed, int) else None,
    )
