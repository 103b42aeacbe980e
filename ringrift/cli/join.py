"""`ringrift init`, `token` and `join`: from nothing to a cluster, and into one."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts

from ringrift.cli.place import (
    DEFAULT_PROFILE,
    DataDirectory,
    Place,
    Profile,
    client_of,
    directory_of,
    fail,
    given,
    seconds_in,
)

if TYPE_CHECKING:
    from ringrift.node.runtime.paths import NodePaths

HERE = Place()
ROOT_FILE = "ringrift-root.pem"

Name = Annotated[
    str | None,
    cyclopts.Parameter(help="Name of this machine for people; its host name when not given."),
]

token_app = cyclopts.App(name="token", help="Let somebody in: make a token to join with.")


def init(
    *,
    name: Name = None,
    timing: Annotated[
        Literal["local", "lan", "wan"],
        cyclopts.Parameter(help="How far apart its machines are: all timeouts follow from it."),
    ] = "lan",
    root: Annotated[
        Path, cyclopts.Parameter(help="Where to write the root key; move it off this machine.")
    ] = Path(ROOT_FILE),
    profile: Profile = DEFAULT_PROFILE,
    data: DataDirectory = None,
) -> None:
    """Found a cluster that other machines can join; this machine is its first voter."""
    import datetime as dt
    import secrets

    from ringrift.node.consensus.log import LogCorruptError
    from ringrift.node.founding import found_cluster
    from ringrift.node.net.credentials import put
    from ringrift.node.runtime.paths import PathError

    paths = _empty(profile, data)
    if root.exists():
        fail(f"{root} exists; name another file with --root", 2)

    def keep_root(pem: bytes) -> None:
        try:
            put(root, pem)
        except OSError as error:
            sentence = f"The root key cannot be written to {root} ({error.strerror})"
            fail(f"{sentence}; name another file with --root", 2)

    try:
        identity = found_cluster(
            paths,
            name_of(profile, name),
            timing,
            lambda count: secrets.token_hex(count)[:count],
            dt.datetime.now(dt.UTC),
            keep_root,
        )
    except (PathError, LogCorruptError) as error:
        fail(str(error), 2)
    print(
        f"{identity.node_id} founded a cluster in {paths.data}.\n"
        f"Its root key is in {root}: move it to a safe place off this machine.\n"
        f"Next: ringrift node{given(data)}, then ringrift token create --role voter{given(data)}"
    )


@token_app.command
def create(
    *,
    role: Annotated[
        Literal["node", "voter", "operator", "viewer"],
        cyclopts.Parameter(help="What the newcomer is: a machine, one that may vote, a person."),
    ],
    lifetime: Annotated[
        str, cyclopts.Parameter(help="How long the token is good: a number and s, m, h or d.")
    ] = "1h",
    place: Place = HERE,
) -> None:
    """Make a token by which one newcomer can join, once; print it and nothing else."""
    from ringrift.wire.actions import CreateToken

    seconds = seconds_in(lifetime, "--lifetime", least="1s", most="30d")
    with client_of(place) as client:
        print(client.act(CreateToken(role=role, lifetime_s=seconds)).token)


def join(
    token: Annotated[str, cyclopts.Parameter(help="What `ringrift token create` printed.")],
    /,
    *,
    name: Name = None,
    profile: Profile = DEFAULT_PROFILE,
    data: DataDirectory = None,
) -> None:
    """Join a cluster by a token; a machine then runs `ringrift node`, a person looks and acts."""
    from ringrift.client import ClientError, RefusedError, ask_to_join, url_of
    from ringrift.node.founding import take_place, wish_of
    from ringrift.node.net.pki import CertificateError
    from ringrift.wire.join import read_token
    from ringrift.wire.word import WordError

    try:
        known = read_token(token)
    except WordError as error:
        fail(str(error), 2)
    paths = _empty(profile, data)
    try:
        reply = ask_to_join(known, wish_of(paths, known, name_of(profile, name)))
        identity = take_place(paths, known, reply)
    except RefusedError as error:
        fail(str(error), 2)
    except (ClientError, CertificateError) as error:
        fail(str(error), 1)
    if reply.role in ("node", "voter"):
        print(f"{identity.node_id} is in, as {reply.role}. Next: ringrift node{given(data)}")
    else:
        places = [place for voter in reply.voters.values() for place in voter] or known.places
        print(
            f"{identity.node_id} is in, as {reply.role}. Next: ringrift tui --url "
            f"{url_of(places[0])}{given(data)}, or any other verb with these.\n"
            f"What proves it is in {paths.tls}: keep it to yourself. It is good for 30 days, and "
            "renewed by any verb that is used after 20."
        )


def _empty(profile: str, data: Path | None) -> "NodePaths":
    from ringrift.node.founding import refuse_if_settled
    from ringrift.node.runtime.identity import make_directory
    from ringrift.node.runtime.paths import NodePaths, PathError

    paths = NodePaths(directory_of(profile, data))
    try:
        refuse_if_settled(paths)
        make_directory(paths)
    except PathError as error:
        fail(str(error), 2)
    return paths


def name_of(profile: str, given: str | None) -> str:
    """The name of this machine for people: the given one, or what a node of the profile has."""
    import os

    from ringrift.node.machine import node_name
    from ringrift.node.runtime.settings import SettingsError, load_settings

    if given is not None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,48}", given):
            fail(f"--name {given!r}: use up to 48 letters, digits, - and _", 2)
        return given
    try:
        return node_name(load_settings(profile, os.environ))
    except SettingsError as error:
        fail(str(error), 2)
