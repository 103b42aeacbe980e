"""The clock that counts work: stopped or asleep is no work."""

import pytest

from ringrift.node.runtime import clock
from ringrift.node.runtime.clock import WorkingClock


def test_a_long_silence_counts_as_at_most_a_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(clock.time, "monotonic", lambda: now)
    counting = WorkingClock()
    begun = counting.now()
    now += 10.0
    assert counting.now() - begun == pytest.approx(10.0)
    now += 3600.0  # Ctrl-Z
    assert counting.now() - begun == pytest.approx(10.0 + WorkingClock.MOST_S)
