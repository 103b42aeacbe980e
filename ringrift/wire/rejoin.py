"""The word by which nodes of an incarnation that ended follow the one that goes on.

It holds no secret: who may come along is in the new cluster's member table, by keys.
"""

from typing import Annotated

import msgspec

from ringrift.wire.job import Sha256
from ringrift.wire.join import Hex, Place
from ringrift.wire.word import read_word, write_word

PREFIX = "rrf1."

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Rejoin(msgspec.Struct, frozen=True, array_like=True):
    """`new` goes on from entry `index` of `term` in the incarnation `old`.

    `root` is the sha256 of the root certificate of both, `voters` where the new one is found.
    """

    new: Hex
    old: Hex
    term: _Number
    index: _Number
    root: Sha256
    voters: Annotated[
        dict[_Id, Annotated[tuple[Place, ...], msgspec.Meta(min_length=1, max_length=8)]],
        msgspec.Meta(min_length=1, max_length=7),
    ]


def write_rejoin(rejoin: Rejoin) -> str:
    """It as one word that survives copying."""
    return write_word(PREFIX, rejoin)


def read_rejoin(word: str) -> Rejoin:
    """What a word says; raises WordError."""
    return read_word(word, PREFIX, Rejoin, "rejoin word")
