"""Raw results: what is stated can be computed again, and what is wrong is named."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift.train.identity import RatedPlayer, search_hash
from ringrift.train.rating import Match, fit_ratings
from ringrift.train.results import (
    RawMatch,
    ResultsError,
    append_raw,
    compare,
    raw_match,
    read_folder,
    read_raw,
    read_summary,
    summarise,
    write_summary,
)
from ringrift.wire.job import EvaluationDone

SEARCH = {"simulations": 64, "considered": 16, "c_scale": 1.0}
NETWORK = RatedPlayer("hex8_2p", "ab" * 32, search_hash(SEARCH))
YOUNGER = RatedPlayer("hex8_2p", "cd" * 32, search_hash(SEARCH))
ANCHOR = RatedPlayer("hex8_2p", "heuristic-2")


def raw(
    lone: RatedPlayer, others: RatedPlayer, blocks: list[int], *, early: bool = False, salt: int = 0
) -> RawMatch:
    numbers = range(salt, salt + len(blocks))
    return RawMatch(
        lone=lone.text,
        others=others.text,
        searches={search_hash(SEARCH): dict(SEARCH)},
        seed="run-1",
        first_opening=salt,
        judge=None,
        openings=tuple(f"{n:016x}" for n in numbers),
        blocks=tuple(blocks),
        finals=tuple((f"{2 * n:016x}", f"{2 * n + 1:016x}") for n in numbers),
        early=early,
        commit="8737712",
        seconds=12.5,
    )


MATCHES = [
    raw(NETWORK, ANCHOR, [2, 1, 2, 2, 1, 0, 2, 2]),
    raw(YOUNGER, NETWORK, [1, 1, 2, 1, 2, 1, 1, 2], salt=100),
    raw(YOUNGER, NETWORK, [2, 2, 2, 2], early=True, salt=200),
]


def test_a_written_match_is_read_back(tmp_path: Path):
    path = tmp_path / "deep" / "matches.jsonl"
    for match in MATCHES:
        append_raw(path, match)
    assert read_raw(path) == MATCHES
    assert read_folder(tmp_path) == {"deep/matches.jsonl": MATCHES}


def test_the_same_games_do_not_count_twice():
    again = raw(NETWORK, ANCHOR, [2, 1, 2, 2], salt=6)
    with pytest.raises(ResultsError, match=r"b.jsonl, line 1, repeats games of a.jsonl, line 1"):
        summarise({"a.jsonl": MATCHES, "b.jsonl": [again]}, "heuristic-2")
    swapped = msgspec.structs.replace(again, lone=again.others, others=again.lone, judge="a" * 64)
    with pytest.raises(ResultsError, match="repeats games"):
        summarise({"a.jsonl": MATCHES, "b.jsonl": [swapped]}, "heuristic-2")


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=30), st.booleans())
def test_any_match_survives_its_line(blocks: list[int], early: bool):
    match = raw(NETWORK, ANCHOR, blocks, early=early)
    assert msgspec.json.decode(msgspec.json.encode(match), type=RawMatch) == match


def test_the_summary_states_scores_ratings_and_headlines():
    summary = summarise({"matches.jsonl": MATCHES}, "heuristic-2")
    first = summary.matches[0]
    assert (first.games, first.first_places, first.score) == (16, 12, 0.75)
    assert first.low < 0.75 < first.high
    assert (first.distinct_openings, first.distinct_games, first.invalid) == (8, 16, None)
    rated = fit_ratings(
        [Match.of_histogram(m.lone, m.others, m.score.histogram) for m in MATCHES], ANCHOR.text
    )
    for player in (NETWORK, YOUNGER):
        assert summary.ratings["hex8_2p"][player.text].elo == rated[player.text].elo
    headline = summary.headlines[1]
    assert (headline.a, headline.b, headline.games) == (YOUNGER.text, NETWORK.text, 16)


def test_an_invalid_match_is_shown_and_rates_nobody():
    alike = msgspec.structs.replace(MATCHES[0], finals=(MATCHES[0].finals[0],) * 8)
    summary = summarise({"matches.jsonl": [alike]}, "heuristic-2")
    assert summary.matches[0].invalid == "2 of 16 games are distinct; 90% are required"
    assert list(summary.ratings["hex8_2p"]) == [ANCHOR.text]
    assert summary.headlines == ()


def test_a_stated_figure_that_is_wrong_is_named(tmp_path: Path):
    computed = summarise({"matches.jsonl": MATCHES}, "heuristic-2")
    write_summary(tmp_path / "summary.json", computed)
    stated = read_summary(tmp_path / "summary.json")
    assert all(figure.equal for figure in compare(stated, computed))
    better = msgspec.structs.replace(stated.matches[0], score=0.8)
    wrong = msgspec.structs.replace(stated, matches=(better, *stated.matches[1:]))
    (figure,) = [figure for figure in compare(wrong, computed) if not figure.equal]
    assert (figure.path, figure.stated, figure.computed) == ("matches[0].score", 0.8, 0.75)
    short = msgspec.structs.replace(stated, matches=stated.matches[:2])
    missing = [figure.path for figure in compare(short, computed) if not figure.equal]
    assert "matches[2].lone" in missing


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"others": NETWORK.text}, "two players of one config"),
        ({"others": "hex8_3p/random-1/none"}, "two players of one config"),
        ({"searches": {}}, "searches must hold the settings behind"),
        ({"blocks": (1, 1)}, "one entry an opening"),
        ({"finals": (*MATCHES[0].finals[:7], ("0" * 16,))}, "finals must have 2 games"),
        ({"blocks": (3, *MATCHES[0].blocks[1:])}, "a block has 3 wins"),
        ({"openings": ("zz",) * 8}, r"\$.openings"),
        ({"version": 2}, r"\$.version"),
    ],
)
def test_a_line_that_cannot_be_true_is_refused_by_number(
    changes: dict[str, object], words: str, tmp_path: Path
):
    path = tmp_path / "matches.jsonl"
    append_raw(path, MATCHES[0])
    broken = {**msgspec.to_builtins(MATCHES[0]), **changes}
    path.write_bytes(path.read_bytes() + msgspec.json.encode(broken) + b"\n")
    with pytest.raises(ResultsError, match=f"matches.jsonl, line 2: .*{words}"):
        read_raw(path)


def test_a_torn_line_is_named_and_nothing_is_glued_to_it(tmp_path: Path):
    path = tmp_path / "matches.jsonl"
    append_raw(path, MATCHES[0])
    path.write_bytes(path.read_bytes() + b'{"lone": "hex8')
    with pytest.raises(ResultsError, match="line 2"):
        read_raw(path)
    with pytest.raises(ResultsError, match="ends within a line"):
        append_raw(path, MATCHES[1])


def test_a_finished_job_becomes_a_raw_match():
    done = EvaluationDone(
        opponent="heuristic-2",
        blocks=(1, 2),
        rotations=2,
        distinct_openings=2,
        distinct_games=4,
        seconds=3.0,
        first_opening=40,
        openings=("0" * 16, "1" * 16),
        finals=(("2" * 16, "3" * 16), ("4" * 16, "5" * 16)),
        early=True,
        verdict="accepted",
    )
    match = raw_match(
        done, NETWORK, ANCHOR, {search_hash(SEARCH): SEARCH}, seed="s", judge=None, commit="c"
    )
    assert (match.blocks, match.first_opening, match.early) == ((1, 2), 40, True)
    assert match.score.distinct_games == 4
