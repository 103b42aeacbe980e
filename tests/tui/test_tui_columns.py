"""Rows share a line without leaving it."""

from hypothesis import given
from hypothesis import strategies as st

from ringrift.tui.columns import Cell, Column, Listing, Row, clip, fit, lines

words = st.text("abc ", max_size=30)
columns = st.builds(Column, words, right=st.booleans(), flex=st.booleans(), drop=st.integers(0, 3))


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    heads = tuple(draw(st.lists(columns, min_size=1, max_size=6)))
    rows = tuple(
        Row(str(i), tuple(Cell(draw(words)) for _ in heads)) for i in range(draw(st.integers(0, 4)))
    )
    return Listing(heads, rows, "nothing")


@given(listing=listings(), width=st.integers(1, 200))
def test_no_line_is_wider_than_it_may_be(listing: Listing, width: int) -> None:
    shown = lines(listing, width)
    assert all(len(line) <= width for line in shown)
    assert len(shown) == 1 + max(1, len(listing.rows))


@given(listing=listings(), width=st.integers(1, 200))
def test_columns_that_may_not_be_dropped_stay(listing: Listing, width: int) -> None:
    kept = {index for index, _ in fit(listing, width)}
    assert kept >= {i for i, column in enumerate(listing.columns) if not column.drop}


def test_the_highest_drop_goes_first_and_flex_takes_the_rest() -> None:
    heads = (Column("A"), Column("B", drop=1), Column("C", drop=2), Column("D", flex=True, least=9))
    cells = tuple(Cell("x" * 10) for _ in heads)
    listing = Listing(heads, (Row("k", cells),), "")
    assert fit(listing, 60) == ((0, 10), (1, 10), (2, 10), (3, 24))
    assert fit(listing, 40) == ((0, 10), (1, 10), (3, 16))
    assert fit(listing, 25) == ((0, 10), (3, 13))


def test_cut_text_says_that_it_is_cut() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("ab", 4, right=True) == "  ab"
    assert clip("abc", 1) == "a"
