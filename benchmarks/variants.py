"""Which settings learn faster: runs of equal time, and matches of what came out of them.

    .venv/bin/python benchmarks/variants.py --out DIR --minutes 20 --seeds 3 \\
        plain no-owner:heads=eliminations wide:preset=tiny64 slow:learning_rate=0.001

A variant is a name and the fields of `learn.events.Settings` in which it differs from the defaults;
lists are written with `+` (`heads=owner+reply`). Each runs with every seed on one core, as many
side by side as there are cores: `--minutes 20` is what `ringrift learn --minutes 10` has with two.
Then whoever played selfplay at the end of each run meets the heuristics, and the run of the first
variant with the same seed. Raw matches go to results/ in a run's folder; printed are mean scores
over the seeds with their standard errors. What is there already is not run or played again.
"""

import argparse
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ringrift import __version__
from ringrift.learn.events import Founded, Settings
from ringrift.learn.journal import Journal, read_events
from ringrift.learn.plan import generator_of
from ringrift.learn.progress import Progress, progress_of
from ringrift.train.blocks import Score, histogram_of
from ringrift.train.identity import RatedPlayer
from ringrift.train.results import read_raw

RINGRIFT = str(Path(sys.executable).parent / "ringrift")
BASELINES = ("heuristic-1", "heuristic-2")


@dataclass(frozen=True)
class Variant:
    """Settings under a name."""

    name: str
    fields: dict[str, object]

    @staticmethod
    def parse(text: str) -> "Variant":
        name, _, rest = text.partition(":")
        pairs = [part.split("=", 1) for part in rest.split(",") if part]
        fields = {key: value.split("+") if key == "heads" else value for key, value in pairs}
        return Variant(name, fields)

    def settings(self, config: str, seed: int) -> Settings:
        """Raises msgspec.ValidationError for a field or value that there is not."""
        told = {"config": config, "seed": seed} | self.fields
        return msgspec.convert(told, Settings, strict=False)


@dataclass(frozen=True)
class Run:
    variant: Variant
    seed: int
    directory: Path

    def progress(self) -> Progress:
        journal = self.directory / "journal"
        found = progress_of(read_events(journal.read_bytes(), str(journal))[0])
        assert found is not None
        return found

    def last(self) -> Path:
        """Weights of whoever played selfplay at the end."""
        generator = generator_of(self.progress())
        assert generator is not None, f"{self.directory}: no network was trained; give more minutes"
        return self.directory / "models" / f"{generator.sha256}.safetensors"


def learn(run: Run, config: str, minutes: float) -> None:
    journal = Journal(run.directory / "journal", time.sleep)
    if not journal.events:
        journal.append(Founded(run.variant.settings(config, run.seed), __version__))
    journal.close()
    if run.progress().settings != run.variant.settings(config, run.seed):
        sys.exit(f"{run.directory} holds a run of other settings; choose another --out or name.")
    command = [RINGRIFT, "learn", "--config", config, "--seed", str(run.seed)]
    command += ["--minutes", str(minutes), "--cores", "1", "--out", str(run.directory)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    there = run.progress()
    print(
        f"{run.directory.name}: {there.games:,} games, {len(there.candidates)} networks", flush=True
    )


def measure(run: Run, against: list[str], config: str, openings: int) -> None:
    out = run.directory / "results"
    raw = out / "matches.jsonl"
    met = {RatedPlayer.parse(match.others).who for match in read_raw(raw)} if raw.exists() else ()
    against = [name for name in against if Path(name).stem not in met]  # weights: by their sha256
    if not against:
        return
    command = [RINGRIFT, "match", "--config", config, "--model", str(run.last()), "--cores", "1"]
    command += [word for name in against for word in ("--against", name)]
    command += ["--openings", str(openings), "--seed", "variants", "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def scores(run: Run) -> dict[str, float]:
    """Shares of first places by opponent; networks are all called "first"."""
    found: dict[str, float] = {}
    for match in read_raw(run.directory / "results" / "matches.jsonl"):
        opponent = RatedPlayer.parse(match.others).who
        share = Score(histogram_of(match.blocks, len(match.finals[0]))).score
        assert share is not None
        found[opponent if opponent in BASELINES else "first"] = share
    return found


def told(values: list[float]) -> str:
    if len(values) < 2:
        return f"{statistics.mean(values):6.1%}      "
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):6.1%} ±{error:5.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Which settings learn faster.")
    parser.add_argument("variants", nargs="+", type=Variant.parse)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", default="hex8_2p")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--openings", type=int, default=50)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    runs = {
        (variant.name, seed): Run(variant, seed, options.out / f"{variant.name}-{seed}")
        for seed in range(1, options.seeds + 1)
        for variant in options.variants
    }
    first = options.variants[0].name
    with ThreadPoolExecutor(options.cores) as pool:
        for done in [pool.submit(learn, r, options.config, options.minutes) for r in runs.values()]:
            done.result()
        waiting = []
        for run in runs.values():
            rival = [] if run.variant.name == first else [str(runs[first, run.seed].last())]
            asked = (run, [*BASELINES, *rival], options.config, options.openings)
            waiting.append(pool.submit(measure, *asked))
        for done in waiting:
            done.result()
    opponents = (*BASELINES, "first")
    print(f"\n{'variant':20}" + "".join(f"{name:>16}" for name in opponents))
    for variant in options.variants:
        each = [scores(runs[variant.name, seed]) for seed in range(1, options.seeds + 1)]
        columns = [[score[name] for score in each if name in score] for name in opponents]
        print(f"{variant.name:20}" + "".join(f"{told(c) if c else '':>16}" for c in columns))


if __name__ == "__main__":
    main()
