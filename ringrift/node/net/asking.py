"""Questions to peers and their answers: which answer is whose, and when none will come."""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError
from ringrift.node.net.link import Link
from ringrift.node.runtime.clock import Clock
from ringrift.wire import peer as p

LOOKS = 20
"""How often, while it waits, a question sees whether it is still asked of the right one."""

Answer = p.Proposed | p.Decided | p.Renewed | p.NotProposed


@dataclass(slots=True, eq=False)
class _Question:
    peer: str
    ended: trio.Event = field(default_factory=trio.Event)
    answer: Answer | None = None


class Asking:
    """The open questions of this node; `patience_s` is how long one waits for its answer."""

    def __init__(self, clock: Clock, patience_s: float) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._questions: dict[int, _Question] = {}
        self._asked = 0

    async def ask(
        self, link: Link, question: Callable[[int], p.PeerMessage], overtaken: Callable[[], bool]
    ) -> Answer:
        """Say `question(number)` and wait for what answers it, unless it is `overtaken`.

        Raises OutcomeUnknownError when no answer comes, and NotLeaderError when the question could
        not even be said.
        """
        self._asked += 1
        number = self._asked
        asked = self._questions[number] = _Question(link.peer)
        try:
            if not link.say(question(number)):
                raise NotLeaderError(None)
            until = self._clock.now() + self._patience_s
            while not asked.ended.is_set() and not overtaken() and self._clock.now() < until:
                with self._clock.at_most(self._patience_s / LOOKS):
                    await asked.ended.wait()
        finally:
            del self._questions[number]
        if asked.answer is None:
            raise OutcomeUnknownError
        return asked.answer

    def answered(self, peer: str, answer: Answer) -> None:
        """Take an answer; one that nobody waits for (any more), or not of this peer, is dropped."""
        asked = self._questions.get(answer.request)
        if asked is not None and asked.peer == peer:
            asked.answer = answer
            asked.ended.set()

    def lost(self, peer: str) -> None:
        """The link to a peer has ended: it will answer nothing."""
        for asked in self._questions.values():
            if asked.peer == peer:
                asked.ended.set()
