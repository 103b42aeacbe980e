"""The cluster's certificates: who may say to be whom. Keys are P-256 throughout.

    root (off-line, path length 1) ──▶ intermediate of a voter (path length 0) ──▶ node, 30 days

A node's certificate binds its id to its key and says nothing else: role, status and revocation are
in the member record, looked up at every request. Times are handed in; keys come from the operating
system's randomness.
"""

import datetime as dt
import hashlib
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALPN_PEER = "ringrift/1"
ALPN_HTTP = "http/1.1"
SCHEME = "ringrift:"
ROOT_DAYS = 3650
INTERMEDIATE_DAYS = 730
NODE_DAYS = 30
BACKDATED = dt.timedelta(hours=24)
"""Clocks of the fleet may be wrong by this much."""

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


class CertificateError(ValueError):
    """A certificate or key that cannot be used; one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A key that may sign, with the certificate that says so."""

    key: PrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names: a node's id, and the fingerprint of the key it is bound to."""

    node: str
    fingerprint: str


def new_key() -> PrivateKey:
    """A fresh private key."""
    return ec.generate_private_key(ec.SECP256R1())


def fingerprint(key: PublicKey) -> str:
    """sha256 (hex) of a public key's SubjectPublicKeyInfo."""
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def found_root(now: dt.datetime) -> Authority:
    """A new cluster's root. Its key goes to the operator and off-line."""
    key = new_key()
    name = _name("ringrift root")
    builder = _builder(name, name, key.public_key(), now, ROOT_DAYS)
    return Authority(key, _as_authority(builder, 1).sign(key, hashes.SHA256()))


def issue_intermediate(
    root: Authority, node: str, key: PublicKey, now: dt.datetime
) -> x509.Certificate:
    """Let a voter's intermediate key sign the certificates of nodes."""
    name = _name(f"voter {node}")
    builder = _builder(name, root.certificate.subject, key, now, INTERMEDIATE_DAYS)
    return _as_authority(builder, 0).sign(root.key, hashes.SHA256())


def issue_node(
    signer: Authority, node: str, key: PublicKey, now: dt.datetime, *, serves: bool = True
) -> x509.Certificate:
    """Bind a member's id to its key for 30 days.

    A person's certificate `serves` nobody: with it one can ask, but not pass for a node.
    """
    builder = _builder(_name(node), signer.certificate.subject, key, now, NODE_DAYS)
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = x509.ExtendedKeyUsage([*uses, ExtendedKeyUsageOID.SERVER_AUTH] if serves else uses)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SCHEME + node)])
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(names, critical=True)
        .sign(signer.key, hashes.SHA256())
    )


def subject_of(certificate: x509.Certificate) -> Subject:
    """Whom a certificate names; raises CertificateError when it is no node's."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise CertificateError("The certificate names no node.") from error
    key = certificate.public_key()
    if len(uris) != 1 or not uris[0].startswith(SCHEME) or not isinstance(key, PublicKey):
        raise CertificateError("The certificate names no node.")
    return Subject(uris[0].removeprefix(SCHEME), fingerprint(key))


def is_of_machine(certificate: x509.Certificate) -> bool:
    """Whether a certificate is good for being a node, and not for asking only."""
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return ExtendedKeyUsageOID.SERVER_AUTH in usage


def answering(extensions: Mapping[str, Any]) -> Subject | None:
    """Whom the certificate of a server names, by the extensions of an httpx response of it."""
    tls = extensions["network_stream"].get_extra_info("ssl_object")
    return None if tls is None else subject_in(tls.getpeercert(binary_form=True))


def subject_in(der: bytes | None) -> Subject | None:
    """Whom the certificate (DER) of a TLS peer names; None without one, or when it is no node's."""
    if der is None:
        return None
    try:
        return subject_of(x509.load_der_x509_certificate(der))
    except (CertificateError, ValueError):
        return None


def renewal_due(certificate: x509.Certificate, now: dt.datetime) -> bool:
    """Whether two thirds of a certificate's life are over."""
    begin, end = certificate.not_valid_before_utc + BACKDATED, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * 2 / 3


def pin_of(root: x509.Certificate) -> str:
    """sha256 (hex) of the root certificate: what a join token pins."""
    return root.fingerprint(hashes.SHA256()).hex()


def request_for(key: PrivateKey, node: str) -> bytes:
    """A signing request (PEM): proof that whoever asks for a certificate holds the key."""
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(node))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def requested(pem: bytes) -> PublicKey:
    """The key of a signing request; raises CertificateError when it is damaged or unproven."""
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, InvalidSignature) as error:
        raise CertificateError("The signing request cannot be read.") from error
    if not proven or not isinstance(key, PublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError("The signing request is not signed by a P-256 key of its own.")
    return key


def pem_of(*certificates: x509.Certificate) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def key_pem(key: PrivateKey) -> bytes:
    """A private key as PEM; write it with mode 0600 only."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_key(pem: bytes) -> PrivateKey:
    """The private key in a PEM; raises CertificateError."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise CertificateError("The private key cannot be read.") from error
    if not isinstance(key, PrivateKey):
        raise CertificateError("The private key is no P-256 key.")
    return key


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """The certificates in a PEM, at least one; raises CertificateError."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError("The certificate cannot be read.") from error


def tls_context(
    *, server: bool, root: x509.Certificate, chain: bytes, key: bytes, alpn: str = ALPN_PEER
) -> ssl.SSLContext:
    """TLS 1.3 among the nodes of one cluster.

    `chain` is the node's own certificate and its intermediate, `key` the node's key, both PEM. A
    server also shakes hands with who has no certificate: whoever wants to join has none yet. It
    speaks both protocols, a client the one that `alpn` names.
    Names are not looked at here: `subject_of` the peer's certificate must be who was expected.
    Blocks for a moment (files), so call it in a thread.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_OPTIONAL if server else ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=pem_of(root).decode())
    context.set_alpn_protocols([ALPN_PEER, ALPN_HTTP] if server else [alpn])
    with tempfile.TemporaryDirectory(prefix="ringrift-") as directory:
        # ssl takes a key from a file only; the directory is this user's, and gone at once.
        path = Path(directory) / "identity.pem"
        path.touch(mode=0o600)
        path.write_bytes(chain + key)
        context.load_cert_chain(path)
    return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _as_authority(builder: x509.CertificateBuilder, length: int) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    constraints = x509.BasicConstraints(ca=True, path_length=length)
    return builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)
