"""Which legal choices a typed line or picked cells mean."""

from itertools import groupby

# Words of a choice (FORMAT 1.2) in the order in which a person picks their cells; what is not
# picked on the board, as counts and options, is chosen from the list of what remains.
_PICKED = {
    "place_ring": (1,),
    "move_stack": (1, 2),
    "overtaking_capture": (1, 3),
    "continue_capture_segment": (1, 3),
    "recovery_slide": (2, 3, -1),
    "process_line": (1,),
    "choose_line_option": (2,),
    "eliminate_rings_from_stack": (2,),
    "choose_territory_option": (1,),
    "forced_elimination": (1,),
}

_BRIEF = {
    "place_ring": "place",
    "move_stack": "move",
    "overtaking_capture": "capture",
    "continue_capture_segment": "capture on",
    "recovery_slide": "recover",
    "process_line": "line",
    "choose_line_option": "line option",
    "eliminate_rings_from_stack": "pay",
    "choose_territory_option": "territory",
    "forced_elimination": "give up",
}


def picks(text: str) -> tuple[frozenset[str], ...]:
    """The cells that mean this choice, one set a step: any cell of a list stands for it."""
    words = text.split(" ")
    return tuple(frozenset(words[at].split(";")) for at in _PICKED.get(words[0], ()))


def cells_of(text: str) -> frozenset[str]:
    """Every cell that a choice names."""
    return frozenset(cell for word in text.split(" ") for cell in word.split(";") if "," in cell)


def after(texts: list[str], picked: list[str]) -> list[str]:
    """The choices that begin with these picked cells."""
    n = len(picked)
    return [
        text
        for text in texts
        if len(steps := picks(text)) >= n
        and all(cell in step for cell, step in zip(picked, steps, strict=False))
    ]


def cells_open(texts: list[str], picked: list[str]) -> frozenset[str]:
    """The cells that can be picked next."""
    steps = [picks(text) for text in after(texts, picked)]
    return frozenset(
        cell for step in steps if len(step) > len(picked) for cell in step[len(picked)]
    )


def _part_fits(typed: str, word: str) -> bool:
    if "," in word:
        return any(cell == typed or cell.startswith(typed + ",") for cell in word.split(";"))
    return word.startswith(typed) or typed in word.split("_")


def _fits(typed: list[str], words: list[str], exact: bool) -> bool:
    """Whether the typed words stand for words of a choice, in their order."""
    rest = iter(words)
    return all(
        any(part == word or (not exact and _part_fits(part, word)) for word in rest)
        for part in typed
    )


def fitting(texts: list[str], typed: str) -> list[str]:
    """The choices that a typed line means: the very text, else whole words, else parts of words."""
    if typed in texts:
        return [typed]
    words = typed.split()
    if not words:
        return []
    for exact in (True, False):
        found = [text for text in texts if _fits(words, text.split(" "), exact)]
        if found:
            return found
    return []


def brief(text: str) -> str:
    """A choice in fewer letters, for lists and logs."""
    first, *words = text.split(" ")
    shown = [_BRIEF.get(first, first.removesuffix("_action").replace("_", " "))]
    for word in words:
        cells = word.split(";")
        many = f"{cells[0]}..{cells[-1]} ({len(cells)} cells)"
        shown.append(many if len(cells) > 1 else word)
    return " ".join(shown)


def ask(phase: str, pending: str, texts: list[str]) -> str:
    """What the seat to act is asked, in words."""
    kinds = [kind for kind, _ in groupby(text.split(" ")[0] for text in texts)]
    skips = [kind.split("_")[0] for kind in kinds if kind.startswith(("skip", "swap"))]
    alternative = "".join(f", or {skip}" for skip in skips)
    if pending != "-":
        return {
            "line": "Pay for the line: a stack loses its top ring",
            "territory": "Pay with a stack: it loses its whole cap",
            "recovery": "Pay with a buried ring",
        }[pending]
    if phase == "ring_placement":
        most = max((int(t[-1]) for t in texts if t.startswith("place")), default=0)
        return f"Place {'1-' if most > 1 else ''}{most or 'no'} ring{'s'[: most - 1]}{alternative}"
    if phase == "movement":
        recovering = any(kind == "recovery_slide" for kind in kinds)
        moving = "Move or capture" if "overtaking_capture" in kinds else "Move a stack"
        return ("Recover: slide a marker" if recovering else moving) + alternative
    return {
        "capture": "Capture, or stop here",
        "chain_capture": "Capture on",
        "line_processing": "Choose a line",
        "territory_processing": "Claim a territory, or stop",
        "forced_elimination": "Give up the cap of a stack",
    }.get(phase, "")
