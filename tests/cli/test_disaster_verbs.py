"""The verbs for disasters say in one sentence what is wrong, and change nothing then."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from ringrift.cli.main import parser
from ringrift.wire.join import Place
from ringrift.wire.rejoin import Rejoin, write_rejoin

WORD = write_rejoin(Rejoin("cd" * 16, "ab" * 16, 1, 9, "0" * 64, {"b": (Place("h", 1),)}))


def told(*arguments: object) -> tuple[int, str]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO())
        try:
            parser()(["operator", *map(str, arguments)])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return code, err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("recover",), "No node lives in"),
        (("rejoin", WORD), "No node lives in"),
        (("authority", "--root", "root.pem"), "root.pem cannot be used"),
        (("authority", "--root", "noise"), "The private key cannot be read"),
        (("snapshot", "restore", "nowhere"), "nowhere cannot be used"),
        (("snapshot", "restore", "noise"), "noise is no whole snapshot"),
        (("snapshot", "restore", "noise", "--at", "host"), "--at 'host': give HOST:PORT"),
        (("snapshot", "restore", "noise", "--at", "h:99999"), "give HOST:PORT"),
        (("snapshot", "restore", "noise", "--name", "a b"), "letters, digits"),
    ],
)
def test_a_wrong_request_gets_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise").write_bytes(b"\0\0\0\4noise")
    code, sentence = told(*arguments, "--data", tmp_path / "d")
    assert (code, len(sentence.splitlines())) == (2, 1), sentence
    assert words in sentence and sentence.endswith(".\n")
    assert [path.name for path in tmp_path.iterdir()] == ["noise"]


@pytest.mark.parametrize("path", [".", "nowhere", "noise"])
def test_what_is_no_snapshot_is_not_inspected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise").write_bytes(b"\0\0\0\4noise")
    code, sentence = told("snapshot", "inspect", path)
    assert code == 2 and len(sentence.splitlines()) == 1


@pytest.mark.parametrize("identity", ["{", '{"node_id": 7}'])
@pytest.mark.parametrize("verb", [("recover",), ("rejoin", WORD), ("authority", "--root", "x")])
def test_a_damaged_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...], identity: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "identity.json").write_text(identity)
    code, sentence = told(*verb, "--data", tmp_path / "d")
    assert (code, len(sentence.splitlines())) == (2, 1)
    assert "is damaged" in sentence or "x cannot be used" in sentence


def test_a_word_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text(
        '{"node_id":"n-1","incarnation":"%s","boot":1}' % ("ab" * 16)
    )
    for word in ("nonsense", WORD[:-5]):
        code, sentence = told("rejoin", word, "--data", tmp_path)
        assert code == 2 and "copy all of it" in sentence
    code, sentence = told("rejoin", WORD, "--data", tmp_path)
    assert code == 2 and "not of the cluster" in sentence
    code, sentence = told("recover", "--data", tmp_path)
    assert code == 2 and "no vote file" in sentence
