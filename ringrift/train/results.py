"""Raw results of matches as JSON lines, and every figure that is stated about them.

A file named `matches.jsonl`, or ending in `.matches.jsonl`, holds one `RawMatch` a line: enough to
compute scores, bounds and ratings from, and to play the match again. The `summary.json` of a folder
states all figures of the raw files in and below it; `summarise` computes them, and `compare` holds
them against the stated ones, so that nobody has to take a figure on trust.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

import msgspec

from ringrift.engine.config import Config
from ringrift.train.blocks import Score, bounds, histogram_of, too_uniform
from ringrift.train.identity import NO_SEARCH, RatedPlayer, search_hash
from ringrift.train.rating import Match, fit_ratings, headline_difference
from ringrift.wire.job import EvaluationDone

SUMMARY = "summary.json"
_RAW = "*matches.jsonl"
_RELATIVE, _ABSOLUTE = 1e-6, 1e-9

Hash64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Setting = int | float | str | bool


class ResultsError(ValueError):
    """A results file that cannot be used: one sentence that names the file and the line."""


class RawMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A match as it was played; fields as in `EvaluationDone`, players as `RatedPlayer.text`.

    `lone` sat alone against copies of `others`. `searches` holds the settings behind each search
    hash of the two players. `judge` is the sha256 of the network that chose the openings.
    """

    lone: str
    others: str
    searches: dict[str, dict[str, Setting]]
    seed: str
    first_opening: int
    judge: str | None
    openings: tuple[Hash64, ...]
    blocks: tuple[int, ...]
    finals: tuple[tuple[Hash64, ...], ...]
    early: bool
    commit: str
    seconds: float
    version: Literal[1] = 1

    def __post_init__(self) -> None:
        lone, others = RatedPlayer.parse(self.lone), RatedPlayer.parse(self.others)
        if lone == others or lone.config != others.config:
            raise ValueError("lone and others must be two players of one config")
        for player in (lone, others):
            settings = self.searches.get(player.search)
            if player.search != NO_SEARCH and (
                settings is None or search_hash(settings) != player.search
            ):
                raise ValueError(f"searches must hold the settings behind {player.search}")
        seats = Config.parse(lone.config).players
        if not len(self.blocks) == len(self.openings) == len(self.finals) > 0:
            raise ValueError("blocks, openings and finals must have one entry an opening")
        if any(len(games) != seats for games in self.finals):
            raise ValueError(f"finals must have {seats} games an opening")
        histogram_of(self.blocks, seats)

    @property
    def config(self) -> str:
        return self.lone.partition("/")[0]

    @property
    def score(self) -> Score:
        distinct_games = len({final for games in self.finals for final in games})
        histogram = histogram_of(self.blocks, len(self.finals[0]))
        return Score(histogram, len(set(self.openings)), distinct_games)


class MatchFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one raw match says. An `invalid` one, with the reason, is in no rating."""

    file: str
    line: int
    lone: str
    others: str
    games: int
    first_places: int
    score: float
    low: float
    high: float
    distinct_openings: int
    distinct_games: int
    invalid: str | None
    early: bool


class RatingFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rating on its config's scale; None where no matches tie the player to the anchor."""

    elo: float | None
    standard_error: float | None
    games: int


class HeadlineFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far `a` is above `b`, by valid matches of fixed length between the two only."""

    a: str
    b: str
    elo: float
    standard_error: float
    low: float
    high: float
    games: int


class Summary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every figure of a folder of raw matches. `anchor` is a baseline, `anchor_elo` by definition
    its rating on every config."""

    anchor: str
    anchor_elo: float
    matches: tuple[MatchFigures, ...]
    ratings: dict[str, dict[str, RatingFigures]]
    headlines: tuple[HeadlineFigures, ...]
    version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure by its path in the summary: as stated, and as the raw matches give it."""

    path: str
    stated: object
    computed: object

    @property
    def equal(self) -> bool:
        """Floats to six digits, all else exactly."""
        a, b = self.stated, self.computed
        if isinstance(a, float) and isinstance(b, float):
            return math.isclose(a, b, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
        return a == b


def raw_match(
    done: EvaluationDone,
    lone: RatedPlayer,
    others: RatedPlayer,
    searches: Mapping[str, Mapping[str, Setting]],
    *,
    seed: str,
    judge: str | None,
    commit: str,
) -> RawMatch:
    """The raw result of a finished job; with `reverse` it is the opponent that sat alone."""
    return RawMatch(
        lone=lone.text,
        others=others.text,
        searches={key: dict(settings) for key, settings in searches.items()},
        seed=seed,
        first_opening=done.first_opening,
        judge=judge,
        openings=done.openings,
        blocks=done.blocks,
        finals=done.finals,
        early=done.early,
        commit=commit,
        seconds=done.seconds,
    )


def require_whole(path: Path) -> None:
    """Make the file if it is missing; raises ResultsError if it ends within a line, OSError if it
    cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                raise ResultsError(f"{path} ends within a line; remove its last line.")


def append_raw(path: Path, match: RawMatch) -> None:
    """Add one line durably. Raises ResultsError if the file ends within a line."""
    require_whole(path)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(match) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_raw(path: Path) -> list[RawMatch]:
    """All matches of a file. Raises ResultsError naming the line that cannot be used."""
    matches: list[RawMatch] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            matches.append(msgspec.json.decode(line, type=RawMatch))
        except (msgspec.MsgspecError, ValueError) as error:
            raise ResultsError(f"{path}, line {number}: {error}.") from None
    return matches


def read_folder(folder: Path) -> dict[str, list[RawMatch]]:
    """All raw files in and below a folder by relative path. Raises ResultsError on none or bad."""
    files = {str(p.relative_to(folder)): read_raw(p) for p in sorted(folder.rglob(_RAW))}
    if not files:
        raise ResultsError(f"{folder} holds no raw matches (matches.jsonl or *.matches.jsonl).")
    return files


def read_summary(path: Path) -> Summary:
    """A stated summary. Raises ResultsError when it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except msgspec.MsgspecError as error:
        raise ResultsError(f"{path}: {error}.") from None


def write_summary(path: Path, summary: Summary) -> None:
    """Write it for people to read, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    partial.replace(path)


def summarise(
    files: Mapping[str, Sequence[RawMatch]], anchor: str, anchor_elo: float = 1200.0
) -> Summary:
    """Compute every figure of these raw matches. Pure.

    Raises ResultsError when two of them hold the same games: players are noiseless, so a match of
    the same seed and openings is the same match, and would count twice.
    """
    raw = [(name, i, m) for name in sorted(files) for i, m in enumerate(files[name], start=1)]
    _refuse_repeated(raw)
    configs: dict[str, list[Match]] = {}
    for _, _, match in raw:
        known = configs.setdefault(match.config, [])
        if too_uniform(match.score) is None:
            known.append(
                Match.of_histogram(
                    match.lone, match.others, match.score.histogram, early=match.early
                )
            )
    ratings = {
        config: {
            player: RatingFigures(rating.elo, rating.standard_error, rating.games)
            for player, rating in sorted(
                fit_ratings(matches, RatedPlayer(config, anchor).text, anchor_elo).items()
            )
        }
        for config, matches in sorted(configs.items())
    }
    return Summary(
        anchor,
        anchor_elo,
        tuple(_match_figures(*entry) for entry in raw),
        ratings,
        tuple(figures for _, matches in sorted(configs.items()) for figures in _headlines(matches)),
    )


def _refuse_repeated(raw: Sequence[tuple[str, int, RawMatch]]) -> None:
    met: dict[tuple[str, str, str], list[tuple[frozenset[str], str]]] = {}
    for name, line, match in raw:
        # Between two seats both ways are the same games; a judge only leaves some out.
        two = len(match.finals[0]) == 2
        one, other = sorted((match.lone, match.others)) if two else (match.lone, match.others)
        openings = frozenset(match.openings)
        seen = met.setdefault((one, other, match.seed), [])
        for others, where in seen:
            if openings & others:
                raise ResultsError(
                    f"{name}, line {line}, repeats games of {where}; remove one of the two lines."
                )
        seen.append((openings, f"{name}, line {line}"))


def compare(stated: Summary, computed: Summary) -> list[Figure]:
    """Every figure of either, in the order of the summary; one that is missing counts as None."""
    a, b = dict(_leaves(msgspec.to_builtins(stated))), dict(_leaves(msgspec.to_builtins(computed)))
    return [Figure(path, a.get(path), b.get(path)) for path in {**a, **b}]


def _match_figures(file: str, line: int, match: RawMatch) -> MatchFigures:
    played = match.score
    score, low, high = bounds(played.histogram)
    return MatchFigures(
        file,
        line,
        match.lone,
        match.others,
        played.games,
        played.wins,
        score,
        low,
        high,
        len(set(match.openings)),
        len({final for games in match.finals for final in games}),
        too_uniform(played),
        match.early,
    )


def _headlines(matches: Sequence[Match]) -> Iterator[HeadlineFigures]:
    """One for each pair that met, the first to have sat alone first."""
    told: set[frozenset[str]] = set()
    for match in matches:
        pair = frozenset((match.a, match.b))
        if pair in told:
            continue
        told.add(pair)
        found = headline_difference(matches, match.a, match.b)
        if found is not None:
            yield HeadlineFigures(
                match.a,
                match.b,
                found.elo,
                found.standard_error,
                found.low,
                found.high,
                found.games,
            )


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in cast(dict[str, object], value).items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(cast(Sequence[object], value)):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, value
