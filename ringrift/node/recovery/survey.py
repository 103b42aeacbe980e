"""What the log of a stopped voter holds, read as a start would read it and left as it is."""

from dataclasses import dataclass
from pathlib import Path

from ringrift.node.cluster.commands import CommandError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.storage import Storage
from ringrift.node.recovery.incarnation import RecoveryError
from ringrift.node.recovery.untouched import Untouched
from ringrift.node.runtime.identity import Identity, read_identity
from ringrift.node.runtime.paths import NodePaths


@dataclass(frozen=True, slots=True)
class Found:
    """`state` is what all entries of the log make, decided or not: an entry that was acknowledged
    may be the last of them. `term` is the newest that this voter knew of, `at_ms` the proposer's
    wall clock at the last entry, None when that is in the snapshot."""

    data: Path
    identity: Identity
    state: ClusterState
    term: int
    at_ms: int | None

    @property
    def reach(self) -> tuple[int, int]:
        """Term and index of the last entry: of two voters' logs the higher one holds all that was
        decided by any majority with both."""
        return self.state.term, self.state.index


def survey(paths: NodePaths) -> Found:
    """Look at a directory whose lock the caller holds.

    Raises PathError, LogCorruptError or RecoveryError, each one sentence.
    """
    identity = identity_in(paths)
    if not identity.votes:
        raise RecoveryError(
            f"{identity.node_id} in {paths.data} has no vote and keeps no log; recover on a voter, "
            "or restore a saved snapshot."
        )
    disk = Untouched(paths.log)
    _, found = Storage.recover(disk, identity.incarnation, identity.node_id)
    state, at_ms = found.state, None
    for entry in found.entries:
        try:
            state.apply(entry)
        except CommandError as error:
            raise RecoveryError(f"Entry {entry.index} in {paths.log}: {error}") from error
        at_ms = entry.at_ms or None
    return Found(paths.data, identity, state, found.hard_state.term, at_ms)


def identity_in(paths: NodePaths) -> Identity:
    """Who lives in a directory; raises RecoveryError where nobody does, PathError on damage."""
    identity = read_identity(paths)
    if identity is None:
        raise RecoveryError(f"No node lives in {paths.data}; name its directory with --data.")
    return identity


def refuse_behind(here: Found, others: list[Found]) -> None:
    """Raises RecoveryError, naming the directory, when another voter's log reaches further."""
    for other in others:
        if other.identity.incarnation != here.identity.incarnation:
            raise RecoveryError(
                f"{other.data} is of incarnation {other.identity.incarnation}, not of "
                f"{here.identity.incarnation}; the two cannot be compared."
            )
    best = max([here, *others], key=lambda each: each.reach)
    if best.reach > here.reach:
        raise RecoveryError(
            f"{best.data} reaches further: entry {best.state.index} of term {best.state.term}, and "
            f"{here.data} only entry {here.state.index} of term {here.state.term}; recover there."
        )
