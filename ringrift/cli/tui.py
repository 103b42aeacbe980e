"""`ringrift tui`: the dashboard, a picture of it, or one frame of it as text."""

import re
import sys
from pathlib import Path
from typing import Annotated

import cyclopts

from ringrift.cli.place import Place, address_of, client_of, fail
from ringrift.tui.frame import ScreenName

HERE = Place()


def tui(
    *,
    place: Place = HERE,
    screen: Annotated[ScreenName, cyclopts.Parameter(help="Where to begin.")] = "overview",
    readonly: Annotated[
        bool, cyclopts.Parameter(negative="", help="Look only: no key changes anything.")
    ] = False,
    once: Annotated[
        bool, cyclopts.Parameter(negative="", help="Print one frame as text and leave.")
    ] = False,
    screenshot: Annotated[
        Path | None, cyclopts.Parameter(help="Write one look as an SVG picture and leave.")
    ] = None,
    size: Annotated[
        str, cyclopts.Parameter(help="Columns and lines of the picture, e.g. 200x60.")
    ] = "120x40",
) -> None:
    """Attach the dashboard to a running node; leaving it leaves the node alone."""
    import asyncio

    from ringrift.tui import run

    if once:
        with client_of(place) as client:
            sys.stdout.write(run.once(client, screen))
        return
    if screenshot is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail("The dashboard needs a terminal; use --once for one frame of text.", 2)
    columns, lines = _size(size)
    with client_of(place) as client:
        client.status()  # no screen is opened for a node that is not there
        address = address_of(place)
        if screenshot is not None:
            _require_folder(screenshot)
            asyncio.run(run.picture(address, screenshot, size=(columns, lines), screen=screen))
        else:
            asyncio.run(run.attach(address, readonly=readonly, screen=screen))


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,3})x(\d{2,3})", text)
    if found is None:
        fail(f"--size is {text!r}; write columns x lines, e.g. 200x60.", 2)
    return int(found[1]), int(found[2])


def _require_folder(picture: Path) -> None:
    if not picture.parent.is_dir():
        fail(f"--screenshot {picture}: there is no folder {picture.parent}.", 2)
