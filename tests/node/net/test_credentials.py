"""Credentials on disk and join tokens: written, read back, refused when damaged."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.wire.join import Place, Token, read_token, write_token
from ringrift.wire.word import WordError

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def test_credentials_are_read_back_and_only_their_owner_may(tmp_path: Path) -> None:
    directory = tmp_path / "tls"
    assert own.read(directory) is None
    made, root = own.found("v", NOW)
    own.write(directory, made)
    read = own.read(directory)
    assert read is not None
    assert read.subject == made.subject == pki.subject_of(made.chain[0])
    assert read.signer is not None
    assert made.signer is not None
    assert read.signer.certificate == made.signer.certificate
    assert {oct(path.stat().st_mode & 0o777) for path in directory.iterdir()} == {"0o600"}
    assert oct(directory.stat().st_mode & 0o777) == "0o700"
    # The root's key is nowhere in it.
    secret = pki.key_pem(root.key)
    assert all(secret not in path.read_bytes() for path in directory.iterdir())
    assert not read.renewal_due(NOW)
    assert read.renewal_due(NOW + dt.timedelta(days=21))
    read.contexts()


@pytest.mark.parametrize("name", [own.KEY, own.ROOT, own.CHAIN, own.SIGNER, own.SIGNER_KEY])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_damaged_credentials_are_refused_with_the_way_out(
    tmp_path: Path, name: str, damage: str
) -> None:
    own.write(tmp_path, own.found("v", NOW)[0])
    path = tmp_path / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:50])
    elif name in (own.CHAIN, own.SIGNER):
        return  # without them there are none, or no signer
    else:
        path.unlink()
    with pytest.raises(pki.CertificateError, match="join again with a new token"):
        own.read(tmp_path)


def test_a_certificate_of_another_key_is_refused(tmp_path: Path) -> None:
    own.write(tmp_path, own.found("v", NOW)[0])
    own.put(tmp_path / own.KEY, pki.key_pem(pki.new_key()))
    with pytest.raises(pki.CertificateError, match="another key"):
        own.read(tmp_path)


TOKEN = Token("ab" * 16, (Place("10.0.0.7", 8775), Place("::1", 1)), "PEM", bytes(range(32)))


def test_a_token_survives_copying() -> None:
    word = write_token(TOKEN)
    assert read_token(word) == TOKEN
    assert read_token(f"  {word[:40]}\n{word[40:]}  ") == TOKEN
    assert word.isascii() and "=" not in word


@given(cut=st.integers(0, 200), flip=st.integers(0, 200))
def test_a_damaged_token_is_refused_in_one_sentence(cut: int, flip: int) -> None:
    word = write_token(TOKEN)
    damaged = list(word[: len(word) - cut % len(word)])
    if damaged:
        damaged[flip % len(damaged)] = "!"
    with pytest.raises(WordError, match="copy all of it"):
        read_token("".join(damaged))
