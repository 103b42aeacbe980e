"""`ringrift events`: what happened, and what happens."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import cyclopts

from ringrift.cli.place import Place, client_of

if TYPE_CHECKING:
    from ringrift.client import Client
    from ringrift.wire.views import EventView

HERE = Place()
RETRY_S = 1.0
CATCH_UP = 1000


def events(
    *,
    place: Place = HERE,
    follow: Annotated[
        bool, cyclopts.Parameter(negative="", help="Go on with new ones until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool, cyclopts.Parameter(name="--json", negative="", help="As JSON, one a line.")
    ] = False,
    limit: Annotated[
        int,
        cyclopts.Parameter(
            help="How many past events.", validator=cyclopts.validators.Number(gte=1, lte=1000)
        ),
    ] = 50,
    match: Annotated[
        str, cyclopts.Parameter(help="Only events that contain all of these words.")
    ] = "",
) -> None:
    """Show the newest events, oldest first."""
    import msgspec

    from ringrift.tui import text
    from ringrift.tui.rows import matching

    with client_of(place) as client:
        found = following(client, limit) if follow else iter(client.recent_events(limit))
        for event in found:
            if not matching(event, match):
                continue
            if as_json:
                line = msgspec.json.encode(event).decode()
            else:
                line = f"{text.clock(event.at)}  {event.name.lower():<22} {event.text}"
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def following(client: "Client", limit: int) -> "Iterator[EventView]":
    """The newest `limit` events, then every later one, across restarts of the node."""
    from ringrift.client import NotRunningError

    last = -1
    for event in client.recent_events(limit):
        last = event.seq
        yield event
    told = False
    while True:
        try:
            for event in client.events():
                told = False
                if event.seq > last + 1:  # some happened while nobody listened
                    for missed in client.recent_events(CATCH_UP, max(last, 0)):
                        if last < missed.seq < event.seq:
                            last = missed.seq
                            yield missed
                if event.seq > last:
                    last = event.seq
                    yield event
        except NotRunningError as error:
            if not told:  # once, however long it is away
                print(f"{error} Waiting for it.", file=sys.stderr)
            told = True
        time.sleep(RETRY_S)
