"""Simulated clients: they ask one node after the other until they are answered.

A `Client` has one wish at a time; what it wishes next is its `Habit`'s business.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ringrift.node.sim.agenda import Schedule
from ringrift.node.sim.asks import Ask, Change, HandOver, Propose, Read, Told, Wish
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.network import Network
from ringrift.node.sim.trace import Trace
from ringrift.wire.log import NO_SESSION

ATTEMPT_S = 1.5
"""How long a client waits for an answer before it asks another node."""
AGAIN_S = 0.05
"""How long it waits before it asks again when a node knew no answer."""


@dataclass(slots=True)
class Market:
    """Where clients find the nodes, until when (virtual seconds) they wish for anything new, and
    in which life each node is."""

    agenda: Schedule
    network: Network
    observer: Observer
    trace: Trace
    nodes: tuple[str, ...]
    until: float
    life_of: Callable[[str], int]
    ops: int = 0

    def next_op(self) -> int:
        """A number for a wish that no other has."""
        self.ops += 1
        return self.ops


class Habit(Protocol):
    """What a client does with its time."""

    def next_wish(self) -> Wish | None:
        """The next wish, None for nothing just now."""
        ...

    def told(self, told: Told) -> None:
        """The last wish was done, or refused."""
        ...

    def pause(self) -> float:
        """Seconds until the next wish."""
        ...


class Client:
    """Asks for its habit's wishes, one after the other, each until it is answered."""

    def __init__(self, name: str, market: Market, rng: random.Random, habit: Habit) -> None:
        self.name = name
        self.hint: str | None = None
        self._market, self._rng, self._habit = market, rng, habit
        self._op = 0
        self._wish: Wish | None = None
        self._attempt = 0
        market.network.join(name, self.deliver)
        market.agenda.after(rng.uniform(0.0, 0.5), self._next)

    def send(self, message: object) -> None:
        """Send something that needs no answer to whoever led last."""
        if self.hint is not None:
            self._market.network.send(self.name, self.hint, message)

    def deliver(self, sender: str, message: object) -> None:
        """Take a node's answer."""
        assert isinstance(message, Told)
        # The answer of a life that has ended is lost with its connection.
        if message.op != self._op or message.life != self._market.life_of(sender):
            return
        if self._wish is None:
            return
        if self._market.trace.verbose:
            self._market.trace.line(self.name, f"hears of {sender}: {message}")
        if message.how == "elsewhere":
            self.hint = message.leader if message.leader != sender else None
            self._wait(AGAIN_S)
        elif message.how == "unknown":
            self.hint = None
            self._wait(AGAIN_S)
        else:
            self._done(sender, self._wish, message)

    def _done(self, node: str, wish: Wish, told: Told) -> None:
        self.hint, self._wish = node, None
        observer = self._market.observer
        match wish:
            case Propose() | Change() if told.result is not None:
                observer.write_returned(self._op, node, told.index, told.result)
            case Read():
                observer.read_returned(self._op, node, told.index)
            case Change():
                observer.refused(self._op)
            case _:
                pass
        self._habit.told(told)
        self._market.agenda.after(self._habit.pause(), self._next)

    def _next(self) -> None:
        if self._market.agenda.now > self._market.until:
            return
        wish = self._habit.next_wish()
        if wish is None:
            self._market.agenda.after(self._habit.pause(), self._next)
            return
        self._op, self._wish = self._market.next_op(), wish
        observer = self._market.observer
        match wish:
            case Propose():
                observer.write_called(self._op, wish.session, wish.seq, wish.command)
            case Change():
                observer.write_called(self._op, NO_SESSION, 0, wish.command)
            case Read():
                observer.read_called(self._op)
            case HandOver():
                pass
        self._ask(wish)

    def _ask(self, wish: Wish) -> None:
        target = self.hint or self._rng.choice(self._market.nodes)
        if self._market.trace.verbose:
            self._market.trace.line(self.name, f"asks {target} for wish {self._op}: {wish}")
        self._market.network.send(self.name, target, Ask(self._op, wish))
        self._wait(ATTEMPT_S)

    def _wait(self, seconds: float) -> None:
        """Ask again after some seconds, unless anything else happens before."""
        self._attempt += 1
        self._market.agenda.after(seconds, self._again, self._attempt, seconds == ATTEMPT_S)

    def _again(self, attempt: int, silent: bool) -> None:
        if attempt != self._attempt or self._wish is None:
            return
        if silent:
            self.hint = None
        if not isinstance(self._wish, HandOver):
            self._market.observer.resent(self._op)
        self._ask(self._wish)
