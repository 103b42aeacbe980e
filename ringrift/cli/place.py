"""Which node is meant, and how failures are told: shared by the verbs that talk to a node."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import cyclopts

if TYPE_CHECKING:
    from ringrift.client import Address, Client

DEFAULT_PROFILE = "laptop"

Profile = Annotated[
    str, cyclopts.Parameter(help="Name of a shipped profile, or the path of a .toml file.")
]


def named_path(_kind: object, tokens: Sequence[cyclopts.Token]) -> Path:
    # Path("") is the working directory, which nobody means by an empty shell variable.
    if not tokens[0].value:
        raise ValueError("it is empty; give a directory, or leave it out")
    return Path(tokens[0].value)


DataDirectory = Annotated[
    Path | None,
    cyclopts.Parameter(
        help="Data directory of the node; ~/.local/share/ringrift/PROFILE when not given.",
        converter=named_path,
    ),
]
PortOffset = Annotated[
    int,
    cyclopts.Parameter(
        help="Added to every port, so that several nodes fit on one machine.",
        validator=cyclopts.validators.Number(gte=0, lte=50_000),
    ),
]

AsJson = Annotated[
    bool, cyclopts.Parameter(name="--json", negative="", help="As JSON, on one line.")
]


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Place:
    """A node: on this machine by its data directory or a loopback URL, on another by https."""

    profile: Profile = DEFAULT_PROFILE
    data: DataDirectory = None
    url: Annotated[
        str | None,
        cyclopts.Parameter(
            help="A node elsewhere, https://HOST:8775, as whoever the credentials in --data are "
            "of; or http://127.0.0.1:PORT, to look only."
        ),
    ] = None


SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_in(text: str, option: str, *, least: str, most: str) -> int:
    """The seconds that `30m`, `2h` or `1d` mean; ends the program when it means none within."""
    bounds = [int(bound[:-1]) * SECONDS[bound[-1]] for bound in (least, most)]
    number, unit = text[:-1], text[-1:]
    plain = number.isascii() and number.isdigit() and len(number) <= 8 and unit in SECONDS
    seconds = int(number) * SECONDS[unit] if plain else -1
    if not bounds[0] <= seconds <= bounds[1]:
        fail(f"{option} {text!r}: give a number and s, m, h or d, from {least} to {most}", 2)
    return seconds


def print_json(value: object) -> None:
    """Print a struct, or what is made of them, on one line."""
    import msgspec

    print(msgspec.json.encode(value).decode())


def given(data: Path | None) -> str:
    """How the next command names the data directory that this one was given."""
    return "" if data is None else f" --data {data}"


def fail(sentence: str, code: int) -> NoReturn:
    """End with one sentence: code 2 for a wrong request, 1 for one that could not be met."""
    print(sentence if sentence.endswith((".", "`", "?")) else f"{sentence}.", file=sys.stderr)
    raise SystemExit(code)


def directory_of(profile: str, data: Path | None) -> Path:
    """The data directory that is meant; ends the program when it cannot be one."""
    from ringrift.node.runtime.paths import PathError, data_directory

    try:
        return data_directory(profile, data)
    except PathError as error:
        fail(str(error), 2)


def address_of(place: Place) -> "Address":
    """Where the node that is meant can be reached, and as whom."""
    from ringrift.client import Remote, socket_of

    if place.url is not None and place.url.startswith("https:"):
        return Remote(place.url.rstrip("/"), directory_of(place.profile, place.data))
    if place.url is not None:
        return place.url
    return socket_of(directory_of(place.profile, place.data))


@contextmanager
def client_of(place: Place) -> Generator["Client"]:
    """A client of the node that is meant; its failures end the program with their sentence."""
    from ringrift.client import AddressError, Client, ClientError, Remote

    address = address_of(place)
    if isinstance(address, Remote):
        from ringrift.cli.renewal import renew_if_due

        renew_if_due(address)
    try:
        with Client(address) as client:
            yield client
    except AddressError as error:
        fail(str(error), 2)
    except ClientError as error:
        fail(str(error), 1)
