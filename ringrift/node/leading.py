"""What this node does for all while its voter leads: decide what they propose, renew their leases,
and keep the voters as operators want them."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from ringrift.node.cluster.commands import Command
from ringrift.node.consensus.raft.core import ChangeRefusedError
from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError, Proposed
from ringrift.node.consensus.voter import Voter
from ringrift.node.control.autopilot import HandOver, NameVoters, next_change
from ringrift.node.control.leadership import Leadership
from ringrift.node.control.leases import ClaimKey
from ringrift.node.net.gateway import Here
from ringrift.node.net.rights import forbidden
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Body, Pulse
from ringrift.node.runtime.wakeup import Wakeup

SHORTEST_PAUSE_S = 0.1


class Leading(Here):
    """A voter of this process as others may use it; it answers while it leads."""

    def __init__(self, voter: Voter, leadership: Leadership, clock: Clock) -> None:
        self._voter, self._leadership, self._clock = voter, leadership, clock

    @property
    def leader_id(self) -> str | None:
        return self._voter.leader_id

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`."""
        return await self._voter.propose(session, seq, command)

    async def read_barrier(self) -> int:
        """See `Replica.read_barrier`."""
        return await self._voter.read_barrier()

    def renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]:
        """See `Here.renew`."""
        voter = self._voter
        if voter.leader_id != voter.node_id:
            raise NotLeaderError(voter.leader_id)
        return self._leadership.renew(voter.term, voter.state, node, claims, self._clock.now())


def forbids(voter: Voter, peer: str, session: int, command: Command) -> str | None:
    """What `rights.forbidden` says by the state of a voter that leads: the `forbids` of a `Clerk`.

    Raises NotLeaderError while it does not lead, and OutcomeUnknownError while it leads and has not
    applied yet all that was decided before: it may know nobody then.
    """
    if voter.leader_id != voter.node_id:
        raise NotLeaderError(voter.leader_id)
    if voter.state.term < voter.term:
        raise OutcomeUnknownError
    return forbidden(voter.state, peer, session, command)


def autopilot(
    voter: Voter,
    linked: Callable[[], AbstractSet[str]],
    wakeup: Wakeup,
    clock: Clock,
    interval_s: float,
) -> Body:
    """The loop that names voters while this node leads; see `control.autopilot`."""

    async def body(pulse: Pulse) -> None:
        last = "nothing to change"
        while True:
            if voter.leader_id != voter.node_id:
                pulse.ran(reason="another node leads")
            else:
                change = next_change(voter.state, voter.node_id, voter.term, linked())
                last = last if change is None else await _carry_out(voter, change)
                pulse.ran({"voters": len(voter.voters)}, last)
            await clock.sleep(SHORTEST_PAUSE_S)
            await wakeup.wait(interval_s)

    return body


async def _carry_out(voter: Voter, change: NameVoters | HandOver) -> str:
    """Make a change; return in a few words what came of it."""
    try:
        if isinstance(change, HandOver):
            await voter.hand_over(change.to)
            return f"handing over to {change.to}"
        await voter.change_voters(change.voters)
    except (ChangeRefusedError, NotLeaderError, OutcomeUnknownError) as error:
        return str(error)
    return f"the voters are {', '.join(change.voters)}"
