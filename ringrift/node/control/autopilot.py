"""Who should decide: brings the voters in line with the roles that operators gave.

A node that an operator made voter-eligible becomes a voter once it is linked. A voter that lost its
role leaves. One change at a time; consensus itself sees to that. An even number of voters bears no
more failures than the odd one below it, but a node that runs as a voter and is not named is told
nothing, so none is kept waiting for another.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ringrift.node.cluster.state import ClusterState
from ringrift.wire.log import MAX_VOTERS, Voters


@dataclass(frozen=True, slots=True)
class NameVoters:
    """Let these decide from now on: one more, or one less."""

    voters: Voters


@dataclass(frozen=True, slots=True)
class HandOver:
    """Let another voter lead: this one is to leave."""

    to: str


def next_change(
    state: ClusterState, me: str, term: int, linked: AbstractSet[str]
) -> NameVoters | HandOver | None:
    """What `me`, who leads in `term` and has streams to `linked`, should change; None when all is
    well.

    Nothing that a majority of the next voters could not decide now. An operator's wish for another
    leader comes first.
    """
    voters = state.voters
    transfer = state.charter.agreed.transfer
    if transfer is not None and transfer.term == term:
        heirs = [v for v in voters if v != me and v in linked and transfer.to in (None, v)]
        if heirs:
            return HandOver(heirs[0])
    eligible = {row.id for row in state.members.machines() if row.role == "voter"}
    here = linked | {me}
    for voter in voters:
        if voter not in eligible:
            kept = tuple(other for other in voters if other != voter)
            if not kept or not _is_majority(kept, here):
                continue
            if voter != me:
                return NameVoters(kept)
            successors = [other for other in kept if other in linked and other in eligible]
            return HandOver(successors[0]) if successors else None
    waiting = sorted((eligible & here) - set(voters))
    if not waiting or len(voters) == MAX_VOTERS or not _is_majority((*voters, waiting[0]), here):
        return None
    return NameVoters(tuple(sorted((*voters, waiting[0]))))


def _is_majority(voters: Voters, here: AbstractSet[str]) -> bool:
    return 2 * sum(voter in here for voter in voters) > len(voters)
