"""Coloured text as plain data: runs of characters with the SGR numbers to write them in."""

Run = tuple[str, str]  # text, numbers joined with ";"
Line = list[Run]

PLAIN, BOLD, DIM, UNDERLINE, REVERSE = "", "1", "2", "4", "7"
_LAST_WITHOUT_COLOUR = 9


def seat_ink(seat: int) -> str:
    """The colour of a seat: told apart by the colour-blind too, by brightness."""
    return ("96", "93", "95", "92")[seat - 1]


def land_ink(seat: int) -> str:
    """The ground of a seat's territory."""
    return "30;" + ("46", "43", "45", "42")[seat - 1]


def join(*styles: str) -> str:
    """Both styles at once."""
    return ";".join(style for style in styles if style)


def length(line: Line) -> int:
    """How many columns a line takes."""
    return sum(len(text) for text, _ in line)


def fit(line: Line, columns: int) -> Line:
    """The line cut or padded to so many columns."""
    fitted: Line = []
    left = columns
    for text, style in line:
        fitted.append((text[:left], style))
        left -= len(fitted[-1][0])
    return [*fitted, (" " * left, PLAIN)]


def written(line: Line, colour: bool) -> str:
    """The line as a terminal wants it; without colour bold, dim and reverse remain."""
    out: list[str] = []
    for text, style in line:
        numbers = [n for n in style.split(";") if n and (colour or int(n) <= _LAST_WITHOUT_COLOUR)]
        out.append(f"\x1b[{';'.join(numbers)}m{text}\x1b[0m" if text and numbers else text)
    return "".join(out)


def plain(line: Line) -> str:
    """The characters alone."""
    return "".join(text for text, _ in line).rstrip()
