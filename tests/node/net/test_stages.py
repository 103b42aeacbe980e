"""A stage says why what waits in it waits."""

from cluster_support import CONFIG, Ledger, joins

from ringrift.node.cluster import commands as c
from ringrift.node.net.observed import Host, Observed
from ringrift.node.net.stages import FETCH_UNIT, stage_views
from ringrift.wire.views import ProgressView


class NoPast:
    def games_per_s(self, config: str) -> float | None:
        return None

    def last_at_ms(self, event: str) -> int | None:
        return None


def stage(
    ledger: Ledger, name: str, progress: dict[tuple[int, int], ProgressView] | None = None
) -> tuple[str, str]:
    observed = Observed(
        now_ms=10_000, uptime_s=5.0, leader_id="n", term=1, commit_index=9, applied_index=9,
        applied_age_s=None, loops=(), host=Host(), loop_lag_ms=None, slots=2,
        slots_busy=1, progress=progress or {}, past=NoPast(),
    )  # fmt: skip
    (view,) = [view for view in stage_views(ledger.state, observed) if view.name == name]
    return view.state, view.reason


def selfplay(ledger: Ledger) -> tuple[str, str]:
    return stage(ledger, "SELFPLAY")


def test_what_waits_for_a_paused_config_says_so() -> None:
    ledger = Ledger.founded()
    ledger.add()
    assert selfplay(ledger) == ("waiting", "1 wait for a slot")
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert selfplay(ledger) == ("blocked", "1 wait: hex8_2p is paused")
    ledger.do(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
    ledger.claim()
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert selfplay(ledger)[0] == "running"


def test_files_are_copied_when_work_waits_for_them_and_that_alone_is_told() -> None:
    ledger = Ledger.founded()
    assert stage(ledger, "SYNC") == ("idle", "one node: nothing to copy")
    fetching = ProgressView(done=1, total=3, unit=FETCH_UNIT, rate=None, age_s=0.0)
    playing = ProgressView(done=1, total=3, unit="games", rate=None, age_s=0.0)
    told = stage(ledger, "SYNC", {(7, 70): playing, (8, 80): fetching, (9, 90): fetching})
    assert told == ("running", "1 of 3 files fetched for #8 (and for 1 more)")
    ledger.do(joins("other"))
    assert stage(ledger, "SYNC", {(7, 70): playing}) == (
        "idle",
        "no work here waits for others' files",
    )
