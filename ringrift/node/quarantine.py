"""Keeps a node whose copy of the state is odd from acting by it.

It takes on no more work. A node that follows the voters starts anew and takes their state. A voter
hands leadership over; its log is right, but whether its snapshots are is not known, so it is left
to the operator, who reads here what to do.
"""

from collections.abc import Callable, Mapping

from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.raft.core import ChangeRefusedError
from ringrift.node.consensus.replica import NotLeaderError
from ringrift.node.consensus.voter import Voter
from ringrift.node.gossip.softstate import Kept
from ringrift.node.health.agreement import Agreement, Findings
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.node.standing import revival
from ringrift.wire.views import Figure

COMPARE_S = 2.0


class Quarantine:
    """`reason` says why this node is to act on nothing; empty while its copy is like the others."""

    def __init__(
        self,
        me: str,
        replica: Voter | Follower,
        soft_states: Callable[[], Mapping[str, Kept]],
        clock: Clock,
    ) -> None:
        self._me, self._replica, self._soft_states = me, replica, soft_states
        self._clock = clock
        self._agreement = Agreement(me)
        self.reason = ""

    async def run(self, pulse: Pulse, start_anew: Callable[[str], None]) -> None:
        """Compare until cancelled; `start_anew` has the process started again, for a reason."""
        pulse.ready("no two copies to compare yet")
        while True:
            found = self._compare()
            at = found.odd.get(self._me)
            self.reason = "" if at is None else f"its state is not the voters' at entry {at}"
            figures: dict[str, Figure] = {
                "entry": found.index,
                "equal": found.equal,
                "odd": len(found.odd),
            }
            pulse.ran(figures, self._told(found), well=not found.odd and found.split is None)
            if at is not None:
                await self._withdraw(found, start_anew)
            await self._clock.sleep(COMPARE_S)

    def _compare(self) -> Findings:
        for node, kept in self._soft_states().items():
            if kept.state.mark is not None and node != self._me:
                self._agreement.hear(node, kept.boot, kept.state.mark)
        state = self._replica.state
        return self._agreement.compare(state.marks, state.members.rows, state.voters)

    def _told(self, found: Findings) -> str:
        if self.reason:
            follows = isinstance(self._replica, Follower)
            return self.reason if follows else f"{self.reason}; {revival(self._me)}"
        if found.odd:
            return f"not the voters' state: {', '.join(sorted(found.odd))}"
        if found.split is not None:
            return f"copies differ at entry {found.split}, and most voters hold no one of them"
        if not found.index:
            return "no two copies to compare yet"
        return f"equal with {found.equal} others at entry {found.index}"

    async def _withdraw(self, found: Findings, start_anew: Callable[[str], None]) -> None:
        if isinstance(self._replica, Follower):
            start_anew(self.reason)
            return
        for heir in self._replica.voters:
            if heir not in found.odd and self._replica.leader_id == self._me:
                try:
                    await self._replica.hand_over(heir)
                except (ChangeRefusedError, NotLeaderError):
                    continue
