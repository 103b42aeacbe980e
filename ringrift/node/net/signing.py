"""A voter's right to sign certificates, as those at its door make use of it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from ringrift.node.cluster.members import MACHINES, Role
from ringrift.node.net import pki
from ringrift.node.net.credentials import Credentials
from ringrift.node.net.guard import RequestError


@dataclass(frozen=True, slots=True)
class Signing:
    """What is needed to sign: this node's id, its credentials, the time."""

    node: str
    credentials: Callable[[], Credentials]
    now: Callable[[], dt.datetime]

    def require(self) -> pki.Authority:
        """What this node signs with; raises RequestError when it cannot."""
        signer = self.credentials().signer
        if signer is None:
            raise RequestError(503, f"{self.node} cannot sign certificates; ask another voter")
        return signer

    def chain(self, member: str, key: pki.PublicKey, role: Role) -> str:
        """A new certificate of a member with its chain (PEM), good for what its role does."""
        signer = self.require()
        certificate = pki.issue_node(signer, member, key, self.now(), serves=role in MACHINES)
        return pki.pem_of(certificate, signer.certificate).decode()


def key_in(request: str) -> pki.PublicKey:
    """The key that a signing request (PEM) is of; raises RequestError."""
    try:
        return pki.requested(request.encode())
    except pki.CertificateError as error:
        raise RequestError(400, f"request: {error}") from error
