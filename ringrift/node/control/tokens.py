"""Lets join tokens go when their time has come."""

from ringrift.node.cluster.commands import Command, ExpireToken
from ringrift.node.cluster.state import ClusterState

NAME = "token-expiry"


def expired(state: ClusterState, now_ms: int) -> list[Command]:
    """Forget the tokens that were made longer ago, by wall clocks, than they are good for."""
    return [
        ExpireToken(token=token, by=NAME)
        for token, row in sorted(state.tokens.rows.items())
        if now_ms - row.created_at_ms >= row.lifetime_s * 1000
    ]
