"""The verbs that change desired state: drain, undrain, restart, pause, resume."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import cyclopts

from ringrift.cli.place import Place, client_of, fail, seconds_in

if TYPE_CHECKING:
    from ringrift.client import Client
    from ringrift.wire.actions import ActionRequest

HERE = Place()
LOOK_S = 0.5
SOON_S = 0.1
NodeName = Annotated[
    str | None, cyclopts.Parameter(help="Name or id of a node; the one that is asked, if none.")
]
ConfigText = Annotated[str, cyclopts.Parameter(help="A configuration, e.g. hex8_2p.")]


def drain(
    node: NodeName = None,
    /,
    *,
    deadline: Annotated[
        str | None,
        cyclopts.Parameter(
            help="What runs may go on for so long (30m, 2h) before it is handed in; at once if not "
            "given."
        ),
    ] = None,
    detach: Annotated[
        bool, cyclopts.Parameter(negative="", help="Do not wait until the node is drained.")
    ] = False,
    place: Place = HERE,
) -> None:
    """Let a node claim no more work; its children hand in what they have."""
    from ringrift.wire.actions import SetNodeMode

    for_s = None if deadline is None else seconds_in(deadline, "--deadline", least="1s", most="30d")
    with client_of(place) as client:
        drained = _node_id(client, node)
        since = _decide(client, SetNodeMode(node=drained, mode="draining", deadline_s=for_s))
        if not detach:
            _await_drained(client, drained, since)


def _await_drained(client: "Client", node: str, since: int) -> None:
    """Say how much is left until nothing is; the drain itself goes on if this is interrupted."""
    told = -1
    while True:
        status = client.status()
        if status.applied_index < since:  # a picture from before it was decided
            time.sleep(SOON_S)
            continue
        found = [view for view in status.nodes if view.id == node]
        if not found or found[0].mode == "active":
            fail(f"{node} is not to be drained any more", 1)
        if found[0].mode == "drained":
            print(f"{node} is drained.")
            return
        if found[0].items != told:
            told = found[0].items
            print(f"{told} items left on {node}; Ctrl-C waits no longer.", file=sys.stderr)
        time.sleep(LOOK_S)


def undrain(node: NodeName = None, /, *, place: Place = HERE) -> None:
    """Let a drained node claim work again."""
    from ringrift.wire.actions import SetNodeMode

    with client_of(place) as client:
        _decide(client, SetNodeMode(node=_node_id(client, node), mode="active"))


def restart(node: NodeName = None, /, *, place: Place = HERE) -> None:
    """End a node cleanly; its sentinel starts it anew."""
    from ringrift.wire.actions import RestartNode

    with client_of(place) as client:
        _decide(client, RestartNode(node=_node_id(client, node)))


def pause(config: ConfigText, /, *, place: Place = HERE) -> None:
    """Make no new work for a configuration; running items finish."""
    from ringrift.wire.actions import SetConfigMode

    act(place, SetConfigMode(config=known_config(config), mode="paused"))


def resume(config: ConfigText, /, *, place: Place = HERE) -> None:
    """Make work for a paused configuration again."""
    from ringrift.wire.actions import SetConfigMode

    act(place, SetConfigMode(config=known_config(config), mode="active"))


def act(place: Place, request: "ActionRequest") -> None:
    """Have something decided, and say what came of it."""
    with client_of(place) as client:
        _decide(client, request)


def _decide(client: "Client", request: "ActionRequest") -> int:
    """Return the log entry that decided it."""
    reply = client.act(request)
    print(f"{reply.text} (log #{reply.index})")
    return reply.index


def _node_id(client: "Client", wanted: str | None) -> str:
    status = client.status()
    if wanted is None:
        return status.node_id
    found = [node.id for node in status.nodes if wanted in (node.id, node.name)]
    if not found:
        known = ", ".join(node.name for node in status.nodes) or "none"
        fail(f"There is no node {wanted!r}; known are {known}", 2)
    if len(found) > 1:
        fail(f"Several nodes are named {wanted!r}; give an id: {', '.join(found)}", 2)
    return found[0]


def known_config(wanted: str) -> str:
    """The configuration that is meant; ends the program when there is none."""
    from ringrift.engine.config import Config
    from ringrift.engine.errors import EngineError

    try:
        return Config.parse(wanted).name
    except EngineError as error:
        fail(str(error), 2)
