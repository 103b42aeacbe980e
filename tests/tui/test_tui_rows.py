"""What a person sees of each view."""

import cockpit
import msgspec
import pytest

from ringrift.tui import frame, rows, text
from ringrift.tui.columns import fit
from ringrift.tui.dialogs.describe import description

change = msgspec.structs.replace


def test_the_unhealthy_come_first_and_unknown_before_healthy() -> None:
    shown = rows.loops(cockpit.LOOPS)
    assert [row.key for row in shown.rows][:3] == ["history", "watchdog", "replica"]
    only = rows.loops(cockpit.LOOPS, faults_only=True)
    assert [row.key for row in only.rows] == ["history"]


def test_running_work_comes_before_waiting_work() -> None:
    shown = rows.work(tuple(reversed(cockpit.WORK)))
    assert [row.key for row in shown.rows] == ["61", "62", "63", "64"]


def test_ended_work_comes_last_newest_first() -> None:
    ended = [cockpit.work(number, "training", "", None, state="completed") for number in (7, 9, 8)]
    shown = rows.work((*ended, cockpit.WORK[2]))
    assert [row.key for row in shown.rows] == ["63", "9", "8", "7"]
    assert shown.rows[1].cells[4].text == "completed 31 s ago"


def test_matches_are_found_by_kind_of_opponent() -> None:
    champions = frozenset(model.sha256 for model in cockpit.MODELS.models)
    fifth = cockpit.MODELS.models[4]
    found = {kind: rows.against(fifth, kind, champions) for kind in ("random", "champion")}
    assert found["random"] is not None and found["random"].wins == 37
    assert found["champion"] is not None and found["champion"].opponent == cockpit.sha(3)
    assert rows.against(cockpit.MODELS.models[5], "champion", champions) is None


def test_failed_checks_come_first() -> None:
    verdict = cockpit.MODELS.models[1].verdict
    assert rows.checks(verdict).rows[0].cells[0].text == "✗ against champion"


def test_how_far_a_child_is_that_runs_elsewhere_is_not_guessed() -> None:
    mine, theirs = (
        cockpit.work(number, "training", "", None, state="claimed", node=node)
        for number, node in ((1, "n-6f3a"), (2, "n-22c4"))
    )
    shown = rows.work((mine, theirs), here="n-6f3a")
    assert [row.cells[4].text for row in shown.rows] == ["starting", "at work"]


@pytest.mark.parametrize(
    ("wanted", "seqs"),
    [
        ("promoted", ["302"]),
        ("EVALUATION heuristic", ["300", "310"]),
        ("nothing of this", []),
    ],
)
def test_a_filter_wants_every_word(wanted: str, seqs: list[str]) -> None:
    assert [row.key for row in rows.events(cockpit.EVENTS, wanted=wanted).rows] == seqs


def test_faults_only_shows_faults_only() -> None:
    shown = rows.events(cockpit.EVENTS, faults_only=True)
    assert [row.key for row in shown.rows] == ["304", "306", "312"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_frames_keep_their_width(width: int) -> None:
    pages = [
        frame.overview(cockpit.CLUSTER, width),
        frame.members(cockpit.CLUSTER, width),
        frame.overview(cockpit.STATUS, width),
        frame.models(cockpit.MODELS, width),
        frame.events(cockpit.EVENTS, width),
    ]
    assert all(len(line) <= width for page in pages for line in page.splitlines())


def test_an_empty_node_has_words_for_it() -> None:
    empty = change(cockpit.STATUS, work=(), loops=(), nodes=(), configs=(), stages=())
    assert "no work in progress" in frame.overview(empty, 80)
    assert "no network yet" in frame.models(change(cockpit.MODELS, models=(), baselines={}), 80)
    assert "nothing happened yet" in frame.events((), 80)


def test_a_description_holds_every_field() -> None:
    shown = {row.key: row.cells[1].text for row in description(cockpit.MODELS.models[5]).rows}
    assert shown["training.steps"] == "40"
    assert shown["matches.1.opponent"] == "random-1"
    assert shown["verdict"] == "–"


def test_a_description_tells_moments_as_people_do() -> None:
    shown = {row.key: row.cells[1].text for row in description(cockpit.EVENTS[0]).rows}
    assert shown["at"] == text.moment(cockpit.EVENTS[0].at)
    assert shown["at"].endswith(text.clock(cockpit.EVENTS[0].at))
    assert len(shown["at"]) == len("2026-11-24 22:19:37")


def test_what_a_check_found_is_legible_beside_the_curve_of_a_small_terminal() -> None:
    verdict = next(m.verdict for m in cockpit.MODELS.models if m.verdict is not None)
    longest = "distinct openings against random"
    check = change(verdict.checks[0], name=longest, actual="100.0% [82.4%, 100.0%] in 40 games")
    widths = dict(fit(rows.checks(change(verdict, checks=(check,))), 53))
    assert 2 not in widths
    assert widths[1] >= len("100.0% [82.4%")
