"""A cluster's certificates for tests with real sockets: a root, one voter that signs, its nodes."""

import datetime as dt
from functools import partial

from ringrift.node.net import pki
from ringrift.node.net.tls import Contexts

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


class Certificates:
    """Issues contexts for nodes and remembers whom it knows."""

    def __init__(self) -> None:
        self.root = pki.found_root(NOW)
        key = pki.new_key()
        certificate = pki.issue_intermediate(self.root, "v", key.public_key(), NOW)
        self.signer = pki.Authority(key, certificate)
        self.known: set[pki.Subject] = set()

    def contexts(self, node: str, now: dt.datetime = NOW) -> Contexts:
        key = pki.new_key()
        certificate = pki.issue_node(self.signer, node, key.public_key(), now)
        chain = pki.pem_of(certificate, self.signer.certificate)
        self.known.add(pki.subject_of(certificate))
        root, pem = self.root.certificate, pki.key_pem(key)
        context = partial(pki.tls_context, root=root, chain=chain, key=pem)
        return Contexts(
            server=context(server=True),
            client=context(server=False),
            https=context(server=False, alpn=pki.ALPN_HTTP),
        )
