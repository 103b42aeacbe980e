"""Messages of gossip: what is packed is read, all else is refused, and nothing is too large."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net.frames import MAX_FRAME_BYTES, FrameError, FrameReader, pack
from ringrift.wire import gossip as g
from ringrift.wire import peer as p

CLUSTER = bytes(16)
NUMBERS = st.integers(0, 2**53)
NAMES = st.text(min_size=1, max_size=48)
PERCENT = st.floats(0, 100)
STATEMENTS = st.lists(
    st.builds(
        g.Statement, NAMES, NUMBERS, NUMBERS, st.sampled_from(["alive", "suspect", "dead"]), NAMES
    ),
    max_size=4,
).map(tuple)
SOFT_STATES = st.builds(
    g.SoftState,
    cpu_percent=st.none() | PERCENT,
    memory_tier=st.none() | st.sampled_from(["NORMAL", "EMERGENCY"]),
    gpus=st.lists(st.builds(g.Gpu, PERCENT, NUMBERS, NUMBERS), max_size=3).map(tuple),
    sick_loops=st.none() | st.lists(NAMES, max_size=3).map(tuple),
)
SOFTS = st.lists(st.builds(g.Soft, NAMES, NUMBERS, NUMBERS, NUMBERS, SOFT_STATES), max_size=3)
WORDS = st.one_of(
    st.none(),
    st.builds(g.Ping, NUMBERS),
    st.builds(g.Ack, NUMBERS),
    st.builds(g.PingFor, NUMBERS, NAMES, st.integers(1, 60_000)),
    st.builds(g.Nack, NUMBERS),
)
MESSAGES = st.one_of(
    st.builds(g.Talk, WORDS, STATEMENTS, SOFTS.map(tuple)),
    st.builds(
        g.Compare, STATEMENTS, st.lists(st.tuples(NAMES, NUMBERS, NUMBERS), max_size=3).map(tuple)
    ),
    st.builds(g.Fill, STATEMENTS, SOFTS.map(tuple), st.lists(NAMES, max_size=3).map(tuple)),
)


@given(MESSAGES)
def test_what_is_packed_is_read(message: g.GossipMessage) -> None:
    assert FrameReader(CLUSTER).feed(pack(CLUSTER, p.Gossip(message))) == [p.Gossip(message)]


@given(MESSAGES, st.data())
def test_a_damaged_message_is_read_as_one_or_refused(
    message: g.GossipMessage, data: st.DataObject
) -> None:
    frame = bytearray(pack(CLUSTER, p.Gossip(message)))
    at = data.draw(st.integers(20, len(frame) - 1))
    frame[at] = data.draw(st.integers(0, 255))
    try:
        (read,) = FrameReader(CLUSTER).feed(bytes(frame))
    except FrameError:
        return
    assert isinstance(read, p.PeerMessage)


ALIVE = ["b", 1, 0, "alive", "b"]


@pytest.mark.parametrize(
    "said",
    [
        {"say": "talk", "word": None, "statements": [], "more": 1},
        {"say": "talk", "word": {"say": "ping", "probe": -1}, "statements": []},
        {"say": "talk", "word": {"say": "pong", "probe": 1}, "statements": []},
        {"say": "talk", "word": None, "statements": [ALIVE] * (g.MAX_NEWS + 1)},
        {"say": "talk", "word": None, "statements": [["b", 1, 0, "well", "b"]]},
        {"say": "talk", "word": None, "statements": [["b" * 65, 1, 0, "alive", "b"]]},
        {"say": "talk", "word": None, "statements": [[*ALIVE, 1]]},
        {"say": "compare", "statements": [ALIVE] * (g.MAX_MEMBERS + 1), "versions": []},
        {"say": "fill", "statements": [], "wants": ["b"] * (g.MAX_FILL_SOFT + 1)},
    ],
)
def test_what_is_out_of_bounds_is_refused(said: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=g.GossipMessage)


def test_the_largest_messages_fit_into_a_frame() -> None:
    most = 2**53
    name, label = "😀" * 64, "😀" * 48
    statement = g.Statement(name, most, most, "suspect", name)
    state = g.SoftState(
        cpu_percent=99.9,
        memory_percent=99.9,
        memory_tier="EMERGENCY",
        disk_free_bytes=most,
        loop_lag_ms=most,
        gpus=(g.Gpu(99.9, most, most),) * 16,
        sick_loops=(label,) * 16,
    )
    soft = g.Soft(name, most, most, most, state)
    for message in (
        g.Talk(g.PingFor(most, name, 60_000), (statement,) * g.MAX_NEWS, (soft,) * g.MAX_NEWS_SOFT),
        g.Compare((statement,) * g.MAX_MEMBERS, ((name, most, most),) * g.MAX_MEMBERS),
        g.Fill((statement,) * g.MAX_MEMBERS, (soft,) * g.MAX_FILL_SOFT, (name,) * g.MAX_FILL_SOFT),
    ):
        frame = pack(CLUSTER, p.Gossip(message))
        assert len(frame) < MAX_FRAME_BYTES
        assert FrameReader(CLUSTER).feed(frame) == [p.Gossip(message)]
