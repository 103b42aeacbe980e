"""Becoming somebody, off-line: founding a cluster, or taking one's place in one by a token.

Both fill an empty data directory so that `ringrift node` finds an identity there; the identity is
written last, so that whatever is cut short can be done again.
"""

import datetime as dt
from collections.abc import Callable

import msgspec

from ringrift.node.consensus import storage
from ringrift.node.consensus.vote import read_vote
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.runtime.disk import RealDisk, write_atomically
from ringrift.node.runtime.identity import Identity, write_identity
from ringrift.node.runtime.paths import NodePaths, PathError
from ringrift.node.standing import stand
from ringrift.wire.join import JoinReply, JoinRequest, Place, Timing, Token


def refuse_if_settled(paths: NodePaths) -> None:
    """Raises PathError when somebody lives in the directory."""
    if paths.identity.exists():
        raise PathError(
            f"a node lives in {paths.data} already; choose another directory with --data"
        )


def found_cluster(
    paths: NodePaths,
    name: str,
    timing: Timing,
    hex_digits: Callable[[int], str],
    now: dt.datetime,
    keep_root: Callable[[bytes], None],
) -> Identity:
    """Found a cluster whose first voter lives here; returns who that is.

    `keep_root` is given the root's certificate and key (PEM), of which nothing stays here; when it
    raises, nobody lives here. Raises PathError or LogCorruptError when a node has lived
    here.
    """
    disk = RealDisk(paths.log)
    begun = _begun(paths, disk)
    if begun is None:
        begun = f"{name}-{hex_digits(6)}", hex_digits(32)
    identity = Identity(*begun, boot=0, timing=timing)
    credentials, root = own.found(identity.node_id, now)
    keep_root(pki.pem_of(root.certificate) + pki.key_pem(root.key))
    own.write(paths.tls, credentials)
    if not storage.founded(disk):
        storage.found(disk, identity.incarnation, identity.node_id, (identity.node_id,))
    disk.close()
    write_identity(paths, identity)
    return identity


def _begun(paths: NodePaths, disk: RealDisk) -> tuple[str, str] | None:
    """The node and the incarnation that a founding which was cut short has written down."""
    vote = read_vote(disk)
    if vote is None and not storage.founded(disk):
        return None
    if vote is not None and (vote.term, vote.voted_for) == (storage.FOUNDING_TERM, None):
        return vote.node, vote.incarnation
    raise PathError(
        f"{paths.log} is the log of a node whose identity.json is gone; put that back, or choose "
        "another directory with --data"
    )


def wish_of(paths: NodePaths, token: Token, name: str) -> JoinRequest:
    """What to ask with; the key is made at the first asking, and kept for the next."""
    paths.tls.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = paths.tls / own.KEY
    if not path.exists():
        own.put(path, pki.key_pem(pki.new_key()))
    request = pki.request_for(pki.read_key(path.read_bytes()), name).decode()
    return JoinRequest(token.secret.hex(), request, name)


def take_place(paths: NodePaths, token: Token, reply: JoinReply) -> Identity:
    """Settle as who a cluster let in. Raises CertificateError when the answer does not fit."""
    root = pki.read_certificates(token.root.encode())[0]
    key = pki.read_key((paths.tls / own.KEY).read_bytes())
    chain = pki.read_certificates(reply.chain.encode())
    subject = pki.subject_of(chain[0])
    if subject != pki.Subject(reply.node, pki.fingerprint(key.public_key())):
        raise pki.CertificateError("The cluster answered with somebody else's certificate.")
    if reply.incarnation != token.incarnation:
        raise pki.CertificateError("The token is of another cluster than the one that answered.")
    identity = Identity(reply.node, reply.incarnation, 0, reply.role == "voter", reply.timing)
    own.write(paths.tls, own.Credentials(root, key, chain))
    write_atomically(RealDisk(paths.data), paths.seeds.name, [msgspec.json.encode(reply.voters)])
    stand(paths, identity)
    return identity


def seeds_of(paths: NodePaths) -> dict[str, tuple[Place, ...]]:
    """Where voters were when this node joined; none for who founded. Raises PathError."""
    try:
        return msgspec.json.decode(paths.seeds.read_bytes(), type=dict[str, tuple[Place, ...]])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PathError(
            f"{paths.seeds} is damaged ({error}); put it back from a backup, or write "
            '{"VOTER": [["HOST", PORT]]} into it'
        ) from error
