"""The pictures of a node: built from a state driven by hand, and honest about what is not known."""

import dataclasses
from pathlib import Path

import msgspec
import pytest
from cluster_support import CONFIG, SELFPLAY_DONE, Ledger, sha, training
from prometheus_client import generate_latest

import ringrift.train
from ringrift.node.cluster import commands as c
from ringrift.node.net.metrics import registry_of
from ringrift.node.net.model_views import models_view, networks_of
from ringrift.node.net.observed import Host, Identity, Observed
from ringrift.node.net.stages import EXPORT_UNIT, stage_views
from ringrift.node.net.views import node_health, status_view
from ringrift.wire.views import LoopView, ProgressView, StatusView

WHO = Identity("c" * 32, "n", "tester", "1", "laptop", 42)


class Past:
    def games_per_s(self, config: str) -> float | None:
        return None

    def last_at_ms(self, event: str) -> int | None:
        return 4_000 if event == "NEW_GAMES_AVAILABLE" else None


def loop(name: str, healthy: bool | None, reason: str = "running") -> LoopView:
    return LoopView(
        name=name, state="starting" if healthy is None else "running", healthy=healthy,
        reason=reason, interval_s=None, last_run_age_s=None, runs=0, failures=0, restarts=0,
    )  # fmt: skip


def observed(
    progress: dict[tuple[int, int], ProgressView] | None = None,
    loops: tuple[LoopView, ...] = (),
) -> Observed:
    return Observed(
        now_ms=10_000, uptime_s=5.0, leader_id="n", term=1, commit_index=9, applied_index=9,
        applied_age_s=None, loops=loops, host=Host(), loop_lag_ms=None, slots=2,
        slots_busy=1, progress=progress or {}, past=Past(),
    )  # fmt: skip


def page(ledger: Ledger, seen: Observed | None = None) -> StatusView:
    models = models_view(networks_of(ledger.state), 10_000)
    return status_view(ledger.state, models, WHO, seen or observed())


def test_a_founded_node_shows_itself_and_nothing_invented() -> None:
    status = page(Ledger.founded())
    (node,) = status.nodes
    assert (node.id, node.mode, node.alive, node.slots_busy) == ("n", "active", True, 1)
    assert node.memory_percent is None
    assert status.voter_quorum_ok
    (config,) = status.configs
    assert (config.games, config.games_per_s, config.champion_rating) == (0, None, None)
    assert set(status.work_counts.values()) == {0}


def test_work_is_shown_live_first_with_what_its_child_says() -> None:
    ledger = Ledger.founded()
    first, second, third = (ledger.add() for _ in range(3))
    claimed = ledger.claim()
    ledger.do(c.CompleteWork(item=first, claim=claimed.claim, outcome=SELFPLAY_DONE))
    running = ledger.claim()
    said = ProgressView(done=3, total=64, unit="games", rate=1.5, age_s=0.1)
    status = page(ledger, observed({(second, running.claim): said}))
    assert [(w.id, w.state) for w in status.work] == [
        (second, "claimed"),
        (third, "pending"),
        (first, "completed"),
    ]
    assert status.work[0].progress == said
    assert status.work[0].summary == "64 games by an untrained network"
    assert status.work[1].summary == "64 games by whoever is the generator then"
    assert status.work_counts["completed"] == 1


def test_a_draining_node_is_drained_when_its_last_claim_ended() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim
    ledger.do(c.SetNodeMode(node="n", mode="draining", by="n"))
    assert page(ledger).nodes[0].mode == "draining"
    ledger.do(c.ReturnWork(item=item, claim=claim, reason="the node drains"))
    assert page(ledger).nodes[0].mode == "drained"


def stages(ledger: Ledger, seen: Observed | None = None) -> dict[str, tuple[str, str]]:
    views = stage_views(ledger.state, seen or observed())
    return {view.name: (view.state, view.reason) for view in views}


def test_seven_stages_each_with_a_reason() -> None:
    shown = stages(Ledger.founded())
    assert list(shown) == [
        "SELFPLAY",
        "SYNC",
        "NPZ_EXPORT",
        "NPZ_COMBINATION",
        "TRAINING",
        "EVALUATION",
        "PROMOTION",
    ]
    assert shown["SYNC"] == ("idle", "one node: nothing to copy")
    assert shown["TRAINING"] == ("idle", "hex8_2p has 0 new games")
    assert all(reason for _, reason in shown.values())


def test_what_waits_for_more_than_a_slot_is_blocked_for_that_reason() -> None:
    ledger = Ledger.founded()
    ledger.add()
    full = "disk: 1.0 GB free, 2.0 GB needed"
    seen = dataclasses.replace(observed(), hindered={"selfplay": full, "training": full})
    shown = stages(ledger, seen)
    assert shown["SELFPLAY"] == ("blocked", f"1 wait: {full}")
    assert shown["TRAINING"][0] == "idle"  # nothing waits
    ledger.claim()
    assert stages(ledger, seen)["SELFPLAY"][0] == "running"


def test_a_training_child_exports_first_and_fits_then() -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    item = ledger.add(training((sha(1),)))
    claim = ledger.claim().claim
    said = ProgressView(done=1, total=2, unit=EXPORT_UNIT, rate=None, age_s=0.0)
    shown = stages(ledger, observed({(item, claim): said}))
    assert (shown["NPZ_EXPORT"][0], shown["TRAINING"][0]) == ("running", "idle")
    fitting = msgspec.structs.replace(said, unit="rows")
    shown = stages(ledger, observed({(item, claim): fitting}))
    assert (shown["NPZ_EXPORT"][0], shown["TRAINING"][0]) == ("idle", "running")


def test_the_export_stage_knows_what_the_fitting_child_counts() -> None:
    source = (Path(ringrift.train.__file__).parent / "fit.py").read_text()
    assert f'"{EXPORT_UNIT}"' in source


def test_stages_say_when_they_last_did_something_if_it_is_known() -> None:
    ages = {v.name: v.last_done_age_s for v in stage_views(Ledger.founded().state, observed())}
    assert ages["SELFPLAY"] == 6.0
    assert ages["PROMOTION"] is None


def test_a_paused_config_is_why_nothing_plays() -> None:
    ledger = Ledger.founded()
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert stages(ledger)["SELFPLAY"] == ("idle", "every configuration is paused")


def test_models_carry_ratings_with_errors_and_bounds_of_their_matches() -> None:
    ledger = Ledger.founded()
    strong, weak = ledger.publish(7), ledger.publish(8)
    ledger.record(strong, "heuristic-1", 2, 6, 12)
    ledger.record(weak, "heuristic-1", 12, 6, 2)
    view = models_view(networks_of(ledger.state), 10_000)
    first, second = view.models
    assert (first.sha256, second.sha256) == (strong, weak)
    assert first.rating.elo is not None
    assert second.rating.elo is not None
    assert first.rating.elo > view.anchor_elo > second.rating.elo
    assert first.rating.standard_error is not None
    assert first.rating.standard_error > 0
    (shown,) = first.matches
    assert (shown.games, shown.wins, shown.openings) == (40, 30, 20)
    assert shown.low < shown.score == 0.75 < shown.high
    assert view.baselines[CONFIG]["heuristic-1"].elo == view.anchor_elo


def test_networks_stay_as_they_were_and_equal_ones_are_the_same() -> None:
    ledger = Ledger.founded()
    strong = ledger.publish(7)
    before, again = networks_of(ledger.state), networks_of(ledger.state)
    ledger.record(strong, "heuristic-1", 2, 6, 12)
    assert before == again
    assert before != networks_of(ledger.state)
    (shown,) = models_view(before, 10_000).models
    assert (shown.matches, shown.rating.elo) == ((), None)


def test_a_model_without_a_match_is_unrated_and_not_zero() -> None:
    ledger = Ledger.founded()
    ledger.publish(7)
    (model,) = models_view(networks_of(ledger.state), 10_000).models
    assert (model.rating.elo, model.rating.games, model.verdict) == (None, 0, None)


@pytest.mark.parametrize(
    ("loops", "healthy", "words"),
    [
        ((loop("a", True), loop("b", True)), True, "2 loops run"),
        ((loop("a", True), loop("b", None)), None, "starting: b"),
        ((loop("a", None), loop("b", False, "broke"), loop("c", False)), False, "loop b: broke"),
    ],
)
def test_a_node_is_as_healthy_as_its_worst_loop(
    loops: tuple[LoopView, ...], healthy: bool | None, words: str
) -> None:
    judged, reason = node_health(loops)
    assert judged is healthy
    assert words in reason


def test_metrics_say_what_is_known_and_leave_out_what_is_not() -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    status = page(ledger, observed(loops=(loop("worker", False), loop("http", None))))
    text = generate_latest(registry_of(lambda: status)).decode()
    assert 'ringrift_games_total{config="hex8_2p"} 32.0' in text
    assert "ringrift_slots 2.0" in text
    assert 'ringrift_loop_healthy{loop="worker"} 0.0' in text
    assert 'ringrift_loop_healthy{loop="http"}' not in text
    assert "ringrift_memory_percent" not in text
    assert generate_latest(registry_of(lambda: None)) == b""
