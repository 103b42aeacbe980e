"""Following a new incarnation: a stopped node of an earlier one becomes a plain node of the next.

Its key, certificate, blobs and life counter stay. It has no vote until the new cluster, which still
knows its role, gives it one; its old log is kept aside.
"""

import msgspec
from msgspec.structs import replace

from ringrift.node.founding import seeds_of
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.recovery import switch
from ringrift.node.recovery.incarnation import RecoveryError
from ringrift.node.recovery.survey import identity_in, survey
from ringrift.node.runtime.disk import RealDisk, write_atomically
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.wire.rejoin import Rejoin


def may_follow(paths: NodePaths, rejoin: Rejoin, *, losing: bool) -> Identity | None:
    """Who lives here, None when it follows already.

    Raises PathError, CertificateError or RecoveryError when it cannot, or when its own log reaches
    further than the new incarnation does, unless `losing` allows for that.
    """
    identity, mine = identity_in(paths), own.read(paths.tls)
    if mine is None or pki.pin_of(mine.root) != rejoin.root:
        raise RecoveryError(f"The node in {paths.data} is not of the cluster that this word is of.")
    if identity.incarnation == rejoin.new:
        return None
    if identity.node_id in rejoin.voters:
        raise RecoveryError(f"The word is of {identity.node_id}'s own recovery; run it elsewhere.")
    if identity.votes and identity.incarnation == rejoin.old and not losing:
        here = survey(paths)
        if here.reach > (rejoin.term, rejoin.index):
            raise RecoveryError(
                f"{paths.data} reaches further, entry {here.state.index} of term "
                f"{here.state.term}, than the new incarnation, which went on from entry "
                f"{rejoin.index} of term {rejoin.term}: recover here instead, or accept the loss "
                "with --lose-newer."
            )
    return identity


def follow(paths: NodePaths, identity: Identity, rejoin: Rejoin) -> None:
    """Change over; the caller holds the lock. A crash leaves either the old or the new."""
    # Old places stay: should the change be cut short here, the old cluster is still found.
    seeds = {**seeds_of(paths), **rejoin.voters}
    write_atomically(RealDisk(paths.data), paths.seeds.name, [msgspec.json.encode(seeds)])
    switch.become(paths, replace(identity, incarnation=rejoin.new, votes=False))
