"""What is left of a cluster without its quorum, as real processes: it plays on, closes soon, and
hands in what it played when the quorum is back.

Its children are the fake ones; everything else is production.
"""

import signal
import time

from ringrift.node.runtime.settings import WorkerSettings
from ringrift.wire.views import StatusView
from tests.node.test_cluster_process import SETTINGS, Cluster, cluster, together
from tests.node.test_node_process import DEADLINE_S, Site, games, is_gone

# No network is trained: one that a node did not fetch in time would be one that it cannot play by.
PLAYING = SETTINGS.replace("[worker]", "[worker]\nautonomy_after_s = 1").replace(
    "training_min_new_games = 64", "training_min_new_games = 100000"
)
SOON_S = WorkerSettings().stop_grace_s / 2
"""Less than children are given to stop, and more than it takes to see that nobody leads."""


def waiting(site: Site) -> set[str]:
    """The shards that the log is not known to know of, of those that nobody asked for."""
    return {path.stem for path in site.data.glob("work/0-*/out/*.shard")}


def says(status: StatusView) -> str:
    return next(loop.reason for loop in status.loops if loop.name == "autonomy")


def stop_at_once(here: Cluster) -> None:
    """Kill every node and its sentinel as a power cut does."""
    nodes = [status.pid for status in here.until(together).values()]
    here.stack.pop_all().close()
    while not all(is_gone(pid) for pid in nodes):
        time.sleep(0.05)


def test_who_is_left_plays_on_closes_soon_and_hands_in_later() -> None:
    with cluster() as here:
        for site in here.sites.values():
            site.profile.write_text(PLAYING)
        here.found()
        here.until(lambda t: games(t["third"]) > 0)
        stop_at_once(here)

        # A voter that starts alone goes by its log, though it cannot know that it was decided.
        left = here.sites["third"]
        with left.running("ringrift.node") as node:
            left.until(lambda s: s.leader_id is None and "playing on (hex8_2p)" in says(s))
            left.until(lambda _: len(waiting(left)) >= 4)
            told_at = time.monotonic()
            node.send_signal(signal.SIGTERM)
            assert node.wait(DEADLINE_S) == 0
            assert time.monotonic() - told_at < SOON_S
        kept = waiting(left)
        assert len(kept) >= 4

        for name in here.sites:
            here.start(name)
        before = games(here.until(together)["third"])
        left.until(lambda s: not kept & waiting(left) and games(s) > before)
        left.until(lambda s: "somebody leads" in says(s))
