"""Linearizable reads: prove once, for many, that no newer leader can have decided anything.

A read may be answered with the leader's commit index of a moment after it was asked for, once a
majority has answered a broadcast that began after that moment (thesis, section 6.4). One broadcast
proves leadership for all reads that were waiting when it began.
"""

from ringrift.node.consensus.raft.ready import Read


class Reads:
    """Reads `waiting` for a round to begin, and those `flying` in one."""

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._flying: list[int] = []
        self._round = 0
        self._index = 0

    @property
    def want_round(self) -> bool:
        return bool(self._waiting) and not self._flying

    @property
    def flying(self) -> bool:
        """Whether a round is on its way."""
        return bool(self._flying)

    def ask(self, token: int) -> None:
        self._waiting.append(token)

    def begin(self, round_number: int, commit: int) -> None:
        """All that wait fly with a round that begins now."""
        assert not self._flying
        self._flying, self._waiting = self._waiting, []
        self._round, self._index = round_number, commit

    def proven(self, round_number: int) -> list[Read]:
        """The reads that a majority's answers to a round, or a later one, settle."""
        if not self._flying or round_number < self._round:
            return []
        answered = [Read(token, self._index) for token in self._flying]
        self._flying = []
        return answered

    def lost(self) -> list[Read]:
        """Every read unanswered, for the end of a leadership."""
        return [Read(token, None) for token in (*self._flying, *self._waiting)]
