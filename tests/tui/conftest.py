"""A cockpit on fixed data: no clock, no time zone and no terminal of this machine gets in."""

import time
from collections.abc import Iterator

import pytest
from fake_source import FakeSource

from ringrift.tui.app import Cockpit
from ringrift.tui.frame import ScreenName

NEVER_S = 3600.0


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def make_cockpit(source: FakeSource):
    """A cockpit that looks once and then only when a test says so."""

    def make(
        *, readonly: bool = False, owns_node: bool = False, first_screen: ScreenName = "overview"
    ) -> Cockpit:
        return Cockpit(
            source,
            readonly=readonly,
            owns_node=owns_node,
            first_screen=first_screen,
            look_interval_s=NEVER_S,
            now=lambda: 100.0,
        )

    return make
