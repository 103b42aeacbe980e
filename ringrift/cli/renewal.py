"""Keeps a person's certificate good: whoever uses a verb before it ends has it renewed by that."""

import sys
from typing import TYPE_CHECKING

from ringrift.cli.place import fail

if TYPE_CHECKING:
    from ringrift.client import Remote

WARNED_DAYS = 5
MOST_PLACES = 8


def renew_if_due(remote: "Remote") -> None:
    """Renew the credentials for a remote node quietly once two thirds of their life are over.

    Ends the program when they are over already. When it fails the verb goes on with what there is,
    and people are told in its last days.
    """
    import datetime as dt

    from ringrift.node.net import pki

    now = dt.datetime.now(dt.UTC)
    try:
        first = pki.read_certificates((remote.tls / "node.pem").read_bytes())[0]
    except (OSError, pki.CertificateError):
        return  # whoever uses them says what is wrong
    if now >= first.not_valid_after_utc:
        fail(
            f"The certificate in {remote.tls} ended on {first.not_valid_after_utc:%Y-%m-%d}; have "
            "a new token made, and join with another --data",
            1,
        )
    if pki.renewal_due(first, now):
        trouble = _renew(remote)
        days = (first.not_valid_after_utc - now).days
        if trouble and days < WARNED_DAYS:
            print(f"The certificate ends in {days} days; {trouble}", file=sys.stderr)


def _renew(remote: "Remote") -> str:
    """Renew credentials; returns why that failed."""
    from ringrift.client import ClientError, ask_to_renew
    from ringrift.node.founding import seeds_of
    from ringrift.node.net import credentials as own
    from ringrift.node.net import pki
    from ringrift.node.runtime.paths import NodePaths, PathError
    from ringrift.wire.join import RenewRequest

    try:
        mine = own.read(remote.tls)
        assert mine is not None
        voters = seeds_of(NodePaths(remote.data)).values()
        places = [place for known in voters for place in known][:MOST_PLACES]
        request = pki.request_for(mine.key, mine.subject.node).decode()
        reply = ask_to_renew(remote, places, RenewRequest(request))
        new = mine.renewed(reply.chain.encode())
        own.put(remote.tls / own.CHAIN, pki.pem_of(*new.chain))
    except (ClientError, pki.CertificateError, PathError, OSError) as error:
        return str(error)
    return ""
