"""What a check is, and what it finds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec

State = Literal["ok", "warning", "failed", "crashed", "not applicable"]


class Finding(msgspec.Struct, frozen=True):
    """What a check found: the value it saw, and if all is not well the cause and the fix."""

    state: State
    value: str
    cause: str = ""
    fix: str = ""


class Check(Protocol):
    """One thing that can be wrong. `look` may block, and may raise: that is reported as crashed."""

    @property
    def family(self) -> str: ...

    @property
    def name(self) -> str: ...

    def look(self) -> Finding: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What is examined: a profile, its data directory and the offset of its ports."""

    profile: str
    data: Path
    port_offset: int


def ok(value: str) -> Finding:
    return Finding("ok", value)


def not_applicable(value: str) -> Finding:
    return Finding("not applicable", value)


def warning(value: str, *, cause: str, fix: str) -> Finding:
    return Finding("warning", value, cause, fix)


def failed(value: str, *, cause: str, fix: str) -> Finding:
    return Finding("failed", value, cause, fix)
