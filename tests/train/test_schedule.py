from hypothesis import given
from hypothesis import strategies as st

from ringrift.train.search.schedule import considered_visits


def test_published_example():
    # mctx documents this table for 4 considered actions and 8 simulations.
    assert considered_visits(4, 8) == (0, 0, 0, 0, 1, 1, 2, 2)


def test_one_choice_gets_everything():
    assert considered_visits(1, 3) == (0, 1, 2)


@given(st.integers(1, 64), st.integers(1, 400))
def test_every_entry_can_be_served(considered, simulations):
    """Choosing any edge with the wanted number of visits never finds none."""
    visits = [0] * considered
    sequence = considered_visits(considered, simulations)
    assert len(sequence) == simulations
    for wanted in sequence:
        visits[visits.index(wanted)] += 1


@given(st.integers(2, 64))
def test_the_best_two_share_the_end(considered):
    """With enough simulations at least two choices end with the most visits or one below."""
    visits = [0] * considered
    for wanted in considered_visits(considered, 512):
        visits[visits.index(wanted)] += 1
    visits.sort(reverse=True)
    assert visits[0] - visits[1] <= 1
    assert visits[0] >= 512 // considered
    assert visits[0] > visits[-1] or considered == 2
