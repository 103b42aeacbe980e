"""What is queued for whom: selfplay for every slot, shared by all configs, and no more."""

from collections import Counter

import msgspec
import pytest
from cluster_support import CONFIG, Ledger, joins

from ringrift.node.cluster import commands as c
from ringrift.node.cluster import work
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import (
    MAX_LIVE_ITEMS,
    SelfplayWork,
)
from ringrift.node.control import populator
from ringrift.node.control.timeouts import timeout_s
from ringrift.node.runtime.settings import PipelineSettings

PIPELINE = PipelineSettings(training_min_new_games=64)


def populate(state: ClusterState, settings: PipelineSettings, slots: int) -> list[c.Command]:
    """What a populator that remembers nothing yet decides."""
    return populator.Populator(settings).decide(state, slots)


def test_a_new_config_is_made_active_first_and_populated_next() -> None:
    ledger = Ledger()
    ledger.enter(0, 0, c.OpenSession(owner="n", boot=1))
    ledger.do(joins("n"))
    activate = c.SetConfigMode(config=CONFIG, mode="active", by="populator")
    assert populate(ledger.state, PIPELINE, 2) == [activate]
    ledger.do(activate)
    wanted = populate(ledger.state, PIPELINE, 2)
    assert [type(command) for command in wanted] == [c.AddWork, c.AddWork]
    first = wanted[0]
    assert isinstance(first, c.AddWork) and isinstance(first.payload, SelfplayWork)
    assert (first.config, first.payload.games, first.payload.weights) == (CONFIG, 64, None)


def test_only_what_is_missing_is_queued_and_never_twice() -> None:
    ledger = Ledger.founded()
    for command in populate(ledger.state, PIPELINE, 3):
        ledger.do(command)
    assert populate(ledger.state, PIPELINE, 3) == []
    ledger.claim(slots=2)
    assert len(populate(ledger.state, PIPELINE, 3)) == 2
    assert populate(ledger.state, PIPELINE, 0) == []
    many = msgspec.structs.replace(PIPELINE, selfplay_pending_per_slot=3)
    assert len(populate(ledger.state, many, 3)) == 8


@pytest.mark.parametrize(
    "command",
    [
        c.SetConfigMode(config=CONFIG, mode="paused", by="n"),
        c.SetNodeMode(node="n", mode="draining", by="n"),
    ],
)
def test_nothing_is_queued_while_paused_or_when_every_node_drains(command: c.Command) -> None:
    ledger = Ledger.founded()
    ledger.do(command)
    assert populate(ledger.state, PIPELINE, 2) == []
    ledger.do(joins("m"))
    expected = 2 if isinstance(command, c.SetNodeMode) else 0
    assert len(populate(ledger.state, PIPELINE, 2)) == expected


def test_selfplay_leaves_room_in_the_queue_for_other_work() -> None:
    ledger = Ledger.founded()
    two = msgspec.structs.replace(PIPELINE, configs=(CONFIG, "hex8_3p"))
    ledger.do(c.SetConfigMode(config="hex8_3p", mode="active", by="n"))
    assert len(populate(ledger.state, two, 5)) == 10
    wanted = populate(ledger.state, two, 5 * MAX_LIVE_ITEMS)
    assert Counter(w.config for w in wanted if isinstance(w, c.AddWork)) == {
        CONFIG: 50,
        "hex8_3p": 50,
    }


def test_a_long_queue_is_let_run_down_before_anything_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(work.MAX_PENDING, "selfplay", MAX_LIVE_ITEMS)
    ledger = Ledger.founded()
    subject = populator.Populator(PIPELINE)
    items = [ledger.add() for _ in range(populator.STOP_AT - 1)]
    assert len(subject.decide(ledger.state, 500)) == 1
    items.append(ledger.add())
    while len(items) > populator.RESUME_AT:
        assert subject.decide(ledger.state, 600) == []
        ledger.do(c.CancelWork(item=items.pop(), by="n"))
    assert len(subject.decide(ledger.state, 201)) == 1
    items.append(ledger.add())
    assert len(subject.decide(ledger.state, 202)) == 1


def test_a_short_queue_is_shared_by_all_configs() -> None:
    ledger = Ledger.founded()
    three = msgspec.structs.replace(PIPELINE, configs=(CONFIG, "hex8_3p", "hex8_4p"))
    for config in three.configs[1:]:
        ledger.do(c.SetConfigMode(config=config, mode="active", by="n"))
    for _ in range(93):
        ledger.add()
    wanted = populate(ledger.state, three, 50)
    assert [w.config for w in wanted if isinstance(w, c.AddWork)] == [
        "hex8_3p", "hex8_4p", "hex8_3p", "hex8_4p", "hex8_3p", "hex8_4p", "hex8_3p",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "config", "seconds"),
    [
        ("selfplay", "hex8_2p", 7_200),
        ("training", "square8_4p", 7_200),
        ("training", "square19_2p", 14_400),
        ("training", "hexagonal_3p", 18_000),
        ("evaluation", "hex8_2p", 3_600),
        ("evaluation", "square8_2p", 7_200),
        ("evaluation", "square19_2p", 10_800),
        ("evaluation", "hexagonal_2p", 14_400),
    ],
)
def test_work_may_take_as_long_as_its_kind_and_board_need(
    kind: work.Kind, config: str, seconds: int
) -> None:
    assert timeout_s(kind, config, 1.0) == seconds
    assert timeout_s(kind, config, 2.5) == seconds * 5 // 2
