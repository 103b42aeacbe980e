"""A table of the state: rows by key, and a sum over their hashes that is kept up with changes.

Hashing 80,000 rows takes 280 ms, far too long for an event loop that shows the state's digest
every second. So a table remembers which keys changed, and `total` hashes only those: the sum,
modulo 2**256, of the sha256 of every row. A sum knows no order, and equal tables have equal ones
however they came to be; it tells replicas that drifted apart, it is no defence against a forger.
"""

import hashlib
from typing import Generic, TypeVar

import msgspec

K = TypeVar("K", int, str)
V = TypeVar("V")

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def row_bytes(key: int | str, row: object) -> bytes:
    """The canonical encoding of a row with its key."""
    return _encoder.encode((key, row))


def row_hash(table: str, row: bytes | memoryview) -> int:
    """sha256 of an encoded row of a table, as a number."""
    return int.from_bytes(hashlib.sha256(table.encode() + b"\0" + bytes(row)).digest(), "big")


class Table(dict[K, V], Generic[K, V]):
    """Rows by key; change it by `table[key] = row` and `del table[key]` only."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._hashes: dict[K, int] = {}
        self._changed: dict[K, None] = {}
        self._sum = 0

    def __setitem__(self, key: K, row: V) -> None:
        super().__setitem__(key, row)
        self._changed[key] = None

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        self._changed[key] = None

    def load(self, key: K, row: V, hashed: int) -> None:
        """Enter a new row whose `row_hash` is known already; raises KeyError on a repeated key."""
        if key in self:
            raise KeyError(key)
        super().__setitem__(key, row)
        self._hashes[key] = hashed
        self._sum += hashed

    def total(self) -> int:
        """The sum of all row hashes, modulo 2**256."""
        for key in self._changed:
            self._sum -= self._hashes.pop(key, 0)
            if key in self:
                hashed = row_hash(self.name, row_bytes(key, self[key]))
                self._hashes[key] = hashed
                self._sum += hashed
        self._changed.clear()
        self._sum %= 1 << 256
        return self._sum
