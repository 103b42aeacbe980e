"""`ringrift selfplay`: games of a network against itself, as a node's children play them."""

import hashlib
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import cyclopts
import msgspec

from ringrift.cli.place import AsJson, fail, print_json
from ringrift.cli.weights import weights_at
from ringrift.tui import text
from ringrift.wire.job import (
    ENDLESS_GAMES,
    Finished,
    JobLine,
    Progress,
    SelfplayDone,
    SelfplayJob,
    ShardWritten,
    Weights,
)

_SECONDS_BETWEEN_LINES = 10.0


def selfplay(
    *,
    out: Annotated[Path, cyclopts.Parameter(help="Directory for shards and unfinished games.")],
    config: Annotated[str, cyclopts.Parameter(help="Board and seats.")] = "hex8_2p",
    games: Annotated[int | None, cyclopts.Parameter(help="Finish so many in this call.")] = None,
    minutes: Annotated[float | None, cyclopts.Parameter(help="Play so long instead.")] = None,
    model: Annotated[Path | None, cyclopts.Parameter(help="Weights, .safetensors.")] = None,
    seed: Annotated[int | None, cyclopts.Parameter(help="Of everything random.")] = None,
    parallel: Annotated[int, cyclopts.Parameter(help="Games at once.")] = 64,
    simulations: Annotated[
        int,
        cyclopts.Parameter(help="Of a full search, which every fourth decision gets; else 1/4."),
    ] = 64,
    as_json: AsJson = False,
) -> None:
    """Play, with progress on stderr, and print what was played; exits 2 with one sentence."""
    from ringrift.train.job import give_way

    if (games is None) == (minutes is None):
        fail("Give either --games N or --minutes M.", 2)
    if minutes is not None and not 0 < minutes <= 1_000_000:
        fail(f"--minutes is {minutes:g}; it must be above 0.", 2)
    give_way(threads=1)
    seed = secrets.randbits(31) if seed is None else seed
    wanted = {
        "games": ENDLESS_GAMES if games is None else games,
        "parallel_games": parallel,
        "full_simulations": simulations,
        "full_considered": max(2, simulations // 4),
        "cheap_simulations": max(2, simulations // 4),
        "cheap_considered": max(2, simulations // 8),
    }
    job = _job(config, out, None if model is None else weights_at("--model", model), seed, wanted)
    view = LiveView(job, sys.stderr, time.monotonic, live=sys.stderr.isatty())
    with _asked_to_stop() as stop:
        end = _run(job, view, stop, None if minutes is None else 60 * minutes)
    view.close()
    summary = view.summary(end, seed)
    if as_json:
        print_json(summary)
    else:
        print(_words(summary, out))


class Summary(msgspec.Struct, frozen=True):
    """What a call played: games of `source`, of which some are `unfinished` and kept."""

    config: str
    run_id: str
    seed: int
    source: str
    games: int
    decisions: int
    full_rows: int
    shards: int
    seconds: float
    unfinished: int


class LiveView:
    """Progress as people read it: one line that changes, or a plain one every ten seconds."""

    def __init__(
        self, job: SelfplayJob, stream: TextIO, clock: Callable[[], float], *, live: bool
    ) -> None:
        """`ends_at` is the moment of `clock` at which play is to end, where there is one."""
        self._job = job
        self._stream = stream
        self._clock = clock
        self._live = live
        self._told: float | None = None
        self._shards = 0
        self._full_rows = 0
        self.ends_at: float | None = None

    def take(self, line: JobLine) -> None:
        """Take in a line of the job, and show it where it says how far things are."""
        if isinstance(line, ShardWritten):
            self._shards += 1
            self._full_rows += line.full_rows
        elif isinstance(line, Progress):
            self._show(self._text(line))

    def close(self) -> None:
        """Leave the changing line behind, if there is one."""
        if self._live and self._told is not None:
            self._stream.write("\n")
            self._stream.flush()

    def summary(self, end: Finished, seed: int) -> Summary:
        """What was played, for people and programs."""
        done = end.result
        assert isinstance(done, SelfplayDone)
        return Summary(
            config=self._job.config,
            run_id=self._job.run_id,
            seed=seed,
            source="untrained" if self._job.weights is None else self._job.weights.sha256,
            games=done.games,
            decisions=done.decisions,
            full_rows=self._full_rows,
            shards=self._shards,
            seconds=round(done.seconds, 3),
            unfinished=done.carried,
        )

    def _text(self, line: Progress) -> str:
        if line.unit != "games":
            return f"compiling the rules, once on this machine: {line.done} of {line.total} parts"
        total, left = f" of {text.count(line.total)}", None
        if self.ends_at is not None:
            total, left = "", max(0.0, self.ends_at - self._clock())
        elif line.rate:
            left = (line.total - line.done) / line.rate
        speeds = {"games": line.rate} | {
            name: line.figures.get(f"{name}_per_s") for name in ("decisions", "evaluations")
        }
        return "  ".join(
            [
                f"{self._job.config}  {text.count(line.done)}{total} games",
                *(text.rate(speed, f" {name}") for name, speed in speeds.items()),
                f"ETA {text.age(left)}",
            ]
        )

    def _show(self, words: str) -> None:
        now = self._clock()
        if self._live:
            columns = shutil.get_terminal_size((100, 24)).columns
            self._stream.write(f"\r\x1b[2K{words[: columns - 1]}")
        elif self._told is None or now - self._told >= _SECONDS_BETWEEN_LINES:
            self._stream.write(words + "\n")
        else:
            return
        self._told = now
        self._stream.flush()


def _job(
    config: str, out: Path, weights: Weights | None, seed: int, wanted: dict[str, int]
) -> SelfplayJob:
    from ringrift.engine.config import Config
    from ringrift.engine.errors import EngineError

    try:
        Config.parse(config)
        job = msgspec.convert(
            {
                "kind": "selfplay",
                "config": config,
                "run_id": _run_id(out, config, seed),
                "out_dir": str(out),
                "carry": str(_carry(out, config)),
                "weights": weights,
                **wanted,
            },
            SelfplayJob,
        )
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            return job
    except EngineError as error:
        fail(str(error), 2)
    except msgspec.ValidationError as error:
        problem, _, field = str(error).partition(" - at `$.")
        option = {"parallel_games": "parallel", "full_simulations": "simulations"}
        name = field.rstrip("`")
        fail(f"--{option.get(name, name)}: {problem[:1].lower() + problem[1:]}.", 2)
    except OSError as error:
        fail(f"--out {out} cannot be written to ({error.strerror}).", 2)


def _carry(out: Path, config: str) -> Path:
    return out / f"unfinished-{config}.carry"


def _run_id(out: Path, config: str, seed: int) -> str:
    # Another one each time something was added to the directory, or games would be opened twice.
    held = sorted(path.name for path in out.glob("*.shard"))
    carry = _carry(out, config)
    if carry.exists():
        held.append(hashlib.sha256(carry.read_bytes()).hexdigest())
    return hashlib.sha256("\0".join([str(seed), config, *held]).encode()).hexdigest()[:32]


def _run(
    job: SelfplayJob, view: LiveView, stop: threading.Event, seconds: float | None
) -> Finished:
    from ringrift.train.dispatch import run_job
    from ringrift.train.warm import compile_kernels
    from ringrift.train.world import World

    def stopping() -> bool:
        # First asked when play begins, which is when the time begins.
        now = time.monotonic()
        if seconds is not None and view.ends_at is None:
            view.ends_at = now + seconds
        return stop.is_set() or (view.ends_at is not None and now >= view.ends_at)

    compile_kernels(World(time.monotonic, view.take, stop.is_set), time.sleep)
    world = World(time.monotonic, view.take, stopping)
    try:
        return run_job(job, world)
    except ValueError as error:
        view.close()
        fail(str(error), 2)


@contextmanager
def _asked_to_stop() -> Generator[threading.Event]:
    # The first signal asks, the second does not wait for an answer.
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {n: signal.signal(n, on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _words(found: Summary, out: Path) -> str:
    said = (
        f"{found.config}: {text.count(found.games)} games with {text.count(found.decisions)} "
        f"decisions, {text.count(found.full_rows)} of them searched fully, in {found.shards} new "
        f"shards in {out} ({text.age(found.seconds)}, network {text.player(found.source)}, "
        f"seed {found.seed})."
    )
    if found.unfinished == 0:
        return said
    kept = f"{found.unfinished} unfinished games are kept"
    return f"{said}\n{kept}; the next call with the same --out goes on with them."
