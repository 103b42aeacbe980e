"""The ways to start the cockpit: on the terminal, as a picture, as one frame of text."""

import re
import shutil
from pathlib import Path
from typing import Any

from ringrift.client import Address, AsyncClient, Client
from ringrift.tui import frame
from ringrift.tui.frame import ScreenName
from ringrift.tui.source import Source

TEXT_WIDTH_WITHOUT_TERMINAL = 160
FRAME_EVENTS = 40
CELL_WIDTH = 12.2  # of a character cell in Rich's SVG


async def attach(
    address: Address,
    *,
    readonly: bool = False,
    owns_node: bool = False,
    screen: ScreenName = "overview",
) -> None:
    """Show the dashboard until the operator leaves it."""
    from ringrift.tui.app import Cockpit

    async with AsyncClient(address) as client:
        app = Cockpit(client, readonly=readonly, owns_node=owns_node, first_screen=screen)
        await app.run_async()


_LEADING_BLANKS = re.compile(
    r'x="([\d.]+)"( y="[\d.]+") textLength="([\d.]+)"([^>]*)>((?:&#160;)+)'
)


def without_leading_blanks(svg: str) -> str:
    """Move texts that begin with blanks to where their first letter is.

    librsvg drops such blanks, and every right-aligned figure would stand at the left.
    """

    def moved(match: re.Match[str]) -> str:
        x, y, length, rest, blanks = match.groups()
        shift = len(blanks) // len("&#160;") * CELL_WIDTH
        return f'x="{float(x) + shift:g}"{y} textLength="{float(length) - shift:g}"{rest}>'

    return _LEADING_BLANKS.sub(moved, svg)


async def screenshot(
    source: Source, target: Path, *, size: tuple[int, int], screen: ScreenName
) -> None:
    """Write one look at the node as an SVG picture of `size` (columns, lines)."""
    from ringrift.tui.app import Cockpit

    app = Cockpit(source, first_screen=screen)

    async def take(pilot: Any) -> None:
        await app.settled.wait()
        await pilot.pause(0.2)
        target.write_text(without_leading_blanks(app.export_screenshot()), encoding="utf-8")
        app.exit()

    await app.run_async(headless=True, size=size, auto_pilot=take)


async def picture(
    address: Address, target: Path, *, size: tuple[int, int], screen: ScreenName
) -> None:
    """`screenshot` of the node at this address."""
    async with AsyncClient(address) as client:
        await screenshot(client, target, size=size, screen=screen)


def once(client: Client, screen: ScreenName) -> str:
    """One text frame of a screen, as wide as the terminal; raises ClientError."""
    width = shutil.get_terminal_size((TEXT_WIDTH_WITHOUT_TERMINAL, 24)).columns
    if screen == "models":
        return frame.models(client.models(), width)
    if screen == "events":
        return frame.events(client.recent_events(FRAME_EVENTS), width)
    if screen == "members":
        return frame.members(client.status(), width)
    return frame.overview(client.status(), width)
