"""The plain live view: what a stranger reads in a file."""

import time
from collections.abc import Iterator

import cockpit
import msgspec
import pytest

from ringrift.cli.live import LiveView, pulse
from ringrift.wire.views import ModelsView

change = msgspec.structs.replace
EARLIER = change(cockpit.MODELS, models=cockpit.MODELS.models[:4])


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def begun(models: ModelsView) -> LiveView:
    view = LiveView()
    view.look(cockpit.STATUS, models, cockpit.EVENTS[:4], 0.0)
    return view


def test_it_begins_with_where_it_stands() -> None:
    first, second, ladder, stand = LiveView().look(cockpit.STATUS, cockpit.MODELS, (), 0.0)
    assert first == "16:00:00  node anvil (laptop), process 41207, trains hex8_2p"
    assert "continuing: 1,284 games and 6 networks" in second
    assert ladder.index("1702 ±61") < ladder.index("heuristic-1 1466 ±33") < ladder.index("1200 ±0")
    assert "hex8_2p: 1,284 games at 1.94/s" in stand


def test_news_comes_once_with_every_figure_and_reason() -> None:
    view = begun(EARLIER)
    told = "\n".join(view.look(cockpit.STATUS, cockpit.MODELS, (), 1.0))
    assert "trained hex8_2p generation 5 (17156075) on 12,750 rows in 40 steps, 21 s: " in told
    assert "policy loss 2.350, value loss 0.560, held out 2.450 and 0.570" in told
    assert (
        "against random-1: won 37 of 40 = 92.5 % (95 % bounds 81.0 to 98.0 %, 20 openings)" in told
    )
    assert "PROMOTED hex8_2p generation 5 (17156075) against daa66d13" in told
    assert "passed  against champion: 28 of 40 (70.0%), needed lower bound > 50.0 %" in told
    assert "Elo ± standard error (random-1 = 1200): b54cda26 1702 ±61" in told
    assert view.look(cockpit.STATUS, cockpit.MODELS, (), 2.0) == []


def test_a_rejection_names_the_failed_check() -> None:
    view = begun(change(cockpit.MODELS, models=cockpit.MODELS.models[:3]))
    told = "\n".join(view.look(cockpit.STATUS, EARLIER, (), 1.0))
    assert "REJECTED hex8_2p generation 4" in told
    assert "FAILED  against champion: 22 of 40 (55.0%)" in told


def test_a_match_that_grew_is_told_again() -> None:
    view = begun(cockpit.MODELS)
    last = cockpit.MODELS.models[-1]
    more = change(last, matches=(cockpit.match("random-1", 76, 0.89, 0.98, games=80),))
    grown = change(cockpit.MODELS, models=(*cockpit.MODELS.models[:-1], more))
    (line,) = view.look(cockpit.STATUS, grown, (), 1.0)
    assert "won 76 of 80 = 95.0 %" in line


def test_it_asks_for_the_newest_events_first_and_then_for_what_came_after() -> None:
    view = LiveView()
    assert view.last_seq is None  # 0 would mean the oldest, and old news told as new
    view.look(cockpit.STATUS, cockpit.MODELS, cockpit.EVENTS, 0.0)
    assert view.last_seq == cockpit.EVENTS[-1].seq
    assert view.look(cockpit.STATUS, cockpit.MODELS, cockpit.EVENTS, 1.0) == []


def test_a_line_every_ten_seconds() -> None:
    view = begun(cockpit.MODELS)
    told = [len(view.look(cockpit.STATUS, cockpit.MODELS, (), now)) for now in range(1, 31)]
    assert [second for second, lines in enumerate(told, start=1) if lines] == [10, 20, 30]


def test_faults_and_operators_deeds_are_told_with_their_own_time() -> None:
    view = begun(cockpit.MODELS)
    told = view.look(cockpit.STATUS, cockpit.MODELS, cockpit.EVENTS, 1.0)
    assert told[0] == "15:59:44  selfplay #58 for hex8_2p went back to the queue: drained"
    assert told[-1].startswith("16:00:00  evaluation #54 for hex8_2p failed for good")
    assert len(told) == 4
    assert view.last_seq == 312


def test_silence_is_told_once_and_so_is_its_end() -> None:
    view = begun(cockpit.MODELS)
    assert view.silence("No node answers.") == ["          no answer: No node answers."]
    assert view.silence("No node answers.") == []
    (line,) = view.look(cockpit.STATUS, cockpit.MODELS, (), 1.0)
    assert line.endswith("the node answers again")


def test_an_idle_node_has_a_line_too() -> None:
    idle = change(cockpit.STATUS, configs=(), work=(), stages=(), healthy=None)
    assert pulse(idle) == "waiting for the first work"
