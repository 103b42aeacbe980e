"""The peers' frames: what is packed is read, however it is cut; everything else is refused."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift.node.net.frames import MAX_FRAME_BYTES, FrameError, FrameReader, pack
from ringrift.wire import peer as p
from ringrift.wire.gossip import Ping, Talk
from ringrift.wire.log import Entry
from ringrift.wire.raft import Append, RequestVote

CLUSTER = bytes(range(16))
NUMBERS = st.integers(0, 2**53)
NAMES = st.text(min_size=1, max_size=64)
CLAIMS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5).map(tuple)
ENTRIES = st.builds(
    Entry, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=300),
    st.none() | st.lists(NAMES, max_size=7).map(tuple),
)  # fmt: skip
RAFT = st.builds(RequestVote, NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.booleans()) | st.builds(
    Append, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.lists(ENTRIES, max_size=3).map(tuple)
)
MESSAGES = st.one_of(
    st.builds(p.Hello, NAMES, NUMBERS, st.text(max_size=20), NUMBERS),
    st.just(p.Alive()),
    st.builds(p.Consensus, RAFT),
    st.builds(p.Gossip, st.just(Talk(Ping(1), ()))),
    st.builds(p.Propose, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=300)),
    st.builds(p.Proposed, NUMBERS, NUMBERS, st.binary(max_size=300)),
    st.builds(p.Barrier, NUMBERS),
    st.builds(p.Decided, NUMBERS, NUMBERS),
    st.builds(p.NotProposed, NUMBERS, st.sampled_from(["not_leader", "unknown", "refused"])),
    st.builds(p.Renew, NUMBERS, CLAIMS),
    st.builds(p.Renewed, NUMBERS, CLAIMS),
    st.builds(p.Follow, NUMBERS),
    st.builds(p.Taken, NUMBERS),
    st.builds(
        p.Fed,
        st.lists(ENTRIES, max_size=3).map(tuple),
        NUMBERS,
        NUMBERS,
        st.none() | NAMES,
        st.booleans(),
        NUMBERS,
    ),
    st.builds(p.FedSnapshot, st.booleans(), st.binary(max_size=300), NUMBERS),
)


@settings(max_examples=300)
@given(messages=st.lists(MESSAGES, max_size=6), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_messages_survive_any_cutting_of_the_stream(
    messages: list[p.PeerMessage], cuts: list[int]
) -> None:
    stream = b"".join(pack(CLUSTER, message) for message in messages)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader(CLUSTER)
    read: list[p.PeerMessage] = []
    for start, end in itertools.pairwise(places):
        read += reader.feed(stream[start:end])
    assert read == messages


def test_a_hundred_thousand_mutated_frames_are_read_or_refused_and_nothing_grows() -> None:
    rng = random.Random(1)
    good = [
        pack(CLUSTER, message)
        for message in (
            p.Hello("a", 1, "0.1", 1),
            p.Consensus(Append(3, 9, 2, 9, 4, (Entry(10, 3, 0, 7, 1, b"xyz" * 20),))),
            p.Propose(1, 2, 3, b"command"),
            p.Fed((Entry(1, 1, 0, 0, 0, b"", ("a", "b")),), 1, 1, "a"),
            p.Renew(5, ((1, 2), (3, 4))),
        )
    ]
    refused = 0
    for _ in range(100_000):
        frame = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 4)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        if rng.random() < 0.2:
            del frame[rng.randrange(len(frame)) :]
        reader = FrameReader(CLUSTER)
        try:
            reader.feed(bytes(frame))
        except FrameError as error:
            refused += 1
            assert str(error).endswith(".") and "\n" not in str(error)
    assert refused > 50_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((MAX_FRAME_BYTES + 1).to_bytes(4, "big"), "is the most"),
        (b"\xff\xff\xff\xff", "is the most"),
        (bytes(4), "A frame of 0 bytes"),
        (pack(bytes(16), p.Barrier(1)), "A frame of cluster 0000"),
        (b"\x00\x00\x00\x12" + CLUSTER + b"\x91\x91", "cannot be read"),
        (b"\x00\x00\x00\x11" + CLUSTER + b"\xc1", "cannot be read"),
        ((16 + 900_000).to_bytes(4, "big") + CLUSTER + b"\x91" * 900_000, "cannot be read"),
    ],
)
def test_what_is_no_frame_is_refused_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        FrameReader(CLUSTER).feed(data)


def test_the_longest_messages_fit() -> None:
    entries = (
        *(Entry(i, 1, 0, 1, i, b"") for i in range(1, 256)),
        Entry(256, 1, 0, 1, 1, bytes(640 * 1024)),
    )
    for message in (
        p.Consensus(Append(1, 0, 0, 0, 1, entries)),
        p.FedSnapshot(True, bytes(256 * 1024)),
        p.Fed(entries, 1, 1, "a"),
        p.Propose(1, 1, 1, bytes(128 * 1024)),
    ):
        assert FrameReader(CLUSTER).feed(pack(CLUSTER, message)) == [message]
