"""Positions for the engine's tests: seeded random games, and a digest of all that kernels say."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ringrift.engine.kernels import (
    Scratch,
    action_index,
    apply_move,
    choose,
    legal_moves,
    list_choices,
    new_scratch,
    position_hash,
    ranking,
    transform_choice,
    transform_row,
    write_planes,
)
from ringrift.engine.moves import REGION, kind_of
from ringrift.engine.rng import below, seed_rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import PART, Row, new_state
from ringrift.engine.symmetry import Symmetries
from ringrift.engine.text import format_state, legal_texts, parse_state

DATA = Path(__file__).parent / "data"


def subset_games() -> list[dict[str, Any]]:
    """The recorded games that the suite carries."""
    with gzip.open(DATA / "corpus-subset.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def vectors() -> list[dict[str, Any]]:
    """The recorded contract vectors that have a position."""
    with gzip.open(DATA / "vectors.jsonl.gz", "rt") as lines:
        records = [json.loads(line) for line in lines]
    return [record for record in records if record["status"] != "unusable"]


def random_game(t: Tables, seed: int, start: Row | None = None) -> Iterator[tuple[Row, list[int]]]:
    """Every position of a uniformly random game with its legal codes, the final one included.

    The row is the same array all the time: copy it to keep it.
    """
    s = new_state(t) if start is None else start.copy()
    scratch = new_scratch(t)
    rng = seed_rng(seed)
    while True:
        n = legal_moves(t, s, scratch.moves, scratch)
        codes: list[int] = scratch.moves[:n].tolist()
        yield s, codes
        if not codes:
            return
        apply_move(t, s, codes[below(rng, n)], scratch)


def replay(game: dict[str, Any]) -> Iterator[tuple[Tables, Row, dict[str, int], Scratch]]:
    """Every position of a recorded game before its move, with its legal texts and codes."""
    rules = game["rules"]
    t, s = parse_state(
        game["init"], rings_per_player=rules["ringsPerPlayer"], lps_rounds=rules["lpsRounds"]
    )
    scratch = new_scratch(t)
    for step in game["steps"]:
        legal = legal_texts(t, s, scratch)
        yield t, s, legal, scratch
        apply_move(t, s, legal[step["m"]], scratch)


def choices_of(t: Tables, s: Row) -> list[int]:
    scratch = new_scratch(t)
    return scratch.moves[: list_choices(t, s, scratch.moves, scratch)].tolist()


def image(t: Tables, y: Symmetries, k: int, s: Row) -> Row:
    out = np.zeros_like(s)
    transform_row(t, y, k, s, out)
    return out


def planes_of(t: Tables, s: Row) -> np.ndarray:
    out = np.zeros((t.planes, t.height * t.width), dtype=np.float32)
    write_planes(t, s, out.reshape(t.planes, t.height, t.width), new_scratch(t))
    return out[:, t.grid]


def after(t: Tables, s: Row, choice: int) -> Row:
    row = s.copy()
    choose(t, row, choice, new_scratch(t))
    return row


def commute(t: Tables, y: Symmetries, s: Row, ks: range, seen: Counter[str]) -> None:
    """Assert that symmetries commute with what can be chosen here and what comes of it, counting
    in `seen` what was equal, and the rules' own exceptions (see `Symmetries`)."""
    choices, planes = choices_of(t, s), planes_of(t, s)
    scratch = new_scratch(t)
    for k in ks:
        turned = image(t, y, k, s)
        images = [transform_choice(t, y, k, s, choice, scratch) for choice in choices]
        # Of equally long runs through a slide's end, another may be the one on the earlier axis.
        ties = s[PART] != 0 and sorted(images) != sorted(choices_of(t, turned))
        if ties:
            seen["another of equally long runs"] += 1
            continue
        assert sorted(images) == sorted(choices_of(t, turned))
        indices = [int(action_index(t, turned, choice)) for choice in images]
        assert len(set(indices)) == len(indices)
        there = np.zeros_like(planes)
        there[:, y.cell[k]] = planes
        assert np.array_equal(planes_of(t, turned), there)
        for choice, mapped in zip(choices, images, strict=True):
            one, other = image(t, y, k, after(t, s, choice)), after(t, turned, mapped)
            same = position_hash(t, one) == position_hash(t, other)
            assert same == (format_state(t, one) == format_state(t, other)) or one[PART] != 0
            if same:
                seen["equal"] += 1
            elif kind_of(choice) == REGION and not y.exact[k]:
                seen["askew border"] += 1
            else:
                # The last part of a recovery: the run that collapses lies on another axis.
                assert s[PART] != 0, format_state(t, s)
                seen["another of equally long runs"] += 1


def kernel_digest(max_games: int, max_steps: int) -> str:
    """SHA-256 over rows, choices, indices, planes and ranks along the shortest recorded games."""
    games = sorted(subset_games(), key=lambda game: (game["n_steps"], game["id"]))
    digest = sha256()
    for game in [g for g in games if g["n_steps"] <= max_steps][:max_games]:
        for t, s, legal, scratch in replay(game):
            planes = np.empty((t.planes, t.height, t.width), dtype=np.float32)
            write_planes(t, s, planes, scratch)
            indices = [int(action_index(t, s, code)) for code in legal.values()]
            digest.update(s.tobytes() + planes.tobytes() + repr((legal, indices)).encode())
        ranks = np.zeros(t.players, dtype=np.int64)
        ranking(t, s, ranks)
        digest.update(s.tobytes() + ranks.tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    import sys

    print(kernel_digest(int(sys.argv[1]), int(sys.argv[2])))
