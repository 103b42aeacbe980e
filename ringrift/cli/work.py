"""`ringrift work`: the queue as operators see and change it."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts

from ringrift.cli.place import AsJson, Place, client_of, print_json
from ringrift.cli.steer import act, known_config

if TYPE_CHECKING:
    from ringrift.wire.views import WorkView

HERE = Place()
app = cyclopts.App(name="work", help="The work queue: list, add, cancel, retry.")

Item = Annotated[
    int, cyclopts.Parameter(help="Its number.", validator=cyclopts.validators.Number(gte=1))
]


@app.command(name="list")
def list_(
    *,
    state: Annotated[
        Literal["pending", "claimed", "completed", "failed", "cancelled"] | None,
        cyclopts.Parameter(help="Only items in this state."),
    ] = None,
    place: Place = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what is worked on, what waits, and what ended last."""
    with client_of(place) as client:
        status = client.status()
    items = [item for item in status.work if state in (None, item.state)]
    if as_json:
        print_json(items)
        return
    for item in items:
        print(_line(item))
    counts = ", ".join(f"{count} {name}" for name, count in status.work_counts.items() if count)
    print(f"{counts or 'nothing'} in the queue", file=sys.stderr)


@app.command
def add(
    config: Annotated[str, cyclopts.Parameter(help="A configuration, e.g. hex8_2p.")],
    /,
    *,
    games: Annotated[
        int,
        cyclopts.Parameter(
            help="How many games.", validator=cyclopts.validators.Number(gte=1, lte=100_000)
        ),
    ] = 64,
    priority: Annotated[
        int | None,
        cyclopts.Parameter(
            help="0 to 1000, higher first; that of selfplay when not given.",
            validator=cyclopts.validators.Number(gte=0, lte=1_000),
        ),
    ] = None,
    node: Annotated[str | None, cyclopts.Parameter(help="Only this node may claim it.")] = None,
    place: Place = HERE,
) -> None:
    """Queue one item of selfplay."""
    from ringrift.wire.actions import AddSelfplay

    name = known_config(config)
    act(place, AddSelfplay(config=name, games=games, priority=priority, node=node))


@app.command
def cancel(item: Item, /, *, place: Place = HERE) -> None:
    """Cancel one work item, pending or claimed."""
    from ringrift.wire.actions import CancelWork

    act(place, CancelWork(item=item))


@app.command
def retry(item: Item, /, *, place: Place = HERE) -> None:
    """Queue a failed or cancelled item anew."""
    from ringrift.wire.actions import RetryWork

    act(place, RetryWork(item=item))


def _line(item: "WorkView") -> str:
    said = item.progress
    progress = f"{said.done}/{said.total} {said.unit}" if said is not None else item.error or ""
    where = item.node or ""
    return (
        f"#{item.id:<6} {item.state:<10} {item.kind:<10} {item.config:<13} {where:<20} "
        f"{item.summary}  {progress}"
    ).rstrip()
