"""What a running job needs of the world around it, handed in so that its core reads none of it."""

from collections.abc import Callable
from dataclasses import dataclass

from ringrift.wire.job import JobLine


@dataclass(frozen=True, slots=True)
class World:
    """`clock` gives monotonic seconds, `emit` sends the parent a line, `stopping` asks to end."""

    clock: Callable[[], float]
    emit: Callable[[JobLine], None]
    stopping: Callable[[], bool]
