"""What NVIDIA's library says of cards, and that its absence is no failure."""

from types import SimpleNamespace

import pytest

from ringrift.node.health.gpu import Card, cards


class NVMLError(Exception):
    pass


class Library:
    """A stand-in for `pynvml` with one card."""

    NVMLError = NVMLError

    def __init__(self, fails: str = "") -> None:
        self.fails, self.open = fails, 0

    def _may(self, name: str) -> None:
        if name == self.fails:
            raise NVMLError

    def nvmlInit(self) -> None:  # noqa: N802 - its name there
        self._may("init")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        self._may("handle")
        return number

    def nvmlDeviceGetName(self, handle: int) -> bytes:  # noqa: N802
        return b"NVIDIA H100"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(used=5, total=80)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=97)


def test_a_card_is_named_and_measured() -> None:
    library = Library()
    assert cards(library) == (Card("NVIDIA H100", 97.0, 5, 80),)
    assert library.open == 0


@pytest.mark.parametrize("fails", ["init", "handle"])
def test_a_driver_that_does_not_answer_is_no_card(fails: str) -> None:
    library = Library(fails)
    assert cards(library) == ()
    assert library.open == 0
