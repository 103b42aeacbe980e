"""A voter's own right to sign, by the root key that `ringrift init` gave to the operator."""

import datetime as dt

from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.recovery.incarnation import RecoveryError
from ringrift.node.recovery.survey import identity_in
from ringrift.node.runtime.paths import NodePaths


def read_root(pem: bytes) -> pki.Authority:
    """The root in a file that `ringrift init` wrote; raises CertificateError."""
    root = pki.Authority(pki.read_key(pem), pki.read_certificates(pem)[0])
    if pki.fingerprint(root.key.public_key()) != _key_of(root):
        raise pki.CertificateError("The key and the certificate in the root file do not match.")
    return root


def authorize(paths: NodePaths, root: pki.Authority, now: dt.datetime) -> tuple[bool, dt.datetime]:
    """Let the voter of a directory sign certificates, whether it runs or not.

    Returns whether anything changed, and until when it may sign. A right that is still good for a
    third of its life is kept. Raises PathError, CertificateError or RecoveryError.
    """
    identity, mine = identity_in(paths), own.read(paths.tls)
    if mine is None:
        raise RecoveryError(
            f"The node in {paths.data} is a cluster of its own: nobody can join it."
        )
    if not identity.votes:
        raise RecoveryError(f"{identity.node_id} is no voter, and only voters let others in.")
    if root.certificate != mine.root:
        raise RecoveryError("The root key is that of another cluster.")
    if mine.signer is not None and not pki.renewal_due(mine.signer.certificate, now):
        return False, mine.signer.certificate.not_valid_after_utc
    signer = _signer(root, identity.node_id, now)
    # Without its certificate a signer's key is not looked at: a crash leaves no wrong pair.
    (paths.tls / own.SIGNER).unlink(missing_ok=True)
    own.put(paths.tls / own.SIGNER_KEY, pki.key_pem(signer.key))
    own.put(paths.tls / own.SIGNER, pki.pem_of(signer.certificate))
    return True, signer.certificate.not_valid_after_utc


def credentials_by(root: pki.Authority, node: str, now: dt.datetime) -> own.Credentials:
    """The credentials of a new voter that the operator vouches for with the root key."""
    signer, key = _signer(root, node, now), pki.new_key()
    certificate = pki.issue_node(signer, node, key.public_key(), now)
    return own.Credentials(root.certificate, key, [certificate, signer.certificate], signer)


def _signer(root: pki.Authority, node: str, now: dt.datetime) -> pki.Authority:
    key = pki.new_key()
    return pki.Authority(key, pki.issue_intermediate(root, node, key.public_key(), now))


def _key_of(authority: pki.Authority) -> str:
    key = authority.certificate.public_key()
    return pki.fingerprint(key) if isinstance(key, pki.PublicKey) else ""
