"""Games of shards of version 1, which stay readable: this decoder never changes.

There a row knew no part and no model: rows of one step were parts of one move in their order, and
one network, the header's source, played the whole run, in which games were numbered as they were
opened. How many of a game's first turns were random is not known of them.
"""

import msgspec
import numpy as np

from ringrift.train.rows import PackedRows


class PackedGame1(msgspec.Struct, frozen=True, array_like=True):
    """A game by columns: numbers of all rows one after the other, `choices` per row."""

    number: int
    moves: tuple[str, ...]
    winner: int
    ranking: tuple[int, ...]
    steps: bytes
    full: bytes
    simulations: bytes
    choices: bytes
    actions: bytes
    policy: bytes
    visits: bytes
    root_values: bytes
    raw_values: bytes

    def rows(self) -> PackedRows:
        """The same rows as later versions have them."""
        steps: list[int] = np.frombuffer(self.steps, "<i4").tolist()
        parts = [0] * len(steps)
        for i in range(1, len(steps)):
            if steps[i] == steps[i - 1]:
                parts[i] = parts[i - 1] + 1
        return PackedRows(
            steps=self.steps,
            parts=np.array(parts, dtype="<i4").tobytes(),
            models=np.zeros(len(steps), dtype="<i4").tobytes(),
            full=self.full,
            simulations=self.simulations,
            choices=self.choices,
            actions=self.actions,
            policy=self.policy,
            visits=self.visits,
            root_values=self.root_values,
            raw_values=self.raw_values,
        )
