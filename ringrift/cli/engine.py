"""`ringrift engine`: the rules at the command line."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts

if TYPE_CHECKING:
    from ringrift.engine.verify import Report

app = cyclopts.App(
    name="engine", help="The rules of RingRift: verify recorded games, measure, show positions."
)

_SECONDS_BETWEEN_LINES = 5.0


@app.command
def verify(*files: Path) -> None:
    """Replay recorded games and test vectors, and compare every legal set, state and result.

    Exits 0 when nothing differs, 1 when something does, 2 when a file cannot be used.

    Parameters
    ----------
    files
        JSON-lines files, plain or gzip-compressed.
    """
    from ringrift.engine.errors import EngineError
    from ringrift.engine.verify import verify_file

    if not files:
        print("verify needs at least one FILE of recorded games or vectors.", file=sys.stderr)
        raise SystemExit(2)
    differences = 0
    for path in files:
        started = time.monotonic()
        told = started

        def progress(report: "Report") -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= _SECONDS_BETWEEN_LINES:
                told = now
                line = f"  {report.games} games, {report.steps} steps, "
                print(line + f"{report.differences} differences so far", file=sys.stderr)

        try:
            report = verify_file(path, progress)
        except EngineError as error:
            print(error, file=sys.stderr)
            raise SystemExit(2) from None
        seconds = time.monotonic() - started
        differences += report.differences
        print("\n".join(_summary(report, seconds)))
    raise SystemExit(1 if differences else 0)


def _summary(report: "Report", seconds: float) -> list[str]:
    lines = [f"{report.path}: {report.differences} differences in {seconds:.1f} s"]
    if report.games:
        lines.append(
            f"  {report.games} games, {report.steps} steps ({report.steps / seconds:.0f}/s), "
            f"{report.choices} legal choices"
        )
    if report.vectors_held + report.vectors_refused + report.vectors_skipped:
        lines.append(
            f"  {report.vectors_held} vectors hold, {report.vectors_refused} illegal ones refused, "
            f"{report.vectors_skipped} unusable skipped"
        )
    lines += [f"  {example}" for example in report.examples]
    left = report.differences - len(report.examples)
    return [*lines, f"  and {left} more"] if left > 0 else lines


@app.command
def bench(*configs: str, seconds: float = 3.0, seed: int = 1) -> None:
    """Measure the rules on one core: a decision, and random play with every legal choice listed.

    Exits 2 when a config is unknown.

    Parameters
    ----------
    configs
        Such as hex8_2p; all twelve when none is named.
    seconds
        CPU time for each.
    seed
        Of the random play.
    """
    from ringrift.engine.bench import measure
    from ringrift.engine.config import CONFIGS, Config
    from ringrift.engine.errors import EngineError

    try:
        wanted = [Config.parse(name) for name in configs] or list(CONFIGS)
        if not 0 < seconds < 3600:
            raise EngineError(f"--seconds is {seconds:g}; it must be above 0 and below 3600.")
    except EngineError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print("one core, CPU time; a decision: choose, fold forced steps, list, encode as planes;")
    print("the reference engine was measured once, on the machine that ringrift was developed on")
    heads = f"{'':13} {'decision':>9} {'no planes':>9}  {'moves/s':>9} {'games/s':>8}"
    print(f"{heads} {'choices/s':>11}  over the reference engine")
    for config in wanted:
        found = measure(config, seconds, seed)
        print(
            f"{found.config:13} {found.decision_us:6.2f} us {found.listing_us:6.2f} us  "
            f"{found.moves_per_s:9,.0f} {found.games_per_s:8,.0f} "
            f"{found.choices_per_s:11,.0f}  x {found.ratio:,.0f}",
            flush=True,
        )


@app.command
def show(state: str, *, legal: bool = False) -> None:
    """Draw a position and say who is to act.

    Parameters
    ----------
    state
        A state text (RR1|...), in quotes.
    legal
        Also list every legal choice.
    """
    from ringrift.engine.errors import EngineError
    from ringrift.engine.kernels import new_scratch
    from ringrift.engine.text import legal_texts, parse_state
    from ringrift.play.choices import ask
    from ringrift.play.ink import plain, written
    from ringrift.play.panel import picture
    from ringrift.play.position import Position

    try:
        tables, row = parse_state(state)
    except EngineError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    columns = shutil.get_terminal_size((120, 40)).columns
    for line in picture(state, tables, ("",) * tables.players, columns):
        print(written(line, True) if coloured else plain(line))
    choices, p = list(legal_texts(tables, row, new_scratch(tables))), Position.read(state)
    if choices:
        print(f"seat {p.seat}, {p.phase}: {ask(p.phase, p.pending, choices)}")
    else:
        print(f"over: seat {p.winner} won")
    print(f"{len(choices)} legal choices")
    if legal:
        print("\n".join(choices))
