"""A struct as one word that people copy from one machine to another."""

import base64
import binascii
from typing import TypeVar

import msgspec

MAX_CHARS = 8_192
T = TypeVar("T")


class WordError(ValueError):
    """A word that is not what it should be; one sentence."""


def write_word(prefix: str, struct: msgspec.Struct) -> str:
    """The struct behind a prefix that says what it is."""
    return prefix + base64.urlsafe_b64encode(msgspec.msgpack.encode(struct)).decode().rstrip("=")


def read_word(word: str, prefix: str, kind: type[T], name: str) -> T:
    """What is in a word, white space aside; raises WordError, which calls it by `name`."""
    word = "".join(word.split())
    if not word.startswith(prefix) or len(word) > MAX_CHARS:
        raise WordError(f"this is no {name}: one begins with {prefix}, copy all of it")
    body = word.removeprefix(prefix)
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(data, type=kind)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WordError(f"the {name} is damaged or cut short: copy all of it") from error
