"""What the simulated clients and voters say to each other."""

from typing import Literal, NamedTuple

from ringrift.node.cluster.results import Result
from ringrift.node.control.leases import ClaimKey
from ringrift.wire.log import Voters


class Ask(NamedTuple):
    """A client's wish number `op`, in its attempt `attempt`: one of the four below."""

    op: int
    wish: "Propose | Read | Change | HandOver"


class Propose(NamedTuple):
    """Have a command decided."""

    session: int
    seq: int
    command: bytes


class Read(NamedTuple):
    """Read linearizably."""


class Change(NamedTuple):
    """Make these the voters."""

    voters: Voters
    command: bytes


class HandOver(NamedTuple):
    """Give leadership to another voter, at random."""

    choice: float


class Renew(NamedTuple):
    """Renew the leases of a client's claims."""

    claims: tuple[ClaimKey, ...]


class Told(NamedTuple):
    """The answer to wish `op`, of a node in its life `life`.

    `how`: "done" (at `index`, with `result` if it was a command), "elsewhere" (ask `leader`),
    "unknown" (ask again), "refused".
    """

    op: int
    life: int
    how: Literal["done", "elsewhere", "unknown", "refused"]
    index: int = 0
    result: Result | None = None
    leader: str | None = None
    voters: Voters = ()
