"""How a node gets into a cluster: the token it is given, what it asks with, what it gets."""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.word import read_word, write_word

MAX_JOIN_BYTES = 16 * 1024
PREFIX = "rr1."
MAX_PLACES = 16
"""Where a token may say to knock."""

Role = Literal["node", "voter", "operator", "viewer"]
Timing = Literal["local", "lan", "wan"]
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Pem = Annotated[str, msgspec.Meta(max_length=8_192)]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a node may accept streams: a hint, proven by its certificate only."""

    host: Host
    port: Port


class Token(msgspec.Struct, frozen=True, array_like=True):
    """All that a newcomer needs: the cluster, where it is, its root certificate (which pins every
    other certificate), and a secret that lets one key in, once."""

    incarnation: Hex
    places: Annotated[tuple[Place, ...], msgspec.Meta(min_length=1, max_length=MAX_PLACES)]
    root: Pem
    secret: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let me in: `secret` (hex) is the token's, `request` a signing request (PEM) of my key."""

    secret: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2}){16,64}$")]
    request: Pem
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=48, pattern="^[A-Za-z0-9_-]+$")]


class JoinReply(msgspec.Struct, frozen=True):
    """You are `node`, in this role: your certificate with its chain (PEM), and where voters are."""

    node: str
    role: Role
    incarnation: Hex
    timing: Timing
    chain: str
    voters: dict[str, tuple[Place, ...]]


class RenewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Renew my certificate: `request` is a signing request (PEM) of the key that it is bound to."""

    request: Pem


class RenewReply(msgspec.Struct, frozen=True):
    """The next certificate with its chain (PEM)."""

    chain: str


def write_token(token: Token) -> str:
    """The token as one word that survives copying."""
    return write_word(PREFIX, token)


def read_token(word: str) -> Token:
    """The token in a word; raises WordError."""
    return read_word(word, PREFIX, Token, "join token")
