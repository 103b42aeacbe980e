"""A stand-in for ``python -m ringrift.train.job``: it computes nothing and says all there is.

The first argument says how it behaves: "good", or which kind of job fails or talks nonsense.
"""

import hashlib
import json
import os
import pathlib
import select
import signal
import sys
import time

stopped = False


def on_term(*_: object) -> None:
    global stopped
    stopped = True


def say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def rest(seconds: float) -> bool:
    """Sleep; return whether we were told to stop, by SIGTERM or the end of stdin."""
    global stopped
    end = time.monotonic() + seconds
    while not stopped and time.monotonic() < end:
        ready, _, _ = select.select([sys.stdin], [], [], 0.005)
        if ready and not os.read(0, 1):
            stopped = True
    return stopped


def hash_of(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def selfplay(spec: dict) -> None:
    if sys.argv[1] == "endless selfplay" and spec["carry"] is not None:
        with pathlib.Path("players").open("a") as players:
            players.write(f"{os.getpid()}\n")
        while not rest(0.01):
            say(line="progress", done=0, total=spec["games"], unit="games", rate=None)
    played = 0
    while played < spec["games"] and not rest(0.01):
        sha256 = hash_of(spec["run_id"], played)
        folder = pathlib.Path(spec["out_dir"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{sha256}.shard").write_text(repr((spec["run_id"], played)))
        say(
            line="shard", path="x", sha256=sha256, bytes=10,
            run_id=spec["run_id"], first_game=played, games=8, decisions=480, full_rows=120,
            steps=1280,
        )  # fmt: skip
        played += 8
        say(line="progress", done=played, total=spec["games"], unit="games", rate=80.0)
    result = {"of": "selfplay", "games": played, "decisions": 60 * played, "seconds": 0.1}
    say(line="finished", result=result, partial=True)


def training(spec: dict) -> None:
    if sys.argv[1] == "patient training":
        shards = pathlib.Path(spec["out_dir"]).parent / "shards"
        known = len(list(shards.iterdir()))
        while len(list(shards.iterdir())) < known + 3 and not rest(0.01):
            pass
    if rest(0.02):
        say(line="finished", result=None, partial=True)
        return
    sha256 = hash_of("network", spec["run_id"])
    result = {
        "of": "training", "path": "x", "sha256": sha256, "bytes": 64,
        "dataset_sha256": hash_of("dataset"), "rows": spec["new_rows"],
        "rows_drawn": 4 * spec["new_rows"], "steps": 10, "reuse": 4.0, "policy_loss": 2.0,
        "value_loss": 0.6, "holdout_policy_loss": None, "holdout_value_loss": None,
        "parameters_changed": True, "seconds": 0.1,
    }  # fmt: skip
    say(line="finished", result=result, partial=False)


def evaluation(spec: dict) -> None:
    if rest(0.02):
        say(line="finished", result=None, partial=True)
        return
    opponent, openings, kind = spec["opponent"], spec["openings"], spec["run_id"]
    result = {
        "of": "evaluation",
        "opponent": opponent if isinstance(opponent, str) else opponent["sha256"],
        "blocks": [2, 1] * (openings // 2), "rotations": 2,
        "distinct_openings": openings, "distinct_games": 2 * openings,
        "seconds": 0.1, "first_opening": spec["first_opening"],
        "openings": [hash_of(kind, spec["first_opening"] + n)[:16] for n in range(openings)],
        "finals": [
            [hash_of(kind, spec["first_opening"] + n, seat)[:16] for seat in range(2)]
            for n in range(openings)
        ],
    }  # fmt: skip
    say(line="finished", result=result, partial=False)


def main() -> None:
    signal.signal(signal.SIGTERM, on_term)
    spec = json.loads(sys.stdin.readline())
    kind = spec["kind"]
    for orphan in spec.get("adopt", ()):
        pathlib.Path(orphan).unlink(missing_ok=True)
    preparing = kind == "selfplay" and spec["carry"] is None
    if sys.argv[1] == f"failing {kind}" and not preparing:
        say(line="failed", reason=f"{kind} of {spec['config']} failed: loss is nan at step 3")
        sys.exit(1)
    if sys.argv[1] == f"dying {kind}":
        with pathlib.Path("deaths").open("a") as deaths:
            rows = spec.get("new_rows"), len(spec.get("shards", ()))
            deaths.write(f"{spec['run_id']} {rows}\n")
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == f"garbage {kind}":
        print("Loading model... done!", flush=True)
        rest(60)
        return
    {"selfplay": selfplay, "training": training, "evaluation": evaluation}[kind](spec)


main()
