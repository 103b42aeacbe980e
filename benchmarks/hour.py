"""What a run of learning has reached: its last network by matches of fixed length.

    .venv/bin/python benchmarks/hour.py --run DIR --out docs/results/hex8_2p-1 [--minute 15]

Measured is whoever played selfplay when the run ended, and whoever did at `--minute` of its compute
time, both as the journal says: no choice among networks is left to whoever reads the results. The
raw matches go to `matches.jsonl` in the folder, the course of the run to `course.json`, and
`ringrift results summarise` and `verify` make and check every figure of them.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from ringrift.learn.events import Event, Kept, Matched, Trained
from ringrift.learn.journal import read_events
from ringrift.learn.plan import generator_of
from ringrift.learn.progress import Candidate, Progress, progress_of
from ringrift.train.blocks import bounds

BASELINES = ("random-1", "heuristic-1", "heuristic-2", "heuristic-3")
RINGRIFT = str(Path(sys.executable).parent / "ringrift")


def until(events: list[Event], at_s: float) -> Progress:
    """The run as it stood then."""
    found = progress_of(e for e in events if getattr(e, "at_s", 0.0) <= at_s)
    assert found is not None
    return found


def generator(events: list[Event], at_s: float) -> Candidate:
    """Who played selfplay then; before the first fit, the first network there was."""
    found = generator_of(until(events, at_s))
    return found or until(events, float("inf")).candidates[0]


def course(events: list[Event]) -> list[dict[str, object]]:
    """A line a network: when it was made, of how much, how it lost and scored."""
    run = until(events, float("inf"))
    lines: list[dict[str, object]] = []
    for candidate in run.candidates:
        fit = candidate.trained
        games = sum(e.games for e in events if isinstance(e, Kept) and e.at_s <= fit.at_s)
        lines.append(
            {
                "network": candidate.number,
                "sha256": candidate.sha256,
                "minutes": round(fit.at_s / 60, 2),
                "games": games,
                "rows_drawn": fit.rows_drawn,
                "policy_loss": fit.policy_loss,
                "value_loss": fit.value_loss,
                "holdout_policy_loss": fit.holdout_policy_loss,
                "holdout_value_loss": fit.holdout_value_loss,
                "decision": candidate.ruled and candidate.ruled.decision,
                "scores": {
                    run.name_of(opponent): [round(x, 4) for x in bounds(pairing.histogram)]
                    for opponent, pairing in candidate.pairings.items()
                },
            }
        )
    return lines


def play(options: argparse.Namespace, model: Path, against: list[str]) -> None:
    config = options.config
    subprocess.run(
        [
            *(RINGRIFT, "match", "--config", config, "--model", str(model)),
            *(word for name in against for word in ("--against", name)),
            *("--openings", str(options.openings), "--simulations", str(options.simulations)),
            *("--seed", "measured", "--out", str(options.out)),
        ],
        check=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what a run of learning has reached.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minute", type=float, default=15.0)
    parser.add_argument("--openings", type=int, default=100)
    parser.add_argument("--simulations", type=int, default=64)
    options = parser.parse_args()
    journal = options.run / "journal"
    events = read_events(journal.read_bytes(), str(journal))[0]
    run = until(events, float("inf"))
    options.config = run.settings.config
    last, earlier = generator(events, float("inf")), generator(events, 60 * options.minute)
    told = {
        "settings": {name: getattr(run.settings, name) for name in run.settings.__struct_fields__},
        "version": run.version,
        "minutes": run.at_s / 60,
        "games": run.games,
        "decisions": run.decisions,
        "full_rows": run.full_rows,
        "core_seconds": run.core_s,
        "fits": sum(isinstance(e, Trained) for e in events),
        "matches": sum(isinstance(e, Matched) for e in events),
        "measured": last.number,
        "earlier": {"minute": options.minute, "network": earlier.number},
        "networks": course(events),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "course.json").write_text(json.dumps(told, indent=1) + "\n")
    weights = {
        c.number: options.run / "models" / f"{c.sha256}.safetensors" for c in (last, earlier)
    }
    rivals = [] if earlier.sha256 == last.sha256 else [str(weights[earlier.number])]
    print(f"network {last.number} of {run.at_s / 60:.1f} min, {run.games:,} games", flush=True)
    play(options, weights[last.number], list(BASELINES))
    if rivals:
        print(f"network {earlier.number}, that of minute {options.minute:g}", flush=True)
        play(options, weights[earlier.number], ["heuristic-1"])
        play(options, weights[last.number], rivals)


if __name__ == "__main__":
    main()
