"""Founding the next incarnation in a stopped node's directory: from its log, or from a snapshot."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from ringrift.node.cluster.state import ClusterState
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.recovery import switch
from ringrift.node.recovery.authority import credentials_by
from ringrift.node.recovery.incarnation import Founder, RecoveryError, found_anew, founding_entry
from ringrift.node.runtime.identity import Identity, read_identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.wire.join import Place
from ringrift.wire.rejoin import Rejoin


@dataclass(frozen=True, slots=True)
class Basis:
    """What a new incarnation is founded from: the state of `old`, and the newest term known of it.

    It `is` read from a log or a snapshot; the founding uses its state up.
    """

    how: Literal["operator recover", "operator snapshot restore"]
    old: str
    state: ClusterState
    term: int


@dataclass(frozen=True, slots=True)
class Settler:
    """Who founds: the directory's identity, and its credentials unless it is a cluster of its own.

    `vouched` tells that the operator showed the root key, `is_new` that nobody lived there before.
    """

    paths: NodePaths
    identity: Identity
    credentials: own.Credentials | None
    vouched: bool = False
    is_new: bool = False


def settler_of(
    paths: NodePaths, state: ClusterState, root: pki.Authority | None, node: str, now: dt.datetime
) -> Settler:
    """Who founds from a snapshot: who lives in the directory, or `node` in an empty one.

    Raises PathError, CertificateError or RecoveryError.
    """
    identity = read_identity(paths)
    if identity is not None:
        mine = own.read(paths.tls)
        if root is not None and (mine is None or mine.root != root.certificate):
            raise RecoveryError(f"The root key is not that of the node in {paths.data}.")
        return Settler(paths, identity, mine, root is not None)
    left = sorted(path.name for path in paths.data.iterdir() if path != paths.lock)
    if left:
        raise RecoveryError(
            f"No node lives in {paths.data}, but {left[0]} is there; name an empty directory."
        )
    identity = Identity(node, "0" * 32, 0, timing=state.charter.agreed.timing)
    credentials = None if root is None else credentials_by(root, node, now)
    return Settler(paths, identity, credentials, root is not None, is_new=True)


def found_next(
    basis: Basis, settler: Settler, at: Sequence[Place], new: str, now_ms: int
) -> Rejoin | None:
    """Make the directory that of the only voter of incarnation `new`, at one moment or not at all.

    `at` is where the others reach it, in place of what the state says. Returns what they need to
    follow, None when there are none. Raises RecoveryError, LogCorruptError or DiskFullError, each
    with nothing changed.
    """
    me, state, credentials = settler.identity, basis.state, settler.credentials
    rejoin = None
    if credentials is not None and len(list(state.members.machines())) > 1:
        root, voters = pki.pin_of(credentials.root), {me.node_id: _places(state, me.node_id, at)}
        rejoin = Rejoin(new, basis.old, state.term, state.index, root, voters)
    key = None if credentials is None else credentials.subject.fingerprint
    founder = Founder(me.node_id, me.node_id.rpartition("-")[0] or me.node_id, key, settler.vouched)
    found_anew(state, founder, basis.old, new, basis.how, now_ms)
    # A directory put back from a copy may have counted fewer lives than the cluster has seen.
    boot = max(me.boot, state.members.rows[me.node_id].boot)
    identity = replace(me, incarnation=new, boot=boot, votes=True)
    term = max(basis.term, state.term) + 1
    if settler.is_new and credentials is not None:
        own.write(settler.paths.tls, credentials)
    switch.lay_beside(settler.paths, identity, state, founding_entry(state, founder, term, now_ms))
    switch.become(settler.paths, identity)
    return rejoin


def _places(state: ClusterState, node: str, at: Sequence[Place]) -> tuple[Place, ...]:
    row = state.members.rows.get(node)
    known = () if row is None else row.reach.addresses
    places = tuple(at) or known
    if not places:
        raise RecoveryError(
            f"Nobody has said where the others reach {node}: give --at HOST:PORT, once or more."
        )
    return places[:8]
