"""The word by which nodes of an incarnation that ended follow the one that goes on.

It holds no secret: who may come along is in the new cluster's member table, by keys.
"""

import base64
import binascii
from typing import Annotated

import msgspec

from ringrift.wire.job import Sha256
from ringrift.wire.join import Hex, Place

PREFIX = "rrf1."
MAX_WORD_CHARS = 8_192

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class RejoinError(ValueError):
    """A rejoin word that is none; one sentence."""


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
    return PREFIX + base64.urlsafe_b64encode(msgspec.msgpack.encode(rejoin)).decode().rstrip("=")


def read_rejoin(word: str) -> Rejoin:
    """What a word says; raises RejoinError."""
    word = "".join(word.split())
    if not word.startswith(PREFIX) or len(word) > MAX_WORD_CHARS:
        raise RejoinError(f"this is no rejoin word: one begins with {PREFIX}, copy all of it")
    body = word.removeprefix(PREFIX)
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(data, type=Rejoin)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejoinError("the rejoin word is damaged or cut short: copy all of it") from error
