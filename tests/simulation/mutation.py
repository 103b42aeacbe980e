"""How a plausible bug is put into the production code, and taken out again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeVar
from unittest import mock

Area = Literal["persistence", "log", "snapshot", "membership", "reads", "sessions", "leases"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug: `bug` says what is wrong while it is `alive`."""

    name: str
    area: Area
    bug: str
    place: type | ModuleType
    replaced: str
    by: object

    @contextmanager
    def alive(self) -> Iterator[None]:
        with mock.patch.object(self.place, self.replaced, self.by):
            yield


MUTANTS: dict[str, Mutant] = {}
RARE: dict[str, Mutant] = {}
"""Bugs that matter only in a constellation too rare for seeds, by the scenario that has it."""
F = TypeVar("F", bound=Callable[..., Any])


def mutant(
    area: Area, place: type | ModuleType, replaced: str, scenario: str | None = None
) -> Callable[[F], F]:
    """Let the function below take the place of another."""

    def register(function: F) -> F:
        bug = (function.__doc__ or "").removesuffix(".")
        static = isinstance(vars(place)[replaced], staticmethod)
        by = staticmethod(function) if static else function
        made = Mutant(function.__name__, area, bug, place, replaced, by)
        (RARE if scenario else MUTANTS)[scenario or made.name] = made
        return function

    return register
