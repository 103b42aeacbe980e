"""The window of training, against numbers worked out by hand."""

from itertools import pairwise

import pytest

from ringrift.train.window import GPU_START_ROWS, LAPTOP_START_ROWS, window_rows


def test_all_rows_are_kept_until_the_window_is_full():
    assert [window_rows(n) for n in (0, 1, 19_999, 20_000)] == [0, 1, 19_999, 20_000]
    assert window_rows(200_000, GPU_START_ROWS) == 200_000


def test_it_grows_by_the_power_law():
    # 20,000 * (1 + .4 * (16 ** .75 - 1) / .75) = 20,000 * (1 + .4 * 7 / .75)
    assert window_rows(16 * LAPTOP_START_ROWS) == 94_666
    assert window_rows(16 * GPU_START_ROWS, GPU_START_ROWS) == 1_183_333


def test_it_grows_ever_more_slowly():
    sizes = [window_rows(n) for n in range(20_000, 400_000, 10_000)]
    steps = [b - a for a, b in pairwise(sizes)]
    assert sizes == sorted(sizes)
    assert all(0 < b <= a + 1 for a, b in pairwise(steps))
    assert steps[0] < 0.4 * 10_000


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="seen is -1"):
        window_rows(-1)
