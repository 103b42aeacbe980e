"""What an operator asks becomes a command in the log; what the log answers becomes a sentence."""

from collections.abc import Awaitable, Callable

import msgspec

from ringrift.node.cluster import commands
from ringrift.node.cluster.commands import Command, CommandError
from ringrift.node.cluster.results import Done, Queued, Refused, told
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.replica import Proposed, ReplicaError
from ringrift.node.control.populator import selfplay
from ringrift.node.net.guard import RequestError
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.settings import PipelineSettings
from ringrift.wire.actions import (
    ActionReply,
    ActionRequest,
    AddSelfplay,
    CancelWork,
    ChangeRole,
    CreateToken,
    RestartNode,
    RetryWork,
    RevokeMember,
    SetConfigMode,
    SetNodeMode,
    SetTiming,
    TransferLeadership,
)

PATIENCE_S = 4.0
"""How long an operator waits for a decision; clients give up at 5 s."""
UNDECIDED = (
    "nobody has decided this: no leader answers (a majority of the voters must live); look at "
    "`ringrift members`, and ask again"
)
ALONE = "this node is a cluster of its own; `ringrift init` founds one that others can join"


class Operators:
    """Acts for operators through this node's proposer."""

    def __init__(
        self,
        state: Callable[[], ClusterState],
        propose: Callable[[Command], Awaitable[Proposed]],
        node: str,
        invite: Callable[[], tuple[str, str]] | None,
        pipeline: PipelineSettings,
        clock: Clock,
    ) -> None:
        """`node` is this one; `invite` makes a secret's sha256 and the token that carries the
        secret, None where nobody can join."""
        self._state, self._propose, self._node = state, propose, node
        self._invite, self._pipeline, self._clock = invite, pipeline, clock

    async def act(self, request: ActionRequest, member: str | None = None) -> ActionReply:
        """Have an action decided that a member asks for, or whoever has this node's socket.

        The audit names the member, or this node. Raises `RequestError` when it is refused.
        """
        command, token = self._command(request, self._node if member is None else member)
        proposed = None
        try:
            with self._clock.at_most(PATIENCE_S):
                proposed = await self._propose(command)
        except CommandError as error:
            raise RequestError(403, str(error)) from error
        except ReplicaError as error:
            raise RequestError(503, f"nothing can be decided now: {error}") from error
        if proposed is None:
            raise RequestError(503, UNDECIDED)
        match proposed.result:
            case Done() | Queued() as result:
                return ActionReply(proposed.index, told(result), token)
            case Refused(reason=reason):
                raise RequestError(409, reason)
            case result:
                raise TypeError(f"an action was answered with {type(result).__name__}")

    def _command(self, request: ActionRequest, by: str) -> tuple[Command, str | None]:
        """The command of an action, and the token that it makes good."""
        if isinstance(request, CreateToken):
            if self._invite is None:
                raise RequestError(409, ALONE)
            digest, token = self._invite()
            made = commands.CreateToken(
                token=digest, role=request.role, lifetime_s=request.lifetime_s, by=by
            )
            return made, token
        if isinstance(request, AddSelfplay):
            return self._selfplay(request, by), None
        return command_of(request, self._state(), by), None

    def _selfplay(self, request: AddSelfplay, by: str) -> Command:
        state = self._state()
        _require_config(request.config, state)
        usual = selfplay(request.config, self._pipeline)
        return msgspec.structs.replace(
            usual,
            payload=msgspec.structs.replace(usual.payload, games=request.games),
            priority=usual.priority if request.priority is None else request.priority,
            target=None if request.node is None else _node_id(request.node, state),
            by=by,
        )


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
            _require_config(config, state)
            return commands.SetConfigMode(config=config, mode=mode, by=by)
        case CancelWork(item=item):
            return commands.CancelWork(item=_item(item, state), by=by)
        case RetryWork(item=item):
            return commands.RetryWork(item=_item(item, state), by=by)
        case ChangeRole(member=member, role=role):
            return commands.ChangeRole(member=_node_id(member, state), role=role, by=by)
        case RevokeMember(member=member):
            return commands.RevokeMember(member=_node_id(member, state), by=by)
        case SetTiming(timing=timing):
            return commands.SetTiming(timing=timing, by=by)
        case AddSelfplay() | CreateToken():
            raise TypeError("these need more than the state")
        case TransferLeadership(to=to):
            heir = None if to is None else _node_id(to, state)
            return commands.TransferLeadership(term=state.term, to=heir, by=by)


def _require_config(config: str, state: ClusterState) -> None:
    if config not in state.configs.rows:
        known = ", ".join(state.configs.rows)
        raise RequestError(404, f"config {config} is not trained here; there are {known}")


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
