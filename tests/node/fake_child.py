"""A stand-in for ``python -m ringrift.train.job``: speaks its protocol, computes nothing.

The first argument says how it behaves; "good" does what the job module promises, at once.
"""

import hashlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

stopped = False


def on_term(*_: object) -> None:
    global stopped
    stopped = True


def say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def rest(seconds: float) -> bool:
    """Sleep; return whether we were told to stop (by SIGTERM or the end of stdin)."""
    global stopped
    end = time.monotonic() + seconds
    while not stopped and time.monotonic() < end:
        ready, _, _ = select.select([sys.stdin], [], [], 0.01)
        if ready and not os.read(0, 1):
            stopped = True
    return stopped


def artefact(out_dir: Path, content: bytes, suffix: str) -> tuple[str, str, int]:
    sha256 = hashlib.sha256(content).hexdigest()
    path = out_dir / f"{sha256}{suffix}"
    path.write_bytes(content)
    return str(path), sha256, len(content)


def selfplay(spec: dict, pace_s: float) -> None:
    # Real shards: a node that comes back reads those it did not hear of.
    from ringrift.train.records import GameRecord, ShardHeader, write_shard

    seats = int(spec["config"][-2])
    weights = spec["weights"]
    played = 0
    while played < spec["games"] and not rest(pace_s):
        games = min(spec["games_per_shard"], spec["games"] - played)
        header = ShardHeader(
            config=spec["config"], run_id=spec["run_id"], first_game=played, games=games,
            source="untrained" if weights is None else weights["sha256"],
            full_simulations=32, full_considered=8, cheap_simulations=8, cheap_considered=4,
            full_fraction=0.25,
        )  # fmt: skip
        records = [
            GameRecord(n, ("a1", "b2"), n % seats, tuple(range(1, seats + 1)), (), n, (), 0)
            for n in range(played, played + games)
        ]
        file = write_shard(Path(spec["out_dir"]), header, records)
        if sys.argv[1] == "unheard":
            os.kill(os.getpid(), signal.SIGKILL)
        say(
            line="shard", path=str(file.path), sha256=file.sha256, bytes=file.bytes,
            run_id=spec["run_id"], first_game=played, games=games, decisions=file.decisions,
            full_rows=file.full_rows, steps=file.steps,
        )  # fmt: skip
        played += games
        say(line="progress", done=played, total=spec["games"], unit="games", rate=games / 0.1)
    result = {"of": "selfplay", "games": played, "decisions": 0, "seconds": 0.1}
    say(line="finished", result=result, partial=played < spec["games"])


def training(spec: dict, pace_s: float) -> None:
    if rest(pace_s):
        say(line="finished", result=None, partial=True)
        return
    path, sha256, size = artefact(Path(spec["out_dir"]), os.urandom(64), ".safetensors")
    result = {
        "of": "training", "path": path, "sha256": sha256, "bytes": size,
        "dataset_sha256": hashlib.sha256(b"dataset").hexdigest(), "rows": max(1, spec["new_rows"]),
        "rows_drawn": spec["new_rows"], "steps": 10, "reuse": 1.0, "policy_loss": 2.0,
        "value_loss": 0.6, "holdout_policy_loss": None, "holdout_value_loss": None,
        "parameters_changed": spec["learning_rate"] > 0, "seconds": 0.1,
    }  # fmt: skip
    say(line="finished", result=result, partial=False)


def evaluation(spec: dict, pace_s: float) -> None:
    if rest(pace_s):
        say(line="finished", result=None, partial=True)
        return
    opponent = spec["opponent"]
    rotations = int(spec["config"][-2])
    result = {
        "of": "evaluation",
        "opponent": opponent if isinstance(opponent, str) else opponent["sha256"],
        "blocks": [rotations] * spec["openings"], "rotations": rotations,
        "distinct_openings": spec["openings"], "distinct_games": rotations * spec["openings"],
        "seconds": 0.1,
    }  # fmt: skip
    say(line="finished", result=result, partial=False)


def main() -> None:
    behaviour, pace_s = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.05
    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "deaf" else on_term)
    spec = json.loads(sys.stdin.readline())
    say(line="heartbeat")
    if behaviour == "garbage":
        print("Loading model... done!", flush=True)
        rest(60)
    elif behaviour == "long-line":
        sys.stdout.write("x" * 200_000)
        sys.stdout.flush()
        rest(60)
    elif behaviour == "crash":
        raise SystemExit("out of coffee")
    elif behaviour == "refuse":
        say(line="failed", reason="spec: games must be positive")
        sys.exit(2)
    elif behaviour in ("silent", "deaf"):
        while True:
            time.sleep(0.05)
            if stopped:
                sys.exit(0)
    else:
        {"selfplay": selfplay, "training": training, "evaluation": evaluation}[spec["kind"]](
            spec, pace_s
        )


main()
