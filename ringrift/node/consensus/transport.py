"""How a voter's messages leave: handed to whoever carries them, never waited for."""

from typing import Protocol

from ringrift.wire.raft import RaftMessage


class Transport(Protocol):
    """Carries messages to other voters, in order between two of them, or not at all."""

    def send(self, to: str, message: RaftMessage) -> None:
        """Hand over a message; it may be lost, and is when there is no room for it."""
        ...


class Nowhere:
    """The transport of a voter that is alone."""

    def send(self, to: str, message: RaftMessage) -> None:
        """A sole voter has nobody to talk to; what it says to former voters is not missed."""
