"""Pictures that every renderer shows alike."""

from ringrift.tui.run import without_leading_blanks


def test_a_text_begins_with_its_first_letter() -> None:
    svg = '<text class="a" x="24.4" y="20" textLength="61" clip-path="u">&#160;&#160;1.9</text>'
    assert without_leading_blanks(svg) == (
        '<text class="a" x="48.8" y="20" textLength="36.6" clip-path="u">1.9</text>'
    )


def test_other_texts_stay_as_they_are() -> None:
    svg = '<text class="a" x="24.4" y="20" textLength="36.6" clip-path="u">a&#160;b</text>'
    assert without_leading_blanks(svg) == svg
