"""The graphics cards of this machine, as NVIDIA's library sees them; blocks for a moment.

The library is an extra (`pip install ringrift[gpu]`). Without it, without a driver or without a
card there are none: a node says what it can do, and nothing that it only guesses.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Card:
    """One card now."""

    name: str
    busy_percent: float
    memory_used_bytes: int
    memory_bytes: int


def cards(library: Any = None) -> tuple[Card, ...]:
    """Every card that answers; `library` is `pynvml`, imported when not given."""
    if library is None:
        try:
            library = import_module("pynvml")
        except ImportError:
            return ()
    try:
        library.nvmlInit()
    except library.NVMLError:
        return ()
    try:
        return tuple(_card(library, number) for number in range(library.nvmlDeviceGetCount()))
    except library.NVMLError:
        return ()
    finally:
        library.nvmlShutdown()


def _card(library: Any, number: int) -> Card:
    handle = library.nvmlDeviceGetHandleByIndex(number)
    name, memory = library.nvmlDeviceGetName(handle), library.nvmlDeviceGetMemoryInfo(handle)
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return Card(
        text[:NAME_CHARS] or "unnamed",
        float(library.nvmlDeviceGetUtilizationRates(handle).gpu),
        int(memory.used),
        int(memory.total),
    )
