"""The reader of children's lines: any cutting of the stream gives the same lines."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.worker.lines import MAX_LINE_BYTES, LineError, LineReader
from ringrift.wire.job import Failed, Heartbeat, JobLine, Progress

LINES = st.one_of(
    st.just(Heartbeat()),
    st.builds(Failed, st.text(max_size=50)),
    st.builds(Progress, st.integers(0, 99), st.integers(0, 99), st.just("games"), st.none()),
)


@given(lines=st.lists(LINES, max_size=8), cuts=st.lists(st.integers(0, 2_000), max_size=8))
def test_lines_survive_any_cutting(lines: list[JobLine], cuts: list[int]) -> None:
    stream = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = LineReader()
    heard = [
        line for start, end in itertools.pairwise(edges) for line in reader.feed(stream[start:end])
    ]
    assert heard == lines


@given(st.binary(max_size=200))
def test_any_bytes_are_lines_or_one_sentence(data: bytes) -> None:
    try:
        LineReader().feed(data + b"\n")
    except LineError as error:
        assert "\n" not in str(error)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    reader = LineReader()
    with pytest.raises(LineError, match=str(MAX_LINE_BYTES)):
        for _ in range(100):
            reader.feed(b"x" * 10_000)
