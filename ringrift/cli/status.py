"""`ringrift status`: a node on one page."""

import sys
from typing import Annotated

import cyclopts

from ringrift.cli.place import Place, client_of

HERE = Place()


def status(
    *,
    place: Place = HERE,
    as_json: Annotated[
        bool, cyclopts.Parameter(name="--json", negative="", help="As JSON, on one line.")
    ] = False,
) -> None:
    """Show what a node does: stages, work, configurations, nodes and the health of its loops."""
    import msgspec

    from ringrift.tui.run import once

    with client_of(place) as client:
        if as_json:
            sys.stdout.write(msgspec.json.encode(client.status()).decode() + "\n")
        else:
            sys.stdout.write(once(client, "overview"))
