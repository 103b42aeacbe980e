"""What an operator asks becomes a command in the log; what the log answers becomes a sentence."""

from collections.abc import Awaitable, Callable

from ringrift.node.cluster import commands
from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.results import Done, Queued, Refused, told
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.replica import Proposed, ReplicaError
from ringrift.node.net.guard import RequestError
from ringrift.wire.actions import (
    ActionReply,
    ActionRequest,
    CancelWork,
    RestartNode,
    RetryWork,
    SetConfigMode,
    SetNodeMode,
)


class Operators:
    """Acts for operators through this node's proposer."""

    def __init__(
        self,
        state: Callable[[], ClusterState],
        propose: Callable[[Command], Awaitable[Proposed]],
        actor: str,
    ) -> None:
        self._state = state
        self._propose = propose
        self._actor = actor

    async def act(self, request: ActionRequest) -> ActionReply:
        """Have an action decided. Raises `RequestError` when it is refused."""
        command = command_of(request, self._state(), self._actor)
        try:
            proposed = await self._propose(command)
        except ReplicaError as error:
            raise RequestError(503, f"nothing can be decided now: {error}") from error
        match proposed.result:
            case Done() | Queued() as result:
                return ActionReply(proposed.index, told(result))
            case Refused(reason=reason):
                raise RequestError(409, reason)
            case result:
                raise TypeError(f"an action was answered with {type(result).__name__}")


def command_of(request: ActionRequest, state: ClusterState, by: str) -> Command:
    """Return the command of an action of `by`. Raises `RequestError` for what does not exist."""
    match request:
        case SetNodeMode(node=node, mode=mode, deadline_s=deadline_s):
            return commands.SetNodeMode(
                node=_node_id(node, state), mode=mode, deadline_s=deadline_s, by=by
            )
        case RestartNode(node=node):
            return commands.RestartNode(node=_node_id(node, state), by=by)
        case SetConfigMode(config=config, mode=mode):
            if config not in state.configs.rows:
                known = ", ".join(state.configs.rows)
                raise RequestError(404, f"config {config} is not trained here; there are {known}")
            return commands.SetConfigMode(config=config, mode=mode, by=by)
        case CancelWork(item=item):
            return commands.CancelWork(item=_item(item, state), by=by)
        case RetryWork(item=item):
            return commands.RetryWork(item=_item(item, state), by=by)


def _item(item: int, state: ClusterState) -> int:
    if item not in state.work.rows:
        raise RequestError(404, f"item {item} does not exist (any more)")
    return item


def _node_id(given: str, state: ClusterState) -> str:
    """Return the id of a node given by id, or by a name that only one member has."""
    rows = state.members.rows
    if given in rows:
        return given
    named = [row.id for row in rows.values() if row.name == given]
    if len(named) != 1:
        known = ", ".join(rows)
        several = "names several nodes" if named else "does not exist"
        raise RequestError(404, f"node {given!r} {several}; give an id: {known}")
    return named[0]
