"""Choose the recorded games that the test suite carries.

    python tests/engine/make_subset.py CORPUS.jsonl.gz VECTORS.jsonl.gz

Greedy cover: every kind of move, ending and start of every config, every pie-rule and rule-override
flavour, at the fewest steps. Recorded legal lists and all states but the last are dropped: their
hashes stay.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
WITH_SUBKIND = {
    "choose_line_option": 1,
    "eliminate_rings_from_stack": 1,
}


def move_kind(text: str) -> str:
    words = text.split(" ")
    if words[0] == "recovery_slide":
        return " ".join([words[0], words[1], words[4] if words[1] == "line" else ""])
    return " ".join(words[: 1 + WITH_SUBKIND.get(words[0], 0)])


def traits(game: dict[str, Any]) -> set[tuple[str, ...]]:
    config = f"{game['board']}_{game['players']}p"
    rules = game["rules"]
    found = {(config, move_kind(step["m"])) for step in game["steps"]}
    found.add((config, "ending", game["result"]["reason"]))
    found.add((config, "start", game["start"]))
    found.add((game["board"], "rings", str(rules["ringsPerPlayer"])))
    found.add(("rules", "lps", str(rules["lpsRounds"]), "swap", str(rules["swap"])))
    found.add(("ranks", str(game["players"]), str(sorted(game["result"]["ranking"]))))
    return found


def choose(games: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = {id(game): traits(game) for game in games}
    missing: set[tuple[str, ...]] = set().union(*wanted.values())
    chosen: list[dict[str, Any]] = []
    while missing:
        best = max(games, key=lambda g: len(wanted[id(g)] & missing) / (60 + g["n_steps"]))
        missing -= wanted[id(best)]
        chosen.append(best)
    return sorted(chosen, key=lambda game: game["id"])


def slim(game: dict[str, Any]) -> dict[str, Any]:
    keep = ("m", "p", "ph", "n", "lh", "sh")
    steps = [{key: step[key] for key in keep} for step in game["steps"]]
    steps[-1]["state"] = game["steps"][-1]["state"]
    return {**game, "steps": steps}


def write(name: str, records: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    (DATA / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read(path: str) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    subset = [slim(game) for game in choose(read(sys.argv[1]))]
    write("corpus-subset.jsonl.gz", subset)
    write("vectors.jsonl.gz", read(sys.argv[2]))
    print(f"{len(subset)} games, {sum(game['n_steps'] for game in subset)} steps")
