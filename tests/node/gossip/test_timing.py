"""The durations: their invariants hold in every profile, and confirmations shorten a suspicion."""

from dataclasses import replace

import pytest

from ringrift.node.consensus.raft.timing import TIMINGS, Profile
from ringrift.node.gossip.timing import CONFIRMATIONS, gossip_timing


@pytest.mark.parametrize("profile", list(TIMINGS))
def test_durations_follow_from_the_profile(profile: Profile) -> None:
    timing = gossip_timing(TIMINGS[profile])
    assert timing.answer >= TIMINGS[profile].heartbeat
    lasts = [timing.suspicion(30, n, CONFIRMATIONS) for n in range(CONFIRMATIONS + 1)]
    assert lasts == sorted(lasts, reverse=True)
    assert lasts[0] == pytest.approx(6 * lasts[-1])
    assert timing.suspicion(30, 0, 0) == lasts[-1], "nobody is there who could confirm it"
    assert timing.suspicion(50, 3, 3) > timing.suspicion(30, 3, 3)


def test_durations_that_contradict_each_other_are_refused() -> None:
    timing = gossip_timing(TIMINGS["lan"])
    for wrong in ({"answer": 0.6}, {"rumour": 0.4}, {"cut": 4.0}, {"late": 0.1}, {"probe": 0.0}):
        with pytest.raises(AssertionError):
            replace(timing, **wrong)
