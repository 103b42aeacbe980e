"""A table of the state: rows by key, their bytes, and a sum over their hashes.

Hashing 80,000 rows takes 280 ms, far too long for an event loop that shows the state's digest every
second. So a row is encoded once, when it is entered, and the table keeps up with changes: `bytes`
is the length of all rows as a snapshot has them, `total` the sum, modulo 2**256, of their sha256. A
sum knows no order, and equal tables have equal ones however they came to be; it tells replicas that
drifted apart, it is no defence against a forger.
"""

import hashlib
from typing import Generic, NamedTuple, TypeVar

import msgspec

K = TypeVar("K", int, str)
V = TypeVar("V")

_encoder = msgspec.msgpack.Encoder(order="deterministic")


class Print(NamedTuple):
    """What an encoded row adds to its table's sums."""

    hashed: int
    bytes: int


def row_bytes(key: int | str, row: object) -> bytes:
    """The canonical encoding of a row with its key."""
    return _encoder.encode((key, row))


def print_of(table: str, row: bytes | memoryview) -> Print:
    """The sha256 of an encoded row of a table, as a number, and the row's length."""
    hashed = hashlib.sha256(table.encode() + b"\0" + bytes(row)).digest()
    return Print(int.from_bytes(hashed, "big"), len(row))


class Table(dict[K, V], Generic[K, V]):
    """Rows by key; change it by `table[key] = row` and `del table[key]` only."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.bytes = 0
        # Two dictionaries of numbers are nothing to the garbage collector, 100,000 pairs are.
        self._hashes: dict[K, int] = {}
        self._lengths: dict[K, int] = {}
        self._sum = 0

    def __setitem__(self, key: K, row: V) -> None:
        entered = print_of(self.name, row_bytes(key, row))
        self._leave(key)
        self._enter(key, row, entered)

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        self._leave(key)

    def load(self, key: K, row: V, entered: Print) -> None:
        """Enter a new row whose print is known already; raises KeyError on a repeated key."""
        if key in self:
            raise KeyError(key)
        self._enter(key, row, entered)

    def bytes_of(self, key: K) -> int:
        """The encoded length of a row."""
        return self._lengths[key]

    def total(self) -> int:
        """The sum of all row hashes, modulo 2**256."""
        return self._sum % (1 << 256)

    def _enter(self, key: K, row: V, entered: Print) -> None:
        super().__setitem__(key, row)
        self._hashes[key], self._lengths[key] = entered
        self._sum += entered.hashed
        self.bytes += entered.bytes

    def _leave(self, key: K) -> None:
        self._sum -= self._hashes.pop(key, 0)
        self.bytes -= self._lengths.pop(key, 0)
