"""`ringrift operator`: voters, roles, timing, disasters; what is rare and decided by people."""

from typing import Annotated, Literal

import cyclopts

from ringrift.cli.place import AsJson, Place, client_of, print_json
from ringrift.cli.steer import act

HERE = Place()
app = cyclopts.App(name="operator", help="Voters, roles, timing: what changes rarely.")
raft = cyclopts.App(name="raft", help="Who decides: list, transfer, add-voter, remove-peer.")
app.command(raft)
app.command(
    "ringrift.cli.disaster:snapshot",
    name="snapshot",
    help="Keep the whole state in a file: save, inspect, restore.",
)
app.command(
    "ringrift.cli.disaster:recover",
    name="recover",
    help=(
        "Found the cluster anew from the log of this stopped voter.\n\n"
        "For when a majority of the voters is gone for good; this node alone decides at first."
    ),
)
app.command(
    "ringrift.cli.disaster:rejoin",
    name="rejoin",
    help="Have a stopped node follow the cluster that was founded anew elsewhere.",
)
app.command(
    "ringrift.cli.disaster:authority",
    name="authority",
    help="Let this voter sign certificates, by the cluster's root key.",
)

Member = Annotated[str, cyclopts.Parameter(help="Id of a member, or its name if it is the only.")]


@raft.command(name="list")
def list_(*, place: Place = HERE, as_json: AsJson = False) -> None:
    """Show the voters, who leads, the term, and how far the log is."""
    with client_of(place) as client:
        status = client.status()
    figures = {
        "term": status.term,
        "leader": status.leader_id,
        "voters": status.voters,
        "commit_index": status.commit_index,
        "applied_index": status.applied_index,
    }
    if as_json:
        print_json(figures)
        return
    print(f"term {status.term}, leader {status.leader_id or 'unknown'}")
    print(f"decided up to #{status.commit_index}, applied here up to #{status.applied_index}")
    for voter in status.voters:
        print(f"  {voter}{'  leads' if voter == status.leader_id else ''}")


@raft.command
def transfer(to: Member | None = None, /, *, place: Place = HERE) -> None:
    """Have another voter lead: the one named, or any that can."""
    from ringrift.wire.actions import TransferLeadership

    act(place, TransferLeadership(to=to))


@raft.command
def add_voter(member: Member, /, *, place: Place = HERE) -> None:
    """Make a node voter-eligible; it votes as soon as it is linked with the leader."""
    role(member, "voter", place=place)


@raft.command
def remove_peer(member: Member, /, *, place: Place = HERE) -> None:
    """Make a voter a plain node; the others go on without its vote."""
    role(member, "node", place=place)


@app.command
def role(
    member: Member,
    role: Annotated[
        Literal["node", "voter", "operator", "viewer"], cyclopts.Parameter(help="The new role.")
    ],
    /,
    *,
    place: Place = HERE,
) -> None:
    """Give a member another role."""
    from ringrift.wire.actions import ChangeRole

    act(place, ChangeRole(member=member, role=role))


@app.command
def revoke(member: Member, /, *, place: Place = HERE) -> None:
    """Turn a member away for good; its key is never let in again."""
    from ringrift.wire.actions import RevokeMember

    act(place, RevokeMember(member=member))


@app.command
def timing(
    profile: Annotated[
        Literal["local", "lan", "wan"], cyclopts.Parameter(help="How far apart the machines are.")
    ],
    /,
    *,
    place: Place = HERE,
) -> None:
    """Choose the timing of the whole cluster; every node starts anew with it."""
    from ringrift.wire.actions import SetTiming

    act(place, SetTiming(timing=profile))
