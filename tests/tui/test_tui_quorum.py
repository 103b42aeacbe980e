"""How much the voters still bear, in the words that operators know."""

import cockpit
import msgspec
import pytest

from ringrift.tui.quorum import Quorum, quorum_of

change = msgspec.structs.replace


@pytest.mark.parametrize(
    ("quorum", "margin", "words", "tone"),
    [
        (Quorum(5, 5), 2, "● healthy", "good"),
        (Quorum(7, 6), 2, "● healthy", "good"),
        (Quorum(3, 3), 1, "◐ degraded", "plain"),
        (Quorum(5, 4), 1, "◐ degraded", "warn"),
        (Quorum(1, 1), 0, "△ minimum", "plain"),
        (Quorum(3, 2), 0, "△ minimum", "warn"),
        (Quorum(4, 3), 0, "△ minimum", "warn"),
        (Quorum(3, 1), -1, "▲ lost", "bad"),
        (Quorum(5, 3, unknown=1), 0, "△ minimum or better", "warn"),
        (Quorum(5, 2, unknown=1), -1, "? unknown", "warn"),
        (Quorum(0, 0), -1, "? unknown", "warn"),
    ],
)
def test_a_margin_has_a_word(quorum: Quorum, margin: int, words: str, tone: str) -> None:
    assert quorum.margin == margin
    assert (quorum.cell.text, quorum.cell.tone) == (words, tone)


@pytest.mark.parametrize(
    ("quorum", "count", "meaning"),
    [
        (Quorum(3, 3), "3/3 voters", "3 of 3 alive, 2 decide; margin 1: 1 more may fail"),
        (Quorum(1, 1), "1/1 voter", "1 of 1 alive, 1 decide; margin 0: none may fail"),
        (
            Quorum(5, 2),
            "2/5 voters, quorum lost",
            "2 of 5 alive, 3 decide; nothing is decided before 1 more live",
        ),
        (Quorum(5, 2, 1), "2/5 voters, quorum unknown", "2 of 5 alive (1 unknown), 3 decide"),
        (Quorum(0, 0), "0/0 voters, quorum unknown", "no voter is known here yet"),
    ],
)
def test_the_count_and_what_it_means(quorum: Quorum, count: str, meaning: str) -> None:
    assert quorum.count.text == count
    assert quorum.meaning == meaning


def test_an_even_number_bears_no_more_than_one_fewer() -> None:
    for even in (2, 4, 6):
        assert Quorum(even, even).is_even
        assert Quorum(even, even).margin == Quorum(even - 1, even - 1).margin
    assert not Quorum(3, 3).is_even
    assert not Quorum(0, 0).is_even


def test_voters_are_counted_as_they_are_seen_from_here() -> None:
    assert quorum_of(cockpit.STATUS) == Quorum(1, 1)
    assert quorum_of(cockpit.CLUSTER) == Quorum(3, 2)
    hidden = tuple(change(m, alive=m.alive or None) for m in cockpit.CLUSTER.members)
    assert quorum_of(change(cockpit.CLUSTER, members=hidden)) == Quorum(3, 2, unknown=1)
    assert quorum_of(change(cockpit.CLUSTER, members=())) == Quorum(3, 0, unknown=3)
