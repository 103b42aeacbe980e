"""The real-time checker, proven on histories known to be bad and on histories known to be good."""

from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from observing import BLANK, Clock

from ringrift.node.sim.checkers.operations import Operation, Write
from ringrift.node.sim.checkers.realtime import Realtime
from ringrift.node.sim.checkers.violation import Rule, Violation


@dataclass(frozen=True)
class Op:
    """One line of a client's history. `returned` is None when no answer ever came.

    `effect` is when the entry of a write was first applied, at `index`; left out, nobody watched.
    Writes with the same `key` are the same command.
    """

    key: int | None
    called: float
    returned: float | None
    index: int
    effect: float | None = None


def write(
    key: int, called: float, returned: float | None, index: int, effect: float | None = None
) -> Op:
    return Op(key, called, returned, index, effect)


def read(called: float, returned: float | None, index: int) -> Op:
    return Op(None, called, returned, index)


def replay(history: list[Op]) -> None:
    """Show a history to the checker in real-time order; at equal times operations overlap."""
    clock = Clock()
    realtime = Realtime(clock)
    operations = [
        Operation(number, 0.0, None if op.key is None else Write(1, op.key, BLANK))
        for number, op in enumerate(history)
    ]
    moments = [(op.called, 0, number) for number, op in enumerate(history)]
    moments += [(op.effect, 1, n) for n, op in enumerate(history) if op.effect is not None]
    moments += [(op.returned, 2, n) for n, op in enumerate(history) if op.returned is not None]
    for clock.at, what, number in sorted(moments):
        operation, op = operations[number], history[number]
        if what == 0:
            realtime.called(operation)
        elif what == 1:
            realtime.effective(operation, "a", op.index)
        else:
            realtime.returned(operation, "a", op.index)


WRITE: Rule = "a write follows all that returned before it"
READ: Rule = "a read sees all that returned before it"
OWNER: Rule = "one write an index"

BAD: dict[str, tuple[Rule, list[Op]]] = {
    "stale read after an acknowledged write": (
        READ, [write(1, 0, 2, 5), read(3, 4, 4)],
    ),
    "stale read of a deposed leader while others go on": (
        READ, [write(1, 0, 1, 5), write(2, 2, 9, 7), write(3, 2, 3, 6), read(4, 5, 5)],
    ),
    "reads that go back in time": (
        READ, [read(0, 1, 8), read(2, 3, 7)],
    ),
    "read goes back although the write it saw never returned": (
        READ, [write(1, 0, None, 8), read(1, 2, 8), read(3, 4, 7)],
    ),
    "a later write gets an earlier index": (
        WRITE, [write(1, 0, 1, 6), write(2, 2, 3, 5)],
    ),
    "a write slips in before a read that did not see it": (
        WRITE, [read(0, 1, 6), write(2, 2, 3, 6)],
    ),
    "a write called before, and answered long after, a later one": (
        WRITE, [write(1, 0, 1, 6), write(2, 2, 20, 5), write(3, 3, 4, 9), read(10, 11, 9)],
    ),
    "two clients hold one index": (
        OWNER, [write(1, 0, 5, 6), write(2, 1, 5, 6)],
    ),
    "two clients hold one index, one after the other": (
        WRITE, [write(1, 0, 1, 6), write(2, 2, 3, 6)],
    ),
    "one index is answered to two clients long apart": (
        OWNER, [write(1, 0, 1, 3), write(2, 0, 9, 3), write(3, 2, 3, 7)],
    ),
    "an unanswered write takes effect before it was called": (
        WRITE, [write(1, 0, 1, 6), write(2, 2, None, 5, effect=3)],
    ),
    "a third operation proves two others to be out of order": (
        WRITE, [write(1, 0, 2, 4), read(3, 4, 7), write(2, 5, 6, 6)],
    ),
    "a retry is answered with an index from before the first try": (
        WRITE, [write(1, 0, 1, 6), write(2, 2, 3, 7, effect=3), write(2, 2, 9, 4)],
    ),
    "a claim on a minority leader below what the majority granted": (
        WRITE, [write(1, 0, 3, 11), write(2, 1, 4, 12), write(3, 5, 6, 12)],
    ),
}  # fmt: skip

GOOD: dict[str, list[Op]] = {
    "nothing": [],
    "one after the other": [write(1, 0, 1, 5), read(2, 3, 5), write(2, 4, 5, 6), read(6, 7, 6)],
    "overlapping writes in either order": [write(1, 0, 9, 7), write(2, 1, 8, 6), write(3, 2, 3, 5)],
    "a read overlaps a write and misses it": [write(1, 0, 9, 5), read(1, 2, 4), read(3, 4, 5)],
    "a read returns while a write is undecided": [
        write(1, 0, 9, 6, effect=8), read(1, 2, 5), write(2, 3, 12, 7),
    ],
    "overlapping reads see different states": [
        write(1, 0, 9, 5), read(1, 6, 4), read(2, 5, 5),
    ],
    "unanswered, but effective long after": [
        write(1, 0, None, 9, effect=20), write(2, 1, 2, 7), write(3, 3, 4, 8), read(5, 21, 9),
    ],
    "unanswered and effective at once, seen by a read": [
        write(1, 0, None, 5, effect=1), read(2, 3, 5), write(2, 4, 5, 6),
    ],
    "unanswered and without effect": [write(1, 0, None, 0), write(2, 1, 2, 5), read(3, 4, 5)],
    "a retry through another node gets the first index": [
        write(1, 0, 30, 5, effect=2), write(2, 3, 4, 6), write(3, 5, 6, 7), read(7, 8, 7),
    ],
    "one command is answered twice": [
        write(1, 0, 5, 5), write(1, 0, 9, 5), write(2, 6, 7, 6),
    ],
    "operations that meet at one instant overlap": [write(1, 0, 2, 6), write(2, 2, 3, 5)],
    "many indices apart, for entries of others lie between": [write(1, 0, 1, 5), read(2, 3, 900)],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_histories_are_caught_by_the_right_rule(name: str) -> None:
    rule, history = BAD[name]
    with pytest.raises(Violation) as found:
        replay(history)
    assert found.value.rule == rule, found.value


@pytest.mark.parametrize("name", GOOD)
def test_good_histories_are_not_flagged(name: str) -> None:
    replay(GOOD[name])


@st.composite
def executions(draw: st.DrawFn) -> list[Op]:
    """Operations that took effect one after the other, each inside its own real-time interval."""
    history: list[Op] = []
    index = 0
    for number in range(draw(st.integers(2, 30))):
        effect = 100 * (number + 1)
        called = effect - draw(st.integers(1, 800))
        returned = effect + draw(st.integers(1, 800))
        if draw(st.booleans()):
            history.append(read(called, returned, index))
        else:
            # Entries that no client asked for lie in between.
            index += draw(st.integers(1, 3))
            answered = returned if draw(st.integers(0, 4)) else None
            history.append(write(number + 1, called, answered, index, effect))
    return history


@given(executions())
def test_a_true_execution_is_never_flagged(history: list[Op]) -> None:
    replay(history)


@given(executions(), st.data())
def test_swapped_answers_of_operations_that_do_not_overlap_are_always_flagged(
    history: list[Op], data: st.DataObject
) -> None:
    pairs = [
        (i, j)
        for i, a in enumerate(history)
        for j, b in enumerate(history)
        if a.returned is not None and b.returned is not None
        if a.returned < b.called and a.index != b.index
    ]
    assume(pairs)
    i, j = data.draw(st.sampled_from(pairs))
    a, b = history[i], history[j]
    # Only the answers lie: what is seen of the effects would give a write away by itself.
    seen = [Op(op.key, op.called, op.returned, op.index) for op in history]
    seen[i] = Op(a.key, a.called, a.returned, b.index)
    seen[j] = Op(b.key, b.called, b.returned, a.index)
    with pytest.raises(Violation):
        replay(seen)
