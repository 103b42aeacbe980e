"""Velocity: the right slope, an honest error, and no word without evidence."""

import numpy as np
import pytest

from ringrift.train.velocity import Snapshot, Velocity, pace, trend, velocity


def test_the_slope_is_that_of_the_line_and_good_ratings_weigh_more():
    line = [Snapshot(h, 1200 + 30 * h, 20) for h in (0, 1, 2, 4)]
    known = velocity(line)
    assert known is not None
    assert known.elo_per_hour == pytest.approx(30)
    hours = np.array([0, 1, 2, 4])
    assert known.standard_error == pytest.approx(20 / np.sqrt(((hours - hours.mean()) ** 2).sum()))
    drawn = velocity([*line, Snapshot(8, 0, 1e6)])
    assert drawn is not None
    assert drawn.elo_per_hour == pytest.approx(30, abs=0.1)


def test_scatter_beyond_the_stated_errors_widens_the_error():
    tight = velocity([Snapshot(h, e, 10) for h, e in enumerate((0, 10, 0, 10, 0))])
    loose = velocity([Snapshot(h, e, 10) for h, e in enumerate((0, 100, 0, 100, 0))])
    assert tight is not None and loose is not None
    assert loose.standard_error > 4 * tight.standard_error


@pytest.mark.parametrize("snapshots", [[], [Snapshot(1, 2, 3)], [Snapshot(1, 2, 3)] * 3])
def test_without_two_points_in_time_it_is_unknown(snapshots: list[Snapshot]):
    assert velocity(snapshots) is None
    assert pace(None) == trend(None, Velocity(1, 1)) == "unknown"


def test_its_bounds_cover_the_truth_in_95_of_100_runs():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        snapshots = [
            Snapshot(hour, float(rng.normal(40 * hour, error)), error)
            for hour, error in enumerate((60.0, 40.0, 30.0, 30.0, 25.0, 20.0))
        ]
        found = velocity(snapshots)
        assert found is not None
        covered += found.low <= 40 <= found.high
    assert 0.94 <= covered / 1000 <= 0.99


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (Velocity(0, 0.5), "stalled"),
        (Velocity(0, 3), "plateau"),
        (Velocity(0, 30), "steady"),
        (Velocity(60, 2), "fast"),
        (Velocity(60, 20), "steady"),
    ],
)
def test_a_pace_is_named_only_where_the_bounds_allow_no_other(known: Velocity, word: str):
    assert pace(known) == word


@pytest.mark.parametrize(
    ("now", "before", "word"),
    [
        (Velocity(40, 5), Velocity(80, 5), "decelerating"),
        (Velocity(80, 5), Velocity(40, 5), "accelerating"),
        (Velocity(50, 20), Velocity(40, 20), "stable"),
        (Velocity(1, 2), Velocity(40, 5), "plateauing"),
        (Velocity(40, 5), None, "unknown"),
        (Velocity(1, 2), None, "plateauing"),
    ],
)
def test_a_trend_is_a_change_beyond_its_error(now: Velocity, before: Velocity | None, word: str):
    assert trend(now, before) == word


def test_a_rating_without_error_is_refused():
    with pytest.raises(ValueError, match="an error above 0"):
        Snapshot(1, 1200, 0)
