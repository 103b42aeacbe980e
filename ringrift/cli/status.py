"""`ringrift status`: a node on one page."""

import sys

from ringrift.cli.place import AsJson, Place, client_of, print_json

HERE = Place()


def status(*, place: Place = HERE, as_json: AsJson = False) -> None:
    """Show what a node does: stages, work, configurations, nodes and the health of its loops."""
    from ringrift.tui.run import once

    with client_of(place) as client:
        if as_json:
            print_json(client.status())
        else:
            sys.stdout.write(once(client, "overview"))
