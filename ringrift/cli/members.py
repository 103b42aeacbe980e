"""`ringrift members`: who belongs to the cluster."""

from ringrift.cli.place import AsJson, Place, client_of, print_json

HERE = Place()


def members(*, place: Place = HERE, as_json: AsJson = False) -> None:
    """Show who belongs to the cluster: machines and people, their roles, who votes, who leads."""
    with client_of(place) as client:
        status = client.status()
    if as_json:
        print_json(status.members)
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
