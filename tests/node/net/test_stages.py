"""A stage says why what waits in it waits."""

from cluster_support import CONFIG, Ledger

from ringrift.node.cluster import commands as c
from ringrift.node.net.observed import Host, Observed
from ringrift.node.net.stages import stage_views


class NoPast:
    def games_per_s(self, config: str) -> float | None:
        return None

    def last_at_ms(self, event: str) -> int | None:
        return None


def selfplay(ledger: Ledger) -> tuple[str, str]:
    observed = Observed(
        now_ms=10_000, uptime_s=5.0, leader_id="n", term=1, commit_index=9, applied_index=9,
        applied_age_s=None, state_digest="", loops=(), host=Host(), loop_lag_ms=None, slots=2,
        slots_busy=1, progress={}, past=NoPast(),
    )  # fmt: skip
    view = stage_views(ledger.state, observed)[0]
    return view.state, view.reason


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
