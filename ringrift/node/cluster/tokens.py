"""Join tokens: one-time secrets by their sha256, and whom each let in.

The secret itself is nowhere in the log or the state. A used token stays until it expires, so that a
newcomer who did not hear the answer may ask again with the same key.
"""

import msgspec

from ringrift.node.cluster.members import Role
from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.table import Table
from ringrift.wire.job import Sha256

MAX_TOKENS = 1_000
"""Most tokens kept at once."""


class Used(msgspec.Struct, frozen=True, gc=False):
    """Who came in by a token, with which key."""

    member: str
    key: Sha256


class Token(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One token: for a newcomer in `role`, if given only for that member id."""

    role: Role
    member: str | None
    created_at_ms: int
    lifetime_s: int
    used: Used | None = None


class Tokens:
    """Tokens by the sha256 of their secret."""

    def __init__(self) -> None:
        self.rows: Table[str, Token] = Table("tokens")

    def create(self, token: Sha256, row: Token) -> Effect:
        if token in self.rows:
            return Effect(Refused(f"Token {token[:12]} exists already; a secret is used once."))
        if len(self.rows) >= MAX_TOKENS:
            return Effect(Refused(f"{MAX_TOKENS} tokens exist, the most; let some expire."))
        self.rows[token] = row
        return Effect(Done(f"token {token[:12]} lets one {row.role} in"))

    def use(self, token: Sha256, member: str, key: Sha256) -> None:
        """Use an unused token up."""
        row = self.rows[token]
        assert row.used is None, row
        self.rows[token] = msgspec.structs.replace(row, used=Used(member, key))

    def expire(self, token: Sha256) -> Effect:
        if token not in self.rows:
            return Effect(Done(f"token {token[:12]} is not known"))
        del self.rows[token]
        return Effect(Done(f"token {token[:12]} is no longer good"))
