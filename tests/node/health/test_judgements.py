"""Memory tiers and the resilience score: tables of what was measured and what is said of it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.health.memory import TIERS, MemoryPressure
from ringrift.node.health.resilience import WEIGHTS, level, resilience

START = MemoryPressure(marks=(60.0, 70.0, 80.0, 90.0), hysteresis=3.0, samples=3)


def tiers(*percents: float) -> list[str]:
    state, seen = START, []
    for percent in percents:
        state = state.after(percent)
        seen.append(state.tier)
    return seen


@pytest.mark.parametrize(
    ("percents", "last"),
    [
        ((59.9,) * 9, "NORMAL"),
        ((65, 65), "NORMAL"),
        ((65, 65, 65), "CAUTION"),
        ((65, 65, 50, 65, 65), "NORMAL"),
        ((95, 95, 95), "EMERGENCY"),
        ((85, 85, 85, 78, 78, 78), "CRITICAL"),
        ((85, 85, 85, 76, 76, 76), "WARNING"),
        ((65, 65, 65, 57, 57, 57, 57), "CAUTION"),
        ((65, 65, 65, 56, 56, 56), "NORMAL"),
        ((65, 65, 65, 75, 50, 75, 50, 75), "CAUTION"),
    ],
)
def test_tiers_change_with_patience(percents: tuple[float, ...], last: str) -> None:
    assert tiers(*percents)[-1] == last


@given(st.lists(st.floats(0, 100), max_size=60))
def test_a_tier_never_changes_before_enough_measurements(percents: list[float]) -> None:
    seen = ["NORMAL", *tiers(*percents)]
    changes = [at for at in range(1, len(seen)) if seen[at] != seen[at - 1]]
    assert all(b - a >= START.samples for a, b in itertools.pairwise([0, *changes]))


@given(st.floats(0, 100), st.integers(0, 4))
def test_a_steady_measurement_settles(percent: float, start: int) -> None:
    state = MemoryPressure(START.marks, START.hysteresis, START.samples, TIERS[start])
    for _ in range(START.samples):
        state = state.after(percent)
    assert state.after(percent).tier == state.tier


def test_all_well_is_one() -> None:
    whole = resilience("NORMAL", True, True, (True, True, None))
    assert whole.score == pytest.approx(1.0)
    assert whole.components.keys() == WEIGHTS.keys()
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_the_terms_are_weighed() -> None:
    judged = resilience("WARNING", False, True, (True, False))
    assert judged.score == pytest.approx(0.30 * 0.5 + 0.30 * 0.3 + 0.25 + 0.15 * 0.5)


def test_a_lost_quorum_is_critical_however_well_all_else_is() -> None:
    score = resilience("NORMAL", True, False, (True,)).score
    assert score is not None
    assert level(score) == "CRITICAL"


def test_what_is_not_known_makes_the_score_unknown_and_is_shown_as_unknown() -> None:
    judged = resilience("NORMAL", None, None, None)
    assert judged.score is None
    assert judged.components == {
        "memory": 1.0,
        "coordinator": None,
        "quorum": None,
        "daemons": None,
    }


@pytest.mark.parametrize(
    ("score", "name"),
    [(0.44, "CRITICAL"), (0.45, "DEGRADED"), (0.65, "WARNING"), (0.85, "HEALTHY")],
)
def test_levels_begin_at_their_marks(score: float, name: str) -> None:
    assert level(score) == name
