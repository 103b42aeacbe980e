"""A node's own key and certificates on disk, and what of them opens which door.

tls/root.pem      the cluster's root certificate: whom to trust
tls/node.key      this node's key, mode 0600; never leaves the machine
tls/node.pem      its certificate and the intermediate that signed it
tls/signer.*      a voter's intermediate: key and certificate with which it lets nodes in
"""

import datetime as dt
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ringrift.node.net import pki
from ringrift.node.net.tls import Contexts
from ringrift.node.runtime.disk import fsync_path

ROOT, KEY, CHAIN = "root.pem", "node.key", "node.pem"
SIGNER_KEY, SIGNER = "signer.key", "signer.pem"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves who this node is; `signer` is there on voters that may sign."""

    root: x509.Certificate
    key: pki.PrivateKey
    chain: list[x509.Certificate]
    signer: pki.Authority | None = None

    @property
    def subject(self) -> pki.Subject:
        """Whom the certificate names."""
        return pki.subject_of(self.chain[0])

    def renewal_due(self, now: dt.datetime) -> bool:
        """Whether it is time for a new certificate."""
        return pki.renewal_due(self.chain[0], now)

    def days_left(self, now: dt.datetime) -> float:
        """Days until the first certificate of the chain is no longer good."""
        end = min(certificate.not_valid_after_utc for certificate in self.chain)
        return (end - now) / dt.timedelta(days=1)

    def renewed(self, chain: bytes) -> "Credentials":
        """These with a new certificate (PEM, with its chain).

        Raises CertificateError when that is not for the same key, or would not be accepted.
        """
        new = pki.read_certificates(chain)
        if pki.subject_of(new[0]) != self.subject:
            raise pki.CertificateError("The new certificate is somebody else's.")
        try:
            for certificate, issuer in zip(new, [*new[1:], self.root], strict=True):
                certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise pki.CertificateError("The new certificate is not of this cluster.") from error
        return replace(self, chain=new)

    def contexts(self) -> Contexts:
        """What TLS needs; blocks for a moment."""
        chain, key = pki.pem_of(*self.chain), pki.key_pem(self.key)
        context = partial(pki.tls_context, root=self.root, chain=chain, key=key)
        return Contexts(
            server=context(server=True),
            client=context(server=False),
            https=context(server=False, alpn=pki.ALPN_HTTP),
        )


def found(node: str, now: dt.datetime) -> tuple[Credentials, pki.Authority]:
    """The credentials of a new cluster's first voter, and its root, to be kept off-line."""
    root = pki.found_root(now)
    signing, key = pki.new_key(), pki.new_key()
    intermediate = pki.issue_intermediate(root, node, signing.public_key(), now)
    signer = pki.Authority(signing, intermediate)
    certificate = pki.issue_node(signer, node, key.public_key(), now)
    return Credentials(root.certificate, key, [certificate, intermediate], signer), root


def write(directory: Path, credentials: Credentials) -> None:
    """Keep credentials in a directory that only this user may read."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    put(directory / KEY, pki.key_pem(credentials.key))
    put(directory / ROOT, pki.pem_of(credentials.root))
    if credentials.signer is not None:
        put(directory / SIGNER_KEY, pki.key_pem(credentials.signer.key))
        put(directory / SIGNER, pki.pem_of(credentials.signer.certificate))
    # Last, since with it the rest is there too.
    put(directory / CHAIN, pki.pem_of(*credentials.chain))


def read(directory: Path) -> Credentials | None:
    """The credentials in a directory, None where there are none.

    Raises CertificateError, naming the file and the way out, when they cannot be used.
    """
    if not (directory / CHAIN).exists():
        return None
    try:
        credentials = Credentials(
            pki.read_certificates(_bytes_of(directory / ROOT))[0],
            pki.read_key(_bytes_of(directory / KEY)),
            pki.read_certificates(_bytes_of(directory / CHAIN)),
            _signer(directory),
        )
        matches = credentials.subject.fingerprint == pki.fingerprint(credentials.key.public_key())
    except pki.CertificateError as error:
        raise pki.CertificateError(f"{directory} cannot be used: {error} {_REMEDY}") from error
    if not matches:
        raise pki.CertificateError(f"{directory} has a certificate of another key. {_REMEDY}")
    return credentials


def _signer(directory: Path) -> pki.Authority | None:
    if not (directory / SIGNER).exists():
        return None
    key = pki.read_key(_bytes_of(directory / SIGNER_KEY))
    return pki.Authority(key, pki.read_certificates(_bytes_of(directory / SIGNER))[0])


_REMEDY = "Put it back from a backup, or join again with a new token in another --data."


def put(path: Path, data: bytes) -> None:
    """Write a file of mode 0600, whole or not at all, durably."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    fsync_path(path.parent)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise pki.CertificateError(
            f"{path} cannot be read ({error.strerror}). {_REMEDY}"
        ) from error
