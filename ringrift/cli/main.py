"""The entry point `ringrift`: the table of verbs, and the page that lists them.

The page is written without the argument parser, whose import alone takes 0.2 s of processor time:
it is the first thing that a stranger waits for.
"""

import os
import sys
from typing import TYPE_CHECKING, Final

from ringrift import __version__

if TYPE_CHECKING:
    import cyclopts

ABOUT: Final = "AlphaZero-style training for the RingRift board game. Begin with `ringrift up`."

# Verb, where it is, and its help: one line for the table, more for its own page.
VERBS: Final = (
    (
        "up",
        "ringrift.cli.up:up",
        (
            "Start a node that plays and learns, and show its dashboard.\n\n"
            "The node is founded if need be. Without a terminal, plain lines are written "
            "instead. Ctrl-C ends both; the node's children hand in what they have, and the next "
            "`ringrift up` continues there. A node that already runs on the data directory is "
            "only attached to, and left running."
        ),
    ),
    (
        "node",
        "ringrift.cli.node:node",
        (
            "Run a node under its sentinel, in the foreground.\n\n"
            "It ends on Ctrl-C or SIGTERM, after its children have handed in what they have."
        ),
    ),
    (
        "init",
        "ringrift.cli.join:init",
        (
            "Found a cluster that other machines can join, with this one as voter.\n\n"
            "Prints what to do next. `ringrift up` needs none of this: it founds a cluster of one."
        ),
    ),
    ("token", "ringrift.cli.join:token_app", "Let somebody in: make a token to join with."),
    ("join", "ringrift.cli.join:join", "Join a cluster by a token; then run `ringrift node`."),
    (
        "tui",
        "ringrift.cli.tui:tui",
        "Attach the dashboard to a running node.\n\nLeaving it leaves the node alone.",
    ),
    ("status", "ringrift.cli.status:status", "Show what a node does, on one page."),
    ("events", "ringrift.cli.events:events", "Show what happened, or follow it."),
    (
        "doctor",
        "ringrift.cli.doctor:doctor",
        (
            "Say what is wrong with this machine, and the fix.\n\n"
            "Exits 0 when nothing failed, 1 otherwise. The first run compiles the engine's "
            "kernels, which takes about two minutes."
        ),
    ),
    ("members", "ringrift.cli.members:members", "Show who belongs to the cluster."),
    ("work", "ringrift.cli.work:app", "The work queue: list, add, cancel, retry."),
    ("operator", "ringrift.cli.operator:app", "Voters, roles, timing: what changes rarely."),
    ("drain", "ringrift.cli.steer:drain", "Let a node hand in its work and claim no more."),
    ("undrain", "ringrift.cli.steer:undrain", "Let a drained node claim work again."),
    ("restart", "ringrift.cli.steer:restart", "End a node cleanly and have it started anew."),
    ("pause", "ringrift.cli.steer:pause", "Make no new work for a configuration."),
    ("resume", "ringrift.cli.steer:resume", "Make work for a paused configuration again."),
    (
        "sim",
        "ringrift.cli.sim:sim",
        (
            "Simulate clusters with faults from a seed, and check every rule.\n\n"
            "Exits 0 when no rule was broken and enough happened, 1 otherwise. "
            "`ringrift sim --replay SEED --nodes 5` tells what happens in one seed."
        ),
    ),
    (
        "learn",
        "ringrift.cli.learn:learn",
        (
            "Learn a game on this machine alone, without a node.\n\n"
            "Begins from random weights, or goes on with what is in the directory. Ctrl-C ends it; "
            "unfinished games are kept and played on by the next call."
        ),
    ),
    (
        "selfplay",
        "ringrift.cli.selfplay:selfplay",
        (
            "Let a network play itself, and keep the games.\n\n"
            "Ctrl-C or SIGTERM write what has finished and keep what has not: the next call with "
            "the same --out goes on with it. Without --model an untrained network plays. The "
            "first run compiles the engine's kernels, which takes about two minutes."
        ),
    ),
    ("match", "ringrift.cli.match:match", "Measure a network by matches of fixed length."),
    (
        "results",
        "ringrift.cli.results:app",
        "Recompute stated figures from raw match results.",
    ),
    ("play", "ringrift.cli.play:play", "Play or watch a game in the terminal."),
    (
        "engine",
        "ringrift.cli.engine:app",
        "The rules: verify recorded games, measure, show positions.",
    ),
)


def page() -> str:
    """What `ringrift --help` says: every verb with its one line."""
    width = max(len(verb) for verb, _, _ in VERBS)
    lines = [f"  {verb:<{width}}  {about.partition(chr(10))[0]}" for verb, _, about in VERBS]
    return "\n".join(
        [
            "Usage: ringrift COMMAND [OPTIONS]",
            "",
            ABOUT,
            "",
            "Commands:",
            *lines,
            "",
            "`ringrift COMMAND --help` says more of one; `ringrift --version` which version it is.",
            "",
        ]
    )


def parser() -> "cyclopts.App":
    """The parser of everything else; a verb's module is imported when the verb is used."""
    import cyclopts

    app = cyclopts.App(
        name="ringrift",
        help=ABOUT,
        version=__version__,
        help_format="plaintext",  # parsing Markdown would double the time to the first word
    )
    for verb, where, about in VERBS:
        app.command(where, name=verb, help=about)
    return app


def main() -> None:
    """Run the verb that the command line names."""
    try:
        if sys.argv[1:] in ([], ["--help"], ["-h"]):
            sys.stdout.write(page())
            sys.stdout.flush()
        else:
            parser()()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of a pipe left; without this Python complains once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
