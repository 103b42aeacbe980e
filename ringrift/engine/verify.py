"""Proof against recorded games: replay every step and compare all that FORMAT calls binding."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np

from ringrift.engine.errors import EngineError
from ringrift.engine.kernels import Scratch, apply_move, new_scratch, ranking
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    GAME_OVER,
    PHASE,
    PHASE_NAMES,
    REASON,
    REASON_NAMES,
    SEAT,
    WINNER,
    Row,
)
from ringrift.engine.text import format_state, legal_texts, parse_state

EXAMPLES_KEPT = 20

Record = dict[str, Any]
Progress = Callable[["Report"], None]


@dataclass
class Report:
    """What a file held and how far the engine differs from it."""

    path: str
    games: int = 0
    steps: int = 0
    choices: int = 0  # legal choices enumerated over all steps
    vectors_held: int = 0  # applied, with the recorded outcome
    vectors_refused: int = 0  # recorded as illegal, and refused
    vectors_skipped: int = 0  # recorded as unusable
    differences: int = 0
    examples: list[str] = field(default_factory=list[str])

    def differ(self, where: str, what: str, got: object, want: object) -> None:
        """Count one difference, and keep the first few in words."""
        self.differences += 1
        if len(self.examples) < EXAMPLES_KEPT:
            self.examples.append(f"{where}: {what} is {got}, recorded {want}")

    def expect(self, where: str, what: str, got: object, want: object) -> bool:
        """Compare one fact; whether it holds."""
        if got != want:
            self.differ(where, what, got, want)
        return got == want


def short_hash(text: str) -> str:
    """First 16 hex digits of SHA-256 over the UTF-8 bytes (FORMAT 1.4)."""
    return sha256(text.encode()).hexdigest()[:16]


def legal_hash(texts: list[str]) -> str:
    """Hash of a legal set, from its sorted texts."""
    return short_hash("\n".join(texts))


def _check_step(report: Report, where: str, t: Tables, s: Row, step: Record, w: Scratch) -> bool:
    """Compare one step and play it; False when the game cannot go on."""
    legal = legal_texts(t, s, w)
    texts = sorted(legal)
    report.choices += len(texts)
    report.expect(where, "seat", int(s[SEAT]) + 1, step["p"])
    report.expect(where, "phase", PHASE_NAMES[int(s[PHASE])], step["ph"])
    report.expect(where, "number of legal choices", len(texts), step["n"])
    report.expect(where, "hash of legal choices", legal_hash(texts), step["lh"])
    if "legal" in step:
        report.expect(where, "legal choices", texts, step["legal"])
    code = legal.get(step["m"])
    if code is None:
        report.differ(where, f"move {step['m']!r}", "refused", "played")
        return False
    apply_move(t, s, code, w)
    state = format_state(t, s)
    report.expect(where, "state hash", short_hash(state), step["sh"])
    if "state" in step:
        report.expect(where, "state", state, step["state"])
    return True


def _check_game(report: Report, game: Record) -> None:
    """Replay one game; its result is null when it was left before its end."""
    rules = game["rules"]
    t, s = parse_state(
        game["init"], rings_per_player=rules["ringsPerPlayer"], lps_rounds=rules["lpsRounds"]
    )
    name = str(game["id"])
    report.expect(name, "start state", format_state(t, s), game["init"])
    report.expect(name, "line length", t.line, rules["lineLength"])
    report.expect(name, "victory threshold", t.threshold, rules["victoryThreshold"])
    report.expect(name, "territory minimum", t.territory, rules["territoryMinimum"])
    report.games += 1
    w = new_scratch(t)
    for i, step in enumerate(game["steps"]):
        report.steps += 1
        if not _check_step(report, f"{name} step {i}", t, s, step, w):
            return
    result = game["result"]
    report.expect(name, "whether it is over", int(s[PHASE]) == GAME_OVER, result is not None)
    if result is None or s[PHASE] != GAME_OVER:
        return
    ranks = np.zeros(t.players, dtype=np.int64)
    ranking(t, s, ranks)
    report.expect(name, "winner", int(s[WINNER]) + 1, result["winner"])
    report.expect(name, "reason", REASON_NAMES[int(s[REASON])], result["reason"])
    report.expect(name, "ranking", ranks.tolist(), result["ranking"])


def _play_vector(report: Report, vector: Record, t: Tables, s: Row, legal: dict[str, int]) -> None:
    name, move = str(vector["id"]), vector["move"]
    if move is None:
        report.vectors_held += 1
        return
    if move not in legal:
        report.differ(name, f"move {move!r}", "refused", "played")
        return
    w = new_scratch(t)
    apply_move(t, s, legal[move], w)
    held = report.expect(name, "state after", format_state(t, s), vector["after"])
    for forced in vector.get("thenBookkeeping") or ():
        choices = legal_texts(t, s, w)
        if not report.expect(name, "forced step", list(choices), [forced]):
            return
        apply_move(t, s, choices[forced], w)
    if vector.get("afterBookkeeping") is not None:
        want = vector["afterBookkeeping"]
        held = report.expect(name, "state after bookkeeping", format_state(t, s), want) and held
    report.vectors_held += held


def _check_vector(report: Report, vector: Record) -> None:
    name, status = str(vector["id"]), vector["status"]
    if status == "unusable":
        report.vectors_skipped += 1
        return
    t, s = parse_state(vector["before"], victory_threshold=vector.get("victoryThreshold"))
    legal = legal_texts(t, s, new_scratch(t))
    report.expect(name, "legal choices", sorted(legal), vector["legal"])
    if status != "illegal":
        _play_vector(report, vector, t, s, legal)
    elif vector["move"] in legal:
        report.differ(name, f"move {vector['move']!r}", "legal", "illegal")
    else:
        report.vectors_refused += 1


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rt") if compressed else path.open("rt") as lines:
        yield from lines


def _check_record(report: Report, record: Record) -> None:
    if "steps" in record:
        _check_game(report, record)
    elif "status" in record:
        _check_vector(report, record)
    else:
        raise KeyError("steps or status")


def _bad_file(path: Path, why: str) -> EngineError:
    return EngineError(f"file {path} {why}; give a JSON-lines file of games or vectors.")


def verify_file(path: Path, progress: Progress) -> Report:
    """Replay every game or vector of a (gzip-compressed) JSON-lines file.

    `progress` is called with the running report after each record. Raises EngineError when the
    file is not such a file.
    """
    report = Report(str(path))
    number = 0
    try:
        for number, line in enumerate(_lines(path), 1):
            record: object = json.loads(line)
            if not isinstance(record, dict):
                raise _bad_file(path, f"holds no object on line {number}")
            _check_record(report, cast(Record, record))
            progress(report)
    except OSError as error:
        raise _bad_file(path, f"cannot be read ({error.strerror or error})") from error
    except (EOFError, UnicodeDecodeError) as error:
        raise _bad_file(path, f"is cut off or not text after line {number}") from error
    except json.JSONDecodeError as error:
        raise _bad_file(path, f"is not JSON on line {number}") from error
    except KeyError as error:
        raise _bad_file(path, f"lacks {error} on line {number}") from error
    if number == 0:
        raise _bad_file(path, "is empty")
    return report
