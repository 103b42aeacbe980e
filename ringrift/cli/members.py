"""`ringrift members`: who belongs to the cluster."""

import sys
from typing import Annotated

import cyclopts

from ringrift.cli.place import Place, client_of

HERE = Place()


def members(
    *,
    place: Place = HERE,
    as_json: Annotated[
        bool, cyclopts.Parameter(name="--json", negative="", help="As JSON, on one line.")
    ] = False,
) -> None:
    """Show who belongs to the cluster: machines and people, their roles, who votes, who leads."""
    import msgspec

    with client_of(place) as client:
        status = client.status()
    if as_json:
        sys.stdout.write(msgspec.json.encode(status.members).decode() + "\n")
        return
    lines = [("MEMBER", "ROLE", "", "SEEN", "MODE", "VERSION", "AT")]
    for member in status.members:
        standing = "leads" if member.id == status.leader_id else "votes" if member.votes else ""
        seen = {True: "linked", False: "not linked", None: "unknown"}[member.alive]
        here = "this node" if member.id == status.node_id else seen
        mode = "revoked" if member.revoked else member.mode
        lines.append(
            (member.id, member.role, standing, here if member.machine else "", mode,
             member.version or "", " ".join(member.addresses))
        )  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
