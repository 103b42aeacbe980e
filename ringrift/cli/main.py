"""The entry point `ringrift`: the table of verbs."""

import os
import sys
from typing import Final

import cyclopts

from ringrift import __version__

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
            "kernels, which takes about a minute."
        ),
    ),
    ("drain", "ringrift.cli.steer:drain", "Let a node hand in its work and claim no more."),
    ("undrain", "ringrift.cli.steer:undrain", "Let a drained node claim work again."),
    ("restart", "ringrift.cli.steer:restart", "End a node cleanly and have it started anew."),
    ("pause", "ringrift.cli.steer:pause", "Make no new work for a configuration."),
    ("resume", "ringrift.cli.steer:resume", "Make work for a paused configuration again."),
    ("cancel", "ringrift.cli.steer:cancel", "Cancel one work item."),
    ("engine", "ringrift.cli.engine:app", "The rules: verify recorded games, show positions."),
)

app = cyclopts.App(
    name="ringrift",
    help="AlphaZero-style training for the RingRift board game. Begin with `ringrift up`.",
    version=__version__,
    help_format="plaintext",  # parsing Markdown would double the time to the first word
)
for _name, _where, _help in VERBS:
    app.command(_where, name=_name, help=_help)


def main() -> None:
    """Run the verb that the command line names."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of a pipe left; without this Python complains once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
