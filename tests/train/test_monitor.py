"""Loss anomalies: what ends a fit, and what does not."""

import numpy as np
import pytest

from ringrift.train.monitor import LossMonitor


def fed(losses: list[float]) -> list[str | None]:
    monitor = LossMonitor()
    return [monitor.trouble(loss) for loss in losses]


def usual(count: int) -> list[float]:
    return np.random.default_rng(1).normal(3, 0.2, count).tolist()


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_it_at_once(loss: float):
    assert fed([loss]) == ["the loss is not finite"]


def test_noise_and_falling_losses_are_fine():
    assert not any(fed(usual(5000)))
    assert not any(fed([4 * 0.99**step + noise for step, noise in enumerate(usual(500))]))
    assert not any(fed([0.0] * 200))


def test_two_spikes_pass_and_three_in_a_row_do_not():
    quiet = usual(100)
    assert not any(fed([*quiet, 9.0, 9.0, *quiet, 9.0, 9.0]))
    told = fed([*quiet, 9.0, 9.0, 9.0])
    assert told[-1] is not None
    assert told[-1].startswith("the loss 9.000 is above")
    assert told[-1].endswith("for 3 steps in a row")


def test_the_first_steps_are_not_judged():
    assert not any(fed([1.0] * 10 + [50.0] * 10))
