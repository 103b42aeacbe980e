"""What a checker raises, and the names of the rules."""

from collections.abc import Callable
from typing import Literal

Now = Callable[[], float]
"""Virtual time in seconds."""

CLUSTER = "the cluster"
"""Stands for the node where no single one is to blame."""

Rule = Literal[
    "one leader a term",
    "one vote a term",
    "a leader decides by its own term",
    "a majority decides",
    "a node acknowledges what it has durably",
    "committed entries never change",
    "applied in order",
    "applied entries are durable",
    "applied entries are not truncated",
    "a snapshot is of the decided history",
    "states equal at equal index",
    "a command runs once",
    "a command of no open session never runs",
    "a session in use stays open",
    "acknowledged commands survive",
    "answers never change",
    "a write follows all that returned before it",
    "a read sees all that returned before it",
    "a read sees only what was decided",
    "one write an index",
    "one live claim an item",
    "work under its current claim",
    "work after what it depends on",
    "games count once",
    "effects happen once",
    "a renewed claim lives on",
    "one voter at a time",
    "one membership change at a time",
    "a leader decides before it changes voters",
    "the newest voters in the log count",
    "a leader within 10 s of healing",
    "voters catch up",
    "operations end",
    "nothing unexpected is raised",
]


class Violation(Exception):  # noqa: N818 - it is a finding about others, not an error of its own
    """A rule was broken: which, on which node, at what virtual time, and how in one sentence."""

    def __init__(self, rule: Rule, node: str, at: float, text: str) -> None:
        # All four go to `args`: workers hand violations to their parent by pickling them.
        super().__init__(rule, node, at, text)
        self.rule: Rule = rule
        self.node = node
        self.at = at
        self.text = text

    def __str__(self) -> str:
        return f"At {self.at:.3f} s on {self.node}: {self.text} [{self.rule}]"


def unexpected(error: Exception, node: str, at: float) -> Violation:
    """The violation that lies in an exception of production code, whatever it is."""
    words = f"{type(error).__name__}: {error}".rstrip(": ")
    return Violation("nothing unexpected is raised", node, at, words)


def first_of(error: Exception) -> Exception:
    """The violation in a group of errors, or else the first of them."""
    match error:
        case ExceptionGroup(exceptions=errors):
            inner = [first_of(each) for each in errors]
            return next((each for each in inner if isinstance(each, Violation)), inner[0])
        case _:
            return error
