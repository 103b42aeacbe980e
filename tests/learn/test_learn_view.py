"""The view says what holds, and unknown where nothing is known."""

from dataclasses import dataclass

from learn_support import kept, matched, progress, sha, trained, worked

from ringrift.learn import view
from ringrift.learn.events import Ruled
from ringrift.learn.gates import rulings
from ringrift.wire.job import Progress as Advance


@dataclass(frozen=True)
class Work:
    stage: str
    about: str
    advance: Advance | None = None


def test_a_young_run_shows_unknown_rather_than_numbers() -> None:
    text = "\n".join(view.page(progress(), {0: Work("selfplay", "the untrained network")}, 3, None))
    assert "core time  unknown" in text
    assert "champion   none yet" in text
    assert "starting" in text


def test_the_page_fits_a_terminal_and_names_everybody() -> None:
    run = progress(
        *(kept(n) for n in range(3)),
        trained(1, seen_rows=1500, at_s=61),
        matched(1, "random-1", [2] * 20),
        matched(1, "heuristic-2", [0, 1] * 10),
        Ruled(sha(1), "promoted", None, (), 70.0),
        trained(2, at_s=130),
        matched(2, sha(1), [1, 2] * 10),
        worked("selfplay", 100, 140),
        worked("evaluation", 20, 140),
    )
    doing = {0: Work("evaluation", "x", Advance(3, 40, "games", 1.5, {"evaluations_per_s": 5e3}))}
    lines = view.page(run, doing, 140, 3600)
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "0:02:20 of 1:00:00" in text
    assert "network 1, Elo" in text
    assert "75% v network 1" in text
    assert "selfplay 83%" in text
    assert "5,000 evaluations/s" in text


def test_news_tells_results_and_decisions_with_their_reasons() -> None:
    run = progress(trained(1), matched(1, "random-1", [2] * 19 + [1]))
    (line,) = view.news(run, matched(1, "random-1", [2] * 19 + [1]))
    assert "network 1 against random-1: 97.5%" in line
    ruled = Ruled(sha(1), "rejected", None, (("better than random", "> 50 %", "40 %", False),), 9)
    (line,) = view.news(run, ruled)
    assert "network 1 rejected (better than random: 40 %, needed > 50 %)" in line
    assert view.news(run, kept(0)) == []


def test_news_tells_which_networks_gave_way_to_a_newer_one() -> None:
    run = progress(trained(1), Ruled(sha(1), "promoted", None, (), 0.0), trained(2))
    run.take(trained(3))
    (untested,) = rulings(run)
    assert (
        "network 2 undecided (a newer network came before its test began)"
        in view.news(run, untested)[0]
    )
    run.take(untested)
    run.take(matched(3, sha(1), [0, 2] * 10))
    run.take(trained(4))
    (tested,) = rulings(run)
    (line,) = view.news(run, tested)
    assert "network 3 undecided (a newer network came, and games so far do not speak" in line
    assert "50.0% [28.9%, 71.1%] in 40 games" in line


def test_velocity_needs_two_rated_champions_and_no_line_is_too_long() -> None:
    run = progress(trained(1, at_s=600), matched(1, "heuristic-2", [0, 1] * 10))
    run.take(Ruled(sha(1), "promoted", None, (), 610.0))
    assert "unknown: it takes two rated champions" in "\n".join(view.page(run, {}, 620, None))
    for number in range(2, 40):
        run.take(trained(number, at_s=600.0 * number))
        run.take(matched(number, "heuristic-2", [1, 2] * 10))
        run.take(Ruled(sha(number), "promoted", None, (), 600.0 * number))
    lines = view.page(run, {}, 24_000, None)
    assert max(map(len, lines)) <= 100
    assert any("Elo/h" in line for line in lines)
    assert any("after … → 33" in line for line in lines)
