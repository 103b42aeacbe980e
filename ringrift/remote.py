"""A node of a cluster on another machine, and the credentials by which people are known there.

`ringrift join` put them into a data directory's `tls`: root.pem says which cluster, node.key and
node.pem who one is. Every failure is one sentence that says what to do.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEME = "ringrift:"
_ANEW = "join again: `ringrift join TOKEN --data DIR` with another directory"


def tls_context() -> ssl.SSLContext:
    """What asks nodes; it trusts nobody yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a node's certificate names its id, not where it is
    return context


class CredentialsError(Exception):
    """The credentials for a remote node cannot be used."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A node by the URL of its peers' port, asked as whoever `data` holds the credentials of."""

    url: str
    data: Path

    def __str__(self) -> str:
        return self.url

    @property
    def tls(self) -> Path:
        """Where the credentials are."""
        return self.data / "tls"

    def context(self) -> ssl.SSLContext:
        """TLS to nodes of the cluster only; raises CredentialsError."""
        context = tls_context()
        try:
            context.load_verify_locations(self.tls / "root.pem")
            context.load_cert_chain(self.tls / "node.pem", self.tls / "node.key")
        except FileNotFoundError as error:
            raise CredentialsError(
                f"There are no credentials in {self.tls}; get some with "
                f"`ringrift join TOKEN --data {self.data}`."
            ) from error
        except (OSError, ssl.SSLError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise CredentialsError(
                f"The credentials in {self.tls} cannot be used ({reason}); {_ANEW}."
            ) from error
        return context

    def why(self, error: BaseException) -> str | None:
        """What was wrong with a connection that the other side answered; None when nobody did."""
        chain: BaseException | None = error
        while chain is not None:
            if isinstance(chain, ssl.SSLCertVerificationError):
                return (
                    f"Who answers at {self} is no node of the cluster that {self.tls} is for "
                    f"({chain.verify_message}); check the address, --data and the clock."
                )
            chain = chain.__cause__ or chain.__context__
        return None

    def hung_up(self) -> str:
        """What it means when a node ends the connection in the middle of the handshake."""
        return (
            f"The node at {self} hung up: it takes no certificate that is expired or of another "
            f"cluster, and the one in {self.tls} may be; if so, {_ANEW}."
        )

    def check(self, tls: Any) -> None:
        """Make sure that a verified certificate names a node; raises CredentialsError."""
        names = tls.getpeercert().get("subjectAltName", ()) if tls is not None else ()
        if not any(kind == "URI" and name.startswith(SCHEME) for kind, name in names):
            raise CredentialsError(f"Who answers at {self} is no node: its certificate names none.")
