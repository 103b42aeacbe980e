"""The vote file: what a replica has promised, durable before anybody hears of it.

A replica that lost it could vote twice in one term, so a directory with a log but without its vote
file is no longer this member's.
"""

import zlib

import msgspec

from ringrift.node.consensus.log import REMEDY, LogCorruptError
from ringrift.node.consensus.raft.ready import HardState
from ringrift.node.runtime.disk import Disk, write_atomically

NAME = "vote"
FORMAT = 1


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What `node` promised: `term` never goes back, `voted_for` is the vote given in it.

    `sealed` is an entry up to which the log was durable when this was written: a log that ends
    before it has lost something. `cutting` says that everything above it is being cut: damage there
    is of a crash, whatever was durable once.
    """

    format: int = FORMAT
    incarnation: str
    node: str
    term: int
    voted_for: str | None
    sealed: int
    cutting: bool = False

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.voted_for)


def read_vote(disk: Disk) -> Vote | None:
    """The vote of this directory, None when there is none; raises LogCorruptError on damage."""
    if NAME not in disk.names():
        return None
    data = disk.read(NAME)
    body = data[4:]
    if zlib.crc32(body) != int.from_bytes(data[:4], "big"):
        raise LogCorruptError(f"The vote file is damaged; {REMEDY}.")
    try:
        vote = msgspec.msgpack.decode(body, type=Vote)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogCorruptError(f"The vote file cannot be read: {error}; {REMEDY}.") from error
    if vote.format != FORMAT:
        raise LogCorruptError(
            f"The vote file has format {vote.format}, this version reads {FORMAT}; "
            "run the version that wrote it."
        )
    return vote


def write_vote(disk: Disk, vote: Vote) -> None:
    """Replace the vote, durably and atomically."""
    body = msgspec.msgpack.encode(vote)
    write_atomically(disk, NAME, [zlib.crc32(body).to_bytes(4, "big") + body])
