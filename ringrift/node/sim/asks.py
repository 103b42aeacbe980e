"""What the simulated clients and voters say to each other."""

from typing import Literal

import msgspec

from ringrift.node.cluster.results import Result
from ringrift.node.control.leases import ClaimKey
from ringrift.wire.log import Voters


class Propose(msgspec.Struct, frozen=True):
    """A wish: have a command decided."""

    session: int
    seq: int
    command: bytes


class Read(msgspec.Struct, frozen=True):
    """A wish: read linearizably."""


class Change(msgspec.Struct, frozen=True):
    """A wish: make these the voters."""

    voters: Voters
    command: bytes


class HandOver(msgspec.Struct, frozen=True):
    """A wish: give leadership to another voter; `choice` (0 to 1) says to which."""

    choice: float


Wish = Propose | Read | Change | HandOver


class Ask(msgspec.Struct, frozen=True):
    """A client's wish number `op`."""

    op: int
    wish: Wish


class Renew(msgspec.Struct, frozen=True):
    """Renew the leases of a client's claims; nobody answers."""

    claims: tuple[ClaimKey, ...]


class Told(msgspec.Struct, frozen=True):
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
