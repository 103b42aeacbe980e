"""Following events across a node's absence."""

from collections.abc import Iterator
from typing import Any

import cockpit
import pytest

from ringrift.cli import events
from ringrift.client import NotRunningError


class Away:
    """A node that is away three times, then says one event, then is away for good."""

    def __init__(self) -> None:
        self.asked = 0

    def recent_events(self, limit: int, after: int | None = None) -> tuple[Any, ...]:
        return cockpit.EVENTS[:1] if after is None else ()

    def events(self) -> Iterator[Any]:
        self.asked += 1
        if self.asked == 4:
            yield cockpit.EVENTS[1]
        if self.asked > 6:
            raise KeyboardInterrupt
        raise NotRunningError("No node answers.")


def test_a_node_that_is_away_is_mentioned_once_each_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(events, "RETRY_S", 0.0)
    node: Any = Away()
    found = events.following(node, 1)
    assert [next(found), next(found)] == [cockpit.EVENTS[0], cockpit.EVENTS[1]]
    with pytest.raises(KeyboardInterrupt):
        next(found)
    assert capsys.readouterr().err.splitlines() == ["No node answers. Waiting for it."] * 2
