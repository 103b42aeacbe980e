"""What clients ask for and are told: the client's side of a run."""

from dataclasses import dataclass
from typing import NamedTuple


class Write(NamedTuple):
    """A command as its client sends it; (session, seq) names it in every retry."""

    session: int
    seq: int
    command: bytes


@dataclass(slots=True)
class Operation:
    """One wish of one client; `write` is None for a read.

    `floor` is the highest index that any client had been told when this was called. `resent_term`
    is the newest term that anybody led when it was last sent again (0: it was sent once).
    `returned` and `abandoned` end it.
    """

    id: int
    called_at: float
    write: Write | None
    floor: int = 0
    resent_term: int = 0
    returned: bool = False
    abandoned: bool = False

    def __str__(self) -> str:
        if self.write is None:
            return f"read {self.id}"
        return f"write {self.id} ({self.write.session}, {self.write.seq})"
