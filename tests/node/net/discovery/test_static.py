"""Places that an operator writes down, and the sentence for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net.discovery.hints import Hint
from ringrift.node.net.discovery.static import StaticError, static_hints


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("gpu-3", "gpu-3", 8775),
        (" GPU-3.example.org:99 ", "gpu-3.example.org", 99),
        ("10.0.0.7", "10.0.0.7", 8775),
        ("10.0.0.7:65535", "10.0.0.7", 65535),
        ("[FD7A::1]:1", "fd7a::1", 1),
        ("[::1]", "::1", 8775),
        ("my_box.", "my_box.", 8775),
    ],
)
def test_places_are_read(entry: str, host: str, port: int) -> None:
    assert static_hints([entry], 8775) == (Hint(host, port, None, "static"),)


@pytest.mark.parametrize(
    ("entry", "fix"),
    [
        ("", "host name"),
        (":80", "host name"),
        ("a b", "host name"),
        ("http://a", "port"),
        ("-a", "host name"),
        ("x" * 254, "host name"),
        ("a:", "port"),
        ("a:0", "port"),
        ("a:65536", "port"),
        ("a:http", "port"),
        ("a:²", "port"),
        ("10.0.0.300", "IP address"),
        ("10.1", "IP address"),
        ("[fe80]", "IP address"),
        ("[10.0.0.1]:3", "IP address"),
        ("fd7a::1", "brackets"),
        ("[::1", "brackets"),
        ("[::1]80", "brackets"),
        ("a:1:2", "brackets"),
    ],
)
def test_what_is_no_place_is_named_with_its_fix(entry: str, fix: str) -> None:
    with pytest.raises(StaticError) as caught:
        static_hints(["good", entry], 8775)
    sentence = str(caught.value)
    assert repr(entry) in sentence
    assert fix in sentence
    assert "\n" not in sentence


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_one_sentence(entry: str) -> None:
    try:
        (hint,) = static_hints([entry], 8775)
    except StaticError as error:
        assert "\n" not in str(error)
    else:
        assert hint.host
        assert 1 <= hint.port <= 65_535
