"""`ringrift play`: a game at the terminal."""

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import cyclopts

from ringrift.cli.place import fail

_DEFAULT_CONFIG = "hex8_2p"


def play(
    *,
    config: Annotated[str | None, cyclopts.Parameter(help="Board and seats; hex8_2p.")] = None,
    seats: Annotated[
        str | None,
        cyclopts.Parameter(help="Who plays, e.g. human,heuristic; without a human you watch."),
    ] = None,
    seed: Annotated[int | None, cyclopts.Parameter(help="Of the computer's players.")] = None,
    load: Annotated[Path | None, cyclopts.Parameter(help="Go on with a recorded game.")] = None,
    swap: Annotated[bool, cyclopts.Parameter(negative="", help="With the pie rule.")] = False,
    moves: Annotated[
        bool, cyclopts.Parameter(negative="", help="Print the moves of --load, and leave.")
    ] = False,
) -> None:
    """Play or watch a game; through a pipe by plain lines, where `?` tells the commands."""
    if load is None and moves:
        fail("--moves needs --load FILE.", 2)
    if load is not None and (config is not None or swap):
        fail("--load brings its own --config and --swap; leave them out.", 2)
    _tell_of_compiling()
    from ringrift.engine.errors import EngineError
    from ringrift.play.seats import parse_seats
    from ringrift.play.session import Session
    from ringrift.play.terminal import by_lines, on_screen
    from ringrift.play.trace import Trace, new_start
    from ringrift.play.trace import load as load_trace

    try:
        if load is not None:
            trace = load_trace(load)
        else:
            trace = Trace(new_start(config or _DEFAULT_CONFIG, swap), (), None, None)
        if moves:
            sys.stdout.write("".join(move + "\n" for move in trace.moves))
            return
        players = parse_seats(
            trace.seats if seats is None else seats, trace.start.game().tables.players
        )
    except EngineError as error:
        fail(str(error), 2)
    if seed is None:
        seed = secrets.randbits(31) if trace.seed is None else trace.seed
    session = Session(trace.start, trace.moves, players, seed)
    if load is not None:
        session.own_files.add(load.resolve())
    if sys.stdin.isatty() and sys.stdout.isatty():
        on_screen(session, "NO_COLOR" not in os.environ)
    else:
        by_lines(session, sys.stdin, sys.stdout)


def _tell_of_compiling() -> None:
    from ringrift.engine.jit import compiled_before

    if not compiled_before():
        print("The rules are compiled, once on this machine.", file=sys.stderr)
