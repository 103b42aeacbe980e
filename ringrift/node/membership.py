"""This node as a member: it says that it is up, then obeys what is wanted of it.

Draining is obeyed by the worker, which looks at the mode before every claim; its deadline is judged
here. So is a restart: the process is told to end with the code that its sentinel answers with a
start.
"""

from collections.abc import Awaitable, Callable

import msgspec

from ringrift.node.cluster.charter import Timing
from ringrift.node.cluster.commands import Command, JoinMember, SetTiming
from ringrift.node.cluster.members import Reach
from ringrift.node.cluster.results import Refused
from ringrift.node.consensus.replica import Proposed, Replica
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.node.runtime.wakeup import Wakeup

CHECK_S = 1.0


class MembershipError(RuntimeError):
    """The cluster does not take this node, in one sentence."""


class Membership:
    """Joins, then watches this node's own row.

    `timing` is what this life was started with, `reach()` how this node is reached now.
    """

    def __init__(
        self,
        join: JoinMember,
        timing: Timing,
        replica: Replica,
        propose: Callable[[Command], Awaitable[Proposed]],
        reach: Callable[[], Reach],
        wakeup: Wakeup,
        on_restart: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._join = join
        self._timing: Timing = timing
        self._replica = replica
        self._propose = propose
        self._reach = reach
        self._wakeup = wakeup
        self._on_restart = on_restart
        self._clock = clock
        self._started_with: int | None = None
        self._drains_since: float | None = None

    @property
    def hands_in(self) -> bool:
        """Whether what runs is to be handed in: it drains, and its deadline, if any, has passed."""
        row = self._replica.state.members.rows.get(self._join.node)
        if row is None or row.mode != "draining":
            return False
        if row.deadline_s is None:
            return True
        since = self._drains_since
        return since is not None and self._clock.now() - since >= row.deadline_s

    @property
    def is_active(self) -> bool:
        """Whether this node is wanted to work (not before it has joined)."""
        row = self._replica.state.members.rows.get(self._join.node)
        return self._started_with is not None and row is not None and row.works

    async def run(self, pulse: Pulse) -> None:
        """Be a member until cancelled."""
        result = (await self._propose(self._join)).result
        if isinstance(result, Refused):
            raise MembershipError(result.reason)
        await self._settle_timing()
        members = self._replica.state.members
        if self._started_with is None:
            self._started_with = members.rows[self._join.node].restart_generation
        while True:
            await self._tell_reach()
            row = self._replica.state.members.rows[self._join.node]
            mode = self._replica.state.node_mode(self._join.node)
            if row.mode != "draining":
                self._drains_since = None
            elif self._drains_since is None:
                self._drains_since = self._clock.now()
            pulse.ran({"mode": mode, "restart_generation": row.restart_generation}, mode)
            if row.restart_generation > self._started_with:
                self._on_restart()
            await self._wakeup.wait(CHECK_S)

    async def _tell_reach(self) -> None:
        """Say anew how this node is reached, when that has changed."""
        row = self._replica.state.members.rows[self._join.node]
        reach = self._reach()
        if row.life is None or row.life.reach == reach or row.life.boot != self._join.life.boot:
            return
        life = msgspec.structs.replace(self._join.life, reach=reach)
        result = (await self._propose(msgspec.structs.replace(self._join, life=life))).result
        if isinstance(result, Refused):
            raise MembershipError(result.reason)

    async def _settle_timing(self) -> None:
        """Have what the cluster was founded with agreed on, once: by its first member."""
        charter = self._replica.state.charter
        if not charter.rows and charter.agreed.timing != self._timing:
            await self._propose(SetTiming(timing=self._timing, by=self._join.node))
