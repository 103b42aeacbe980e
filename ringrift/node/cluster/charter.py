"""What holds for the whole cluster: its profile of time, and the format of its state."""

from typing import Literal

import msgspec

from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.table import Table
from ringrift.wire.events import FormatRaised, TimingChanged, TransferRequested

Timing = Literal["local", "lan", "wan"]

SUPPORTED_FORMAT = 1
"""The newest format of the state that this version understands."""

_KEY = "cluster"


class Transfer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who leads in `term` is to hand over: to that voter, or to any other that can."""

    term: int
    to: str | None


class Agreed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all nodes go by."""

    timing: Timing = "local"
    format: int = 1
    transfer: Transfer | None = None


class Charter:
    """One row, once anything was decided."""

    def __init__(self) -> None:
        self.rows: Table[str, Agreed] = Table("charter")

    @property
    def agreed(self) -> Agreed:
        return self.rows.get(_KEY, Agreed())

    def set_timing(self, timing: Timing) -> Effect:
        if self.agreed.timing == timing:
            return Effect(Done(f"the timing is {timing} already"))
        self.rows[_KEY] = msgspec.structs.replace(self.agreed, timing=timing)
        return Effect(Done(f"the timing is now {timing}"), (TimingChanged(timing=timing),))

    def transfer(self, term: int, to: str | None) -> Effect:
        """Have the leader of a term hand over; nothing happens when another term has begun."""
        self.rows[_KEY] = msgspec.structs.replace(self.agreed, transfer=Transfer(term, to))
        heir = to or "another voter"
        event = TransferRequested(term=term, to=heir)
        return Effect(Done(f"the leader of term {term} hands over to {heir}"), (event,))

    def raise_format(self, wanted: int) -> Effect:
        """Raise the format; the caller has made sure that all who must support it do."""
        if wanted <= self.agreed.format:
            return Effect(Refused(f"The state has format {self.agreed.format} already."))
        self.rows[_KEY] = msgspec.structs.replace(self.agreed, format=wanted)
        return Effect(Done(f"the state has format {wanted}"), (FormatRaised(format=wanted),))

    def check(self) -> None:
        """Assert that the one row is understood."""
        assert set(self.rows) <= {_KEY}, self.rows
        assert 1 <= self.agreed.format <= SUPPORTED_FORMAT, self.agreed
