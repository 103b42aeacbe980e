"""What a run holds follows from its events, and a game counts once."""

from hypothesis import given
from hypothesis import strategies as st
from learn_support import kept, matched, progress, sha, trained, worked

from ringrift.learn.events import Fitting, Kept, Lost, RolledBack, Ruled, Unfit


def test_rows_are_new_until_a_fit_has_seen_them() -> None:
    run = progress(kept(0), kept(1), trained(1, seen_rows=500))
    assert (run.games, run.full_rows, run.new_rows) == (64, 1000, 500)


def test_a_lost_shard_counts_neither_as_new_nor_as_seen() -> None:
    events = [kept(n) for n in range(4)]
    run = progress(*events, trained(1, seen_rows=1250))
    run.take(Lost(events[0].sha256, 0.0))
    assert (run.full_rows, run.seen_rows, run.lost) == (1500, 750, 32)
    run.take(Lost(events[2].sha256, 0.0))  # half of it was seen
    assert (run.full_rows, run.seen_rows, run.new_rows) == (1000, 500, 500)
    run.take(Lost(events[3].sha256, 0.0))
    run.take(Lost(events[3].sha256, 0.0))
    assert (run.full_rows, run.new_rows, run.games, run.lost) == (500, 0, 32, 96)


def test_a_fit_that_has_begun_forgets_what_was_lost_and_all_of_it_if_nothing_is_left() -> None:
    events = [kept(n) for n in range(3)]
    run = progress(*events, trained(1, seen_rows=500), Fitting(1500, 0.0), kept(3))
    run.take(Lost(events[0].sha256, 0.0))
    assert (run.seen_rows, run.fitting) == (0, 1000)
    run.take(Lost(events[1].sha256, 0.0))
    assert run.fitting == 500
    run.take(Lost(events[2].sha256, 0.0))
    assert run.fitting is None
    run.take(Fitting(500, 0.0))
    run.take(trained(2, seen_rows=500))
    assert run.fitting is None
    run.take(Fitting(500, 0.0))
    run.take(Unfit("the loss is nan", 0.0))
    assert run.fitting is None


def test_a_fit_continues_from_the_newest_unless_there_was_a_rollback() -> None:
    run = progress(trained(1), trained(2))
    assert run.parent is not None
    assert run.parent.number == 2
    run.take(RolledBack(sha(1), "worse", 0.0))
    assert run.parent.number == 1
    run.take(trained(3))
    assert run.parent.number == 3


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), st.integers(1, 9)), max_size=20))
def test_no_game_counts_twice_however_shards_are_cut(cuts: list[tuple[int, int, int]]) -> None:
    counted: set[tuple[int, int]] = set()
    run = progress()
    for n, (number, first, games) in enumerate(cuts):
        shard = Kept(sha(n), 1, f"{number:032x}", first, games, 0, games, 0, None, 0.0)
        numbers = {(number, first + i) for i in range(games)}
        clashed = run.clashes
        run.take(shard)
        if counted & numbers:
            assert run.clashes == clashed + 1
        else:
            counted |= numbers
    assert run.games == len(counted) == run.full_rows


def test_pieces_of_a_match_add_up_and_none_counts_twice() -> None:
    run = progress(
        trained(1),
        matched(1, "random-1", [2, 2]),
        matched(1, "random-1", [1, 0], first=2),
        matched(1, "random-1", [0, 0], first=2),
    )
    assert run.candidate(sha(1)).pairings["random-1"].histogram == (1, 1, 2)


def test_a_promotion_makes_the_champion_and_a_rejection_does_not() -> None:
    def ruled(number: int, decision: str) -> Ruled:
        return Ruled(sha(number), decision, None, (), 0.0)  # pyright: ignore[reportArgumentType]

    run = progress(trained(1), ruled(1, "promoted"), trained(2), ruled(2, "rejected"))
    assert run.champion == sha(1)


def test_time_and_core_seconds_add_up() -> None:
    run = progress(worked("selfplay", 10, 5.0), worked("selfplay", 4, 9.0), worked("training", 1))
    assert run.core_s == {"selfplay": 14, "training": 1}
    assert run.at_s == 9.0
