"""`ringrift operator snapshot`, `recover`, `rejoin`, `authority`: for when machines are gone."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from ringrift.cli.join import name_of
from ringrift.cli.place import (
    DEFAULT_PROFILE,
    AsJson,
    DataDirectory,
    Place,
    Profile,
    client_of,
    directory_of,
    fail,
    given,
    print_json,
)

if TYPE_CHECKING:
    from ringrift.node.recovery.recover import Basis, Settler
    from ringrift.node.recovery.survey import Found
    from ringrift.node.runtime.paths import NodePaths
    from ringrift.wire.join import Place as Spot

HERE = Place()
SHOWN = 8
"""Digits of an incarnation that are to be typed."""

snapshot = cyclopts.App(
    name="snapshot", help="Keep the whole state in a file: save, inspect, restore."
)

File = Annotated[Path, cyclopts.Parameter(help="The snapshot's file.")]
Confirm = Annotated[
    str | None,
    cyclopts.Parameter(
        help="First 8 characters of the incarnation that ends; asked when not given."
    ),
]
At = Annotated[
    tuple[str, ...],
    cyclopts.Parameter(
        help="HOST:PORT where the others reach this node, if not as before; may be repeated.",
        negative="",
    ),
]
Root = Annotated[Path, cyclopts.Parameter(help="The root key's file that `ringrift init` wrote.")]


@snapshot.command
def save(file: File, /, *, place: Place = HERE) -> None:
    """Save the state of a running node in a new file, which only you may read."""
    from ringrift.node.recovery import backup

    with _sentences(), client_of(place) as client:
        saved = backup.save(client.snapshot(), file)
    print(f"{file}: incarnation {saved.incarnation}, up to entry {saved.state.index}")


@snapshot.command
def inspect(file: File, /, *, as_json: AsJson = False) -> None:
    """Check a saved snapshot and say what is in it."""
    import msgspec

    from ringrift.node.recovery import backup

    with _sentences():
        facts = backup.facts_of(backup.load(file))
    if as_json:
        print_json(facts)
        return
    lists = {
        "voters": facts.voters,
        "members": [f"{each.id} ({each.role})" for each in facts.members],
        "rows": [f"{count} {table}" for table, count in facts.rows.items()],
    }
    for field in msgspec.structs.fields(facts):
        value = getattr(facts, field.name)
        print(f"{field.name:<12} {', '.join(lists[field.name]) if field.name in lists else value}")


@snapshot.command
def restore(
    file: File,
    /,
    *,
    root: Root | None = None,
    name: Annotated[
        str | None, cyclopts.Parameter(help="Name of this machine, in an empty directory.")
    ] = None,
    at: At = (),
    confirm: Confirm = None,
    profile: Profile = DEFAULT_PROFILE,
    data: DataDirectory = None,
) -> None:
    """Found a new incarnation of the cluster from a snapshot; this node alone decides at first.

    The data directory is empty, or that of a stopped node. An empty one needs the root key, unless
    the cluster never let anybody join.
    """
    import datetime as dt
    import secrets

    from ringrift.node.recovery import backup
    from ringrift.node.recovery.authority import read_root
    from ringrift.node.recovery.recover import Basis, settler_of

    spots, called = _spots(at), name_of(profile, name)
    with _sentences():
        saved = backup.load(file)
        state, old = saved.state, saved.incarnation
        key = None if root is None else read_root(root.read_bytes())
        with _held(profile, data, empty=True) as paths:
            node = f"{called}-{secrets.token_hex(3)}"
            settler = settler_of(paths, state, key, node, dt.datetime.now(dt.UTC))
            print(
                f"{file} holds incarnation {old} up to entry {state.index} of term {state.term}.\n"
                f"What was decided after that is lost. {settler.identity.node_id} alone decides "
                "from now on."
            )
            _confirmed(confirm, old if settler.is_new else settler.identity.incarnation)
            _founded(Basis("operator snapshot restore", old, state, state.term), settler, spots)


def recover(
    *,
    compare: Annotated[
        tuple[Path, ...],
        cyclopts.Parameter(
            help="Data directories of other stopped voters: refuse if one has more.",
            consume_multiple=True,
            negative="",
        ),
    ] = (),
    at: At = (),
    confirm: Confirm = None,
    profile: Profile = DEFAULT_PROFILE,
    data: DataDirectory = None,
) -> None:
    """Found a new incarnation of the cluster from the log of this stopped voter.

    For when a majority of the voters is gone for good. This node alone decides at first.
    """
    from ringrift.node.net import credentials as own
    from ringrift.node.recovery.recover import Basis, Settler
    from ringrift.node.recovery.survey import refuse_behind, survey
    from ringrift.node.runtime.identity import locked
    from ringrift.node.runtime.paths import NodePaths, PathError

    spots = _spots(at)
    with _sentences(), _held(profile, data) as paths:
        found, others = survey(paths), list["Found"]()
        for other in compare:
            if not NodePaths(other).identity.exists():
                raise PathError(f"no node lives in {other}; compare data directories")
            with locked(NodePaths(other)):
                others.append(survey(NodePaths(other)))
        refuse_behind(found, others)
        _tell(found, others)
        settler = Settler(paths, found.identity, own.read(paths.tls))
        _confirmed(confirm, found.identity.incarnation)
        basis = Basis("operator recover", found.identity.incarnation, found.state, found.term)
        _founded(basis, settler, spots)


def rejoin(
    word: Annotated[str, cyclopts.Parameter(help="What recover or restore printed.")],
    /,
    *,
    lose_newer: Annotated[
        bool,
        cyclopts.Parameter(negative="", help="Even if this node's log has more than is kept."),
    ] = False,
    confirm: Confirm = None,
    profile: Profile = DEFAULT_PROFILE,
    data: DataDirectory = None,
) -> None:
    """Have a stopped node follow the new incarnation that was founded elsewhere."""
    from ringrift.node.recovery.rejoining import follow, may_follow
    from ringrift.wire.rejoin import read_rejoin

    with _sentences(), _held(profile, data) as paths:
        known = read_rejoin(word)
        identity = may_follow(paths, known, losing=lose_newer)
        if identity is None:
            print(f"The node in {paths.data} follows incarnation {known.new} already.")
            return
        print(
            f"{identity.node_id} leaves incarnation {identity.incarnation} for {known.new},\n"
            f"which goes on from entry {known.index} of {known.old}. Its key and files stay."
        )
        _confirmed(confirm, identity.incarnation)
        follow(paths, identity, known)
    print(f"Done. Next: ringrift node{given(data)}")


def authority(
    *, root: Root, profile: Profile = DEFAULT_PROFILE, data: DataDirectory = None
) -> None:
    """Let this voter sign certificates, by the cluster's root key: it can let others in then."""
    import datetime as dt

    from ringrift.node.recovery.authority import authorize, read_root
    from ringrift.node.runtime.paths import NodePaths

    paths = NodePaths(directory_of(profile, data))
    with _sentences():
        changed, until = authorize(paths, read_root(root.read_bytes()), dt.datetime.now(dt.UTC))
    if changed:
        print(
            f"The voter in {paths.data} may sign until {until:%Y-%m-%d}, from its next start on: "
            f"if it runs, `ringrift restart{given(data)}`.\nMove {root} off this machine again."
        )
    else:
        print(
            f"The voter in {paths.data} may sign already, until {until:%Y-%m-%d}; nothing changed."
        )


# What they share.


@contextmanager
def _sentences() -> Generator[None]:
    """Every failure is one sentence: code 2 for what is refused, 1 for a disk that fails."""
    from ringrift.node.consensus.log import LogCorruptError
    from ringrift.node.net.pki import CertificateError
    from ringrift.node.recovery.incarnation import RecoveryError
    from ringrift.node.runtime.paths import PathError
    from ringrift.wire.word import WordError

    try:
        yield
    except (LogCorruptError, CertificateError, RecoveryError, PathError, WordError) as error:
        fail(str(error), 2)
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        fail(f"{error.filename} cannot be used ({error.strerror})", 2)
    except OSError as error:
        fail(f"The disk failed ({error.strerror or error}); nothing is half done: try again", 1)


@contextmanager
def _held(profile: str, data: Path | None, *, empty: bool = False) -> Generator["NodePaths"]:
    """The data directory, in which nobody lives now; not made unless it may be `empty`."""
    from ringrift.node.recovery.survey import identity_in
    from ringrift.node.recovery.switch import settle
    from ringrift.node.runtime.identity import locked
    from ringrift.node.runtime.paths import NodePaths

    paths = NodePaths(directory_of(profile, data))
    if not (empty and not paths.identity.exists()):
        identity_in(paths)
    with locked(paths):
        settle(paths)
        yield paths


def _confirmed(given: str | None, incarnation: str) -> None:
    """Return only if the start of the incarnation that ends was typed."""
    if given is None:
        try:
            given = input(f"Type the first {SHOWN} characters of {incarnation} to go on: ")
        except EOFError:
            given = ""
    if given.strip() != incarnation[:SHOWN]:
        fail(f"Nothing was changed: that is not how incarnation {incarnation} begins", 2)


def _founded(basis: "Basis", settler: "Settler", at: tuple["Spot", ...]) -> None:
    import secrets
    import time

    from ringrift.node.recovery.recover import found_next
    from ringrift.wire.rejoin import write_rejoin

    new = secrets.token_hex(16)
    followed = found_next(basis, settler, at, new, int(time.time() * 1000))
    print(f"Incarnation {new} is founded. Next: ringrift node --data {settler.paths.data}")
    if followed is not None:
        print(
            "On every other machine of the cluster, with its node stopped, run there:\n"
            f"ringrift operator rejoin {write_rejoin(followed)}"
        )


def _tell(found: "Found", others: list["Found"]) -> None:
    import datetime as dt

    me, state = found.identity, found.state
    at = "at a time that is not known"
    if found.at_ms is not None:
        at = f"on {dt.datetime.fromtimestamp(found.at_ms / 1000, dt.UTC):%Y-%m-%d at %H:%M:%S} UTC"
    print(
        f"{found.data} holds incarnation {me.incarnation} up to entry {state.index} of term "
        f"{state.term}, proposed {at}.\nThe voters are {', '.join(state.voters)}; this is "
        f"{me.node_id}."
    )
    seen = {me.node_id, *(other.identity.node_id for other in others)}
    missing = [voter for voter in state.voters if voter not in seen]
    if 2 * len(missing) > len(state.voters):
        print(f"May be lost: what {', '.join(missing)} decided after entry {state.index}.")
    else:
        print(f"Nothing is lost, unless the voters were changed after entry {state.index}.")


def _spots(given: tuple[str, ...]) -> tuple["Spot", ...]:
    import msgspec

    from ringrift.wire.join import Place as Spot

    spots = list[Spot]()
    for text in given:
        host, _, port = text.rpartition(":")
        try:
            spots.append(msgspec.convert([host.strip("[]"), int(port)], Spot))
        except ValueError:
            fail(f"--at {text!r}: give HOST:PORT", 2)
    return tuple(spots)
