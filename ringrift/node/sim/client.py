"""Simulated clients: they ask one node after the other until they are answered.

A `Client` has one wish at a time; what it wishes next is its `Habit`'s business.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.asks import Ask, Change, HandOver, Propose, Read, Told
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.network import Network

ATTEMPT_S = 1.5
"""How long a client waits for an answer before it asks another node."""

Wish = Propose | Read | Change | HandOver


@dataclass(slots=True)
class Market:
    """Where clients find the nodes. `lives` tells each node's present life."""

    agenda: Agenda
    network: Network
    observer: Observer
    nodes: tuple[str, ...]
    lives: Callable[[str], int]
    numbers: Callable[[], int]


class Habit(Protocol):
    """What a client does with its time."""

    def next_wish(self) -> Wish | None:
        """The next wish, None for nothing just now."""
        ...

    def told(self, wish: Wish, told: Told) -> None:
        """A wish was done, or refused."""
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
        """A node's answer."""
        assert isinstance(message, Told)
        # The answer of a life that has ended is lost with its connection.
        if message.op != self._op or self._wish is None:
            return
        if message.life != self._market.lives(sender):
            return
        if message.how == "elsewhere":
            self.hint = message.leader if message.leader != sender else None
            self._again(0.05)
        elif message.how == "unknown":
            self.hint = None
            self._again(0.05)
        else:
            self._done(sender, message)

    def _done(self, node: str, told: Told) -> None:
        wish, self._wish = self._wish, None
        assert wish is not None
        self.hint = node
        observer = self._market.observer
        match wish:
            case Propose() | Change() if told.result is not None:
                observer.write_returned(self._op, node, told.index, told.result)
            case Read():
                observer.read_returned(self._op, node, told.index)
            case Change():
                observer.abandoned(self._op)
            case _:
                pass
        self._habit.told(wish, told)
        self._market.agenda.after(self._habit.pause(), self._next)

    def _next(self) -> None:
        wish = self._habit.next_wish()
        if wish is None:
            self._market.agenda.after(self._habit.pause(), self._next)
            return
        self._op, self._wish = self._market.numbers(), wish
        match wish:
            case Propose(session, seq, command):
                self._market.observer.write_called(self._op, session, seq, command)
            case Change(command=command):
                self._market.observer.write_called(self._op, 0, 0, command)
            case Read():
                self._market.observer.read_called(self._op)
            case HandOver():
                pass
        self._ask()

    def _ask(self) -> None:
        assert self._wish is not None
        self._attempt += 1
        target = self.hint or self._rng.choice(self._market.nodes)
        self._market.network.send(self.name, target, Ask(self._op, self._wish))
        self._market.agenda.after(ATTEMPT_S, self._late, self._attempt)

    def _late(self, attempt: int) -> None:
        if attempt == self._attempt and self._wish is not None:
            self.hint = None
            self._resend()

    def _again(self, pause: float) -> None:
        self._attempt += 1
        self._market.agenda.after(pause, self._resend_if, self._attempt)

    def _resend_if(self, attempt: int) -> None:
        if attempt == self._attempt and self._wish is not None:
            self._resend()

    def _resend(self) -> None:
        if not isinstance(self._wish, HandOver):
            self._market.observer.resent(self._op)
        self._ask()
