"""Certificates: who is let in, who is not, and for how long. Handshakes in memory, no socket."""

import contextlib
import datetime as dt
import ssl

import pytest

from ringrift.node.net import pki

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


class Cluster:
    """A root, one voter's intermediate, and whoever asks for a certificate."""

    def __init__(self) -> None:
        self.root = pki.found_root(NOW)
        key = pki.new_key()
        certificate = pki.issue_intermediate(self.root, "v", key.public_key(), NOW)
        self.signer = pki.Authority(key, certificate)

    def context(
        self,
        node: str,
        *,
        server: bool,
        now: dt.datetime = NOW,
        signer: pki.Authority | None = None,
        key: pki.PrivateKey | None = None,
    ) -> ssl.SSLContext:
        signer, key = signer or self.signer, key or pki.new_key()
        certificate = pki.issue_node(signer, node, key.public_key(), now)
        return pki.tls_context(
            server=server,
            root=self.root.certificate,
            chain=pki.pem_of(certificate, signer.certificate),
            key=pki.key_pem(key),
        )


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Shake hands in memory; raises what either side raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = server.wrap_bio(to_server, to_client, server_side=True)
    other = client.wrap_bio(to_client, to_server)
    for _ in range(6):
        for side in (other, one):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    one.do_handshake()
    return one, other


def subject(side: ssl.SSLObject) -> pki.Subject:
    certificate = side.getpeercert(binary_form=True)
    assert certificate is not None
    return pki.subject_of(pki.x509.load_der_x509_certificate(certificate))


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


def test_both_sides_learn_who_the_other_is(cluster: Cluster) -> None:
    key = pki.new_key()
    server = cluster.context("v", server=True)
    client = cluster.context("gpu-1", server=False, key=key)
    one, other = handshake(server, client)
    assert subject(one) == pki.Subject("gpu-1", pki.fingerprint(key.public_key()))
    assert subject(other).node == "v"
    assert one.selected_alpn_protocol() == pki.ALPN_PEER
    assert one.version() == "TLSv1.3"


def test_who_has_no_certificate_is_nobody(cluster: Cluster) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cadata=pki.pem_of(cluster.root.certificate).decode())
    one, other = handshake(cluster.context("v", server=True), client)
    assert one.getpeercert(binary_form=True) is None
    assert subject(other).node == "v"


@pytest.mark.parametrize("who", ["a stranger", "late", "early", "a node that signs"])
def test_others_are_refused(cluster: Cluster, who: str) -> None:
    server = cluster.context("v", server=True)
    match who:
        case "a stranger":
            client = Cluster().context("gpu-1", server=False)
            client.verify_mode = ssl.CERT_NONE
        case "late":
            client = cluster.context("gpu-1", server=False, now=NOW - dt.timedelta(days=31))
        case "early":
            client = cluster.context("gpu-1", server=False, now=NOW + dt.timedelta(hours=25))
        case _:
            key = pki.new_key()
            node = pki.issue_node(cluster.signer, "gpu-1", key.public_key(), NOW)
            client = cluster.context("v", server=False, signer=pki.Authority(key, node))
    with pytest.raises(ssl.SSLError, match=r"certificate|alert"):
        handshake(server, client)


def test_a_clock_that_is_a_day_behind_is_let_in(cluster: Cluster) -> None:
    early = cluster.context("gpu-1", server=False, now=NOW + dt.timedelta(hours=23))
    handshake(cluster.context("v", server=True), early)


def test_an_intermediate_signs_nodes_and_no_further_intermediate(cluster: Cluster) -> None:
    key = pki.new_key()
    further = pki.issue_intermediate(cluster.signer, "x", key.public_key(), NOW)
    client = cluster.context("gpu-1", server=False, signer=pki.Authority(key, further))
    with pytest.raises(ssl.SSLError):
        handshake(cluster.context("v", server=True), client)


def test_renewal_is_due_at_two_thirds_of_the_life(cluster: Cluster) -> None:
    certificate = pki.issue_node(cluster.signer, "n", pki.new_key().public_key(), NOW)
    assert not pki.renewal_due(certificate, NOW + dt.timedelta(days=19, hours=23))
    assert pki.renewal_due(certificate, NOW + dt.timedelta(days=20))


def test_keys_and_certificates_are_read_back(cluster: Cluster) -> None:
    key = pki.new_key()
    assert pki.fingerprint(pki.read_key(pki.key_pem(key)).public_key()) == pki.fingerprint(
        key.public_key()
    )
    both = pki.read_certificates(pki.pem_of(cluster.signer.certificate, cluster.root.certificate))
    assert both == [cluster.signer.certificate, cluster.root.certificate]
    assert len(pki.pin_of(cluster.root.certificate)) == 64
    assert pki.fingerprint(pki.requested(pki.request_for(key, "n"))) == pki.fingerprint(
        key.public_key()
    )


@pytest.mark.parametrize("length", [0, 40, 200])
def test_damaged_pem_is_refused_in_one_sentence(cluster: Cluster, length: int) -> None:
    for read, pem in (
        (pki.read_key, pki.key_pem(pki.new_key())),
        (pki.read_certificates, pki.pem_of(cluster.root.certificate)),
        (pki.requested, pki.request_for(pki.new_key(), "n")),
    ):
        with pytest.raises(pki.CertificateError) as refused:
            read(pem[:length])
        assert str(refused.value).endswith(".")


def test_a_request_must_be_signed_by_its_own_key() -> None:
    pem = pki.request_for(pki.new_key(), "n")
    der = bytearray(pki.x509.load_pem_x509_csr(pem).public_bytes(pki.serialization.Encoding.DER))
    der[-5] ^= 1
    forged = pki.x509.load_der_x509_csr(bytes(der)).public_bytes(pki.serialization.Encoding.PEM)
    with pytest.raises(pki.CertificateError):
        pki.requested(forged)


def test_a_certificate_without_a_node_names_none(cluster: Cluster) -> None:
    with pytest.raises(pki.CertificateError):
        pki.subject_of(cluster.root.certificate)
