"""The thirteen weightings: their formulas, and that nothing missing is passed over."""

import numpy as np
import pytest

from ringrift.engine.state import CAPTURE, CHAIN_CAPTURE, MOVEMENT, RING_PLACEMENT
from ringrift.train.weighting import STRATEGIES, Facts, WeightingError, strategy_weights

FACTS = Facts(
    rows=4,
    progress=np.array([0, 0.5, 1, 1], np.float32),
    phase=np.array([RING_PLACEMENT, MOVEMENT, CAPTURE, CHAIN_CAPTURE]),
    source=np.array(["high", "medium", "base", "high"]),
    chain_start=np.array([False, False, True, False]),
    quality=np.array([0, 0.2, 0.6, 1], np.float32),
    opponent_elo=np.array([100, 400, 1200, 4000], np.float32),
    stored=np.array([1, 2, 3, 4], np.float32),
)
LATE = np.array([0.5, 0.75, 1, 1])
PHASE = np.array([0.8, 1, 1.2, 1.3])
SOURCE = np.array([3, 1.5, 1, 3])
CHAIN = np.array([1, 1, 2, 0.5])
QUALITY = np.array([0.5, 0.8, 1.4, 2])
ELO = np.array([0, 0, 0.5, 1])
STORED = np.array([1, 2, 3, 4])
EXPECTED = {
    "uniform": np.ones(4),
    "late_game": LATE,
    "phase_emphasis": PHASE,
    "combined": LATE * PHASE,
    "source": SOURCE,
    "combined_source": LATE * PHASE * SOURCE,
    "chain_emphasis": CHAIN,
    "combined_chain": LATE * PHASE * SOURCE * CHAIN,
    "quality": QUALITY,
    "opponent_elo": 0.5 + 1.5 * ELO,
    "quality_combined": QUALITY * (0.7 + 0.6 * ELO) * LATE * SOURCE,
    "precomputed": STORED,
    "precomputed_combined": STORED * LATE * PHASE,
}


def test_there_are_thirteen():
    assert set(STRATEGIES) == set(EXPECTED)
    assert len(EXPECTED) == 13


@pytest.mark.parametrize("strategy", EXPECTED)
def test_weights_follow_the_formula(strategy: str):
    np.testing.assert_allclose(strategy_weights(strategy, FACTS), EXPECTED[strategy], rtol=1e-6)


@pytest.mark.parametrize("strategy", sorted(set(EXPECTED) - {"uniform"}))
def test_a_missing_fact_is_an_error(strategy: str):
    with pytest.raises(WeightingError, match=f"weighting {strategy} needs .* of every row"):
        strategy_weights(strategy, Facts(rows=4))


def test_other_mistakes_are_named():
    with pytest.raises(WeightingError, match="weighting 'best' is unknown; use one of uniform, "):
        strategy_weights("best", FACTS)
    with pytest.raises(WeightingError, match="progress is given for 4 rows of 5"):
        strategy_weights("late_game", Facts(rows=5, progress=FACTS.progress))
    with pytest.raises(WeightingError, match="source 'rumour' is none of high, medium, base"):
        strategy_weights("source", Facts(rows=1, source=np.array(["rumour"])))
