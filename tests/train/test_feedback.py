"""The feedback formulas: bounded, monotonic where they should be, and silent about the unknown."""

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringrift.engine.config import CONFIGS, Config
from ringrift.train.feedback.curriculum import (
    Standing,
    after_failure,
    after_promotion,
    after_propagation,
    after_regression,
    mastered,
    propagation,
)
from ringrift.train.feedback.exploration import next_boost, trouble_boost
from ringrift.train.feedback.intensity import Intensity, intensity_of, training_plan
from ringrift.train.feedback.quality import (
    DataMeasures,
    data_quality,
    quality_gate,
    required_quality,
)
from ringrift.train.feedback.regression import (
    Drop,
    Severity,
    escalated,
    response,
    rollback_refusals,
    severity,
)
from ringrift.train.feedback.shares import (
    FLOOR,
    RESERVE,
    UNDER_SERVED,
    Need,
    allocate,
    score,
    search_budget,
    selfplay_shares,
)
from ringrift.train.feedback.signals import FeedbackError

HEX8, SQUARE8, HEXAGONAL4 = (Config.parse(n) for n in ("hex8_2p", "square8_2p", "hexagonal_4p"))
LEVELS: tuple[Intensity, ...] = (
    "intensive",
    "hot_path",
    "high",
    "accelerated",
    "normal",
    "reduced",
    "paused",
)

share = st.floats(0, 1)
maybe_elo = st.none() | st.floats(-500, 3000)
maybe_velocity = st.none() | st.floats(-200, 200)
measures = st.builds(
    DataMeasures,
    games=st.integers(0, 10**6),
    budgets=st.lists(
        st.tuples(st.integers(0, 5000), st.integers(1, 10**6)), min_size=1, max_size=4
    ).map(tuple),
    generator_gap=st.floats(-800, 800),
    target_entropy=share,
    truncated=share,
    duplicates=share,
    parity_checked=share,
    age_h=st.floats(0, 1000),
)
needs = st.builds(
    Need,
    games=st.integers(0, 10**6),
    elo=maybe_elo,
    elo_error=st.none() | st.floats(0, 1000),
    velocity=maybe_velocity,
    hours_since_data=st.none() | st.floats(0, 1000),
    training_waits=st.booleans(),
    curriculum=st.floats(0.3, 3),
    exploration=st.floats(1, 2),
)
standings = st.builds(Standing, st.floats(0.3, 3), st.integers(0, 50))

GOOD = DataMeasures(
    games=1000,
    budgets=((64, 900),),
    generator_gap=0.0,
    target_entropy=0.3,
    truncated=0.0,
    duplicates=0.0,
    parity_checked=1.0,
    age_h=0.0,
)


def quality_with(m: DataMeasures = GOOD, **changes: Any) -> float:
    found = data_quality(dataclasses.replace(m, **changes), 64).score
    assert found is not None
    return found


# Quality


@given(measures)
def test_quality_is_a_share_and_never_gains_from_worse_data(m: DataMeasures):
    now = quality_with(m)
    assert 0 <= now <= 1
    for worse in (
        {"age_h": 2 * (m.age_h or 0) + 1},
        {"games": m.games // 2 if m.games else 0},
        {"generator_gap": (m.generator_gap or 0) - 50},
        {"truncated": (1 + (m.truncated or 0)) / 2},
        {"duplicates": (1 + (m.duplicates or 0)) / 2},
        {"parity_checked": (m.parity_checked or 0) / 2},
        {"budgets": tuple((sims // 2, rows) for sims, rows in m.budgets or ())},
    ):
        assert quality_with(m, **worse) <= now + 1e-12


@given(measures, st.sampled_from([f.name for f in dataclasses.fields(DataMeasures)]))
def test_one_missing_measurement_makes_quality_unknown(m: DataMeasures, name: str):
    found = data_quality(dataclasses.replace(m, **{name: None}), 64)
    assert found.score is None
    assert found.missing == (name,)
    gate = quality_gate(HEX8, found.score, 0, None)
    assert gate == "unknown"
    assert intensity_of(found.score, gate) is None


def test_stale_data_falls_through_every_gate():
    assert quality_with() > 0.95
    assert quality_with(age_h=24) < 0.02
    assert quality_gate(HEX8, quality_with(age_h=24), 100, None) == "closed"


def test_lost_and_flat_targets_are_both_bad():
    assert quality_with(target_entropy=0.0) == quality_with(target_entropy=1.0) < quality_with()


def test_the_gate_of_each_config_is_the_one_of_the_table():
    gates = {config.name: required_quality(config) for config in CONFIGS}
    assert gates["hex8_2p"] == 0.50
    assert max(gates.values()) == gates["hexagonal_4p"] == pytest.approx(0.73)
    assert quality_gate(HEXAGONAL4, 0.72, 10_000, 1.0) == "closed"
    assert quality_gate(HEXAGONAL4, 0.72, 10_000, 5.0) == "relaxed"
    assert quality_gate(HEXAGONAL4, 0.74, 10_000, 1.0) == "open"
    assert [intensity_of(0.72, gate) for gate in ("closed", "relaxed", "open")] == [
        "paused",
        "reduced",
        "normal",
    ]


# Curriculum


@given(standings, st.floats(0, 1000), share)
def test_curriculum_stays_between_its_clamps(standing: Standing, drop: float, part: float):
    fell = after_regression(standing, drop)
    assert fell.weight <= standing.weight
    assert after_regression(standing, drop + 50).weight <= fell.weight
    assert after_promotion(standing).weight >= standing.weight
    assert after_failure(standing).multiplier >= standing.multiplier
    assert after_propagation(standing, part).weight >= standing.weight
    for after in (fell, after_promotion(standing), after_failure(standing)):
        assert 0.3 <= after.multiplier <= 3


def test_three_failures_escalate_and_a_promotion_forgets_them():
    standing = Standing()
    for _ in range(3):
        assert not standing.escalates
        standing = after_failure(standing)
    assert standing.escalates
    assert standing.multiplier == pytest.approx(1.6)
    assert after_promotion(standing) == Standing(1.1, 0)


def test_propagation_needs_kinship_or_a_shown_lead():
    square19 = Config.parse("square19_2p")
    assert propagation(SQUARE8, square19, None) == 0.80
    assert propagation(SQUARE8, Config.parse("square8_3p"), None) == 0.60
    assert propagation(HEX8, SQUARE8, 60.0) == 0.40
    assert propagation(HEX8, SQUARE8, 40.0) == 0.0
    assert propagation(HEX8, SQUARE8, None) is None
    assert propagation(HEX8, Config.parse("square8_3p"), 500.0) == 0.0
    assert propagation(HEX8, HEX8, 500.0) == 0.0


def test_mastery_is_unknown_before_twenty_games():
    assert mastered(19, 19) is None
    assert mastered(17, 20) is True
    assert mastered(16, 20) is False
    with pytest.raises(FeedbackError):
        mastered(21, 20)


# Intensity and exploration


@given(
    st.sampled_from(LEVELS),
    st.floats(0, 4),
    maybe_velocity,
    st.sampled_from([None, "accelerating", "stable", "decelerating", "plateauing"]),
)
def test_plans_stay_within_their_clamps(level: Intensity, base: float, v: float | None, trend: Any):
    plan = training_plan(level, base_reuse=base, velocity=v, trend=trend)
    assert 0 <= plan.reuse <= 4
    assert 0.3 <= plan.rate <= 2.5
    assert 128 <= plan.batch <= 2048
    assert plan.reuse == 0 or level != "paused"


@given(share, share, st.sampled_from(CONFIGS))
def test_better_data_never_trains_less(a: float, b: float, config: Config):
    reuse = [
        training_plan(level, base_reuse=2.0).reuse
        for level in (intensity_of(q, quality_gate(config, q, 0, None)) for q in sorted((a, b)))
        if level is not None
    ]
    assert reuse == sorted(reuse)


def test_unknown_velocity_amplifies_nothing():
    assert training_plan("normal", base_reuse=2.0) == training_plan(
        "normal", base_reuse=2.0, velocity=0.7
    )
    assert training_plan("normal", base_reuse=2.0, velocity=-1.0).rate == pytest.approx(0.6)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(1, 2), maybe_velocity)
def test_boosts_stay_between_one_and_two(n: int, stalled: int, boost: float, v: float | None):
    asked = trouble_boost(n, stalled)
    assert 1 <= asked <= 2
    assert trouble_boost(n + 1, stalled) >= asked
    assert trouble_boost(n, stalled + 1) >= asked
    assert asked <= next_boost(boost, asked, v) <= 2
    assert next_boost(boost, 1.0, None) == boost


# Regression


@given(st.floats(-300, 300), st.floats(0, 200), st.floats(0, 100), st.integers(50, 10**5))
def test_severity_grows_with_the_drop_and_shrinks_with_its_error(
    size: float, error: float, more: float, games: int
):
    level = severity(Drop(size, error), None, games)
    assert level is not None
    assert severity(Drop(size, error + more), None, games) in (level, Severity.NONE)
    deeper = severity(Drop(size + more, error), None, games)
    assert deeper is not None and deeper >= level
    assert level == Severity.NONE or size > 1.96 * error


def test_severity_is_unknown_without_games_or_measurements():
    assert severity(Drop(100, 1), Drop(0.2, 0.01), 49) is None
    assert severity(None, None, 1000) is None
    assert severity(None, Drop(0.11, 0.03), 400) == Severity.SEVERE
    assert severity(Drop(20, 5), None, 400) == Severity.MINOR
    assert severity(Drop(75, 40), None, 400) == Severity.NONE


@given(st.sampled_from(Severity), st.integers(1, 100), maybe_elo)
def test_responses_are_bounded_and_never_softer_for_worse(
    level: Severity, n: int, drop: float | None
):
    answer = response(level, n, drop)
    assert 1 <= answer.exploration <= 2
    assert 0 <= answer.extra_games <= 2000
    assert response(level, n + 1, drop).extra_games >= answer.extra_games
    if level < Severity.CRITICAL:
        assert response(Severity(level + 1), n, drop).extra_games >= answer.extra_games
    assert escalated(level, n).severity in (level, min(Severity.CRITICAL, level + 1))


def test_escalation_follows_the_streak():
    assert escalated(Severity.MINOR, 1).severity == Severity.MINOR
    assert escalated(Severity.MINOR, 2).severity == Severity.MODERATE
    assert [escalated(Severity.MINOR, n).act for n in (1, 2, 3)] == [False, False, True]
    assert escalated(Severity.NONE, 9) == escalated(Severity.NONE, 0)


def test_rollbacks_say_what_is_in_their_way():
    day = 86_400.0
    assert rollback_refusals(Severity.SEVERE, 3, 20, (), now=day) == ()
    assert rollback_refusals(Severity.SEVERE, 3, 20, (0.0, 1.0, 2.0), now=2 * day) == ()
    full = rollback_refusals(Severity.MINOR, 2, 19, (day - 3, day - 2, day - 1), now=day)
    assert len(full) == 5
    assert rollback_refusals(Severity.CRITICAL, 3, 20, (0.0,), now=3599.0) == (
        "the last rollback is less than 1 h ago",
    )


# Shares and budgets


@given(st.dictionaries(st.sampled_from(CONFIGS), needs, min_size=1))
def test_shares_sum_to_one_and_no_config_gets_fifty_times_another(have: dict[Config, Need]):
    shares = selfplay_shares(have)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= FLOOR - 1e-12
    assert max(shares.values()) <= 50 * min(shares.values())
    hungry = [config for config, need in have.items() if need.games < UNDER_SERVED]
    if hungry:
        assert sum(shares[config] for config in hungry) >= RESERVE - 1e-9
    assert sum(allocate(shares, 997).values()) == 997


@given(needs, st.integers(0, 10**6), st.sampled_from(CONFIGS))
def test_a_config_with_fewer_games_never_scores_less(need: Need, games: int, config: Config):
    assume(games <= need.games)
    assert 0 <= score(config, need) <= 50
    assert score(config, dataclasses.replace(need, games=games)) >= score(config, need)


def test_equal_needs_share_equally_and_the_unmeasured_count_for_nobody():
    blank = Need(
        games=9000,
        elo=None,
        elo_error=None,
        velocity=None,
        hours_since_data=None,
        training_waits=False,
    )
    assert score(HEX8, blank) == 0
    shares = selfplay_shares(dict.fromkeys(CONFIGS, blank))
    assert list(shares.values()) == pytest.approx([1 / 12] * 12)
    fresh = dataclasses.replace(blank, games=0)
    assert selfplay_shares({HEX8: blank, SQUARE8: fresh})[SQUARE8] > 0.9
    with pytest.raises(FeedbackError):
        selfplay_shares({})


@given(st.integers(0, 10**6), maybe_elo, st.sampled_from(LEVELS), st.sampled_from(CONFIGS))
def test_budgets_are_explicit_and_bounded(games: int, elo: float | None, level: Any, c: Config):
    budget = search_budget(c, games, elo, level)
    assert 1 <= budget <= (800 if c.board in ("square19", "hexagonal") else 5600)
    assert search_budget(c, games, None, level) <= budget


def test_budgets_are_those_of_the_table():
    assert search_budget(HEX8, 99, 2500, "normal") == 64
    assert search_budget(HEX8, 1000, 1799, "normal") == 800
    assert search_budget(HEX8, 1000, 2000, "hot_path") == 4800
    assert search_budget(HEX8, 10**6, None, "normal") == 200
    assert search_budget(HEXAGONAL4, 1000, 2000, "normal") == 800


# All of them


def test_impossible_measurements_are_named():
    with pytest.raises(FeedbackError, match=r"truncated is 1\.5; it must be from 0 to 1"):
        quality_with(truncated=1.5)
    with pytest.raises(FeedbackError, match="age_h is nan"):
        quality_with(age_h=float("nan"))


def test_feedback_imports_neither_torch_nor_numba():
    names = ("curriculum", "exploration", "intensity", "quality", "regression", "shares")
    imports = ", ".join(f"ringrift.train.feedback.{name}" for name in names)
    code = f"import sys, {imports}; print([n for n in ('torch', 'numba') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
