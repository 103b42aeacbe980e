"""Look for the first seed that catches each mutant, and note them in docs/simulation.md.

    python tests/simulation/hunt.py [NAME…]

takes minutes. A mutant that is not named keeps its line; whatever changes the course of the seeds
(a fault, a wish, a delay) makes all of them worth looking for again.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from mutants import MUTANTS
from mutation import Mutant

from ringrift.node.sim.checkers.violation import Violation
from ringrift.node.sim.core_tier import Run

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"
SEEDS = 500
SIZE = 5
HEAD = "| area | mutant: what is wrong | seed | rule |"


class Catch(NamedTuple):
    """The first seed in which a mutant breaks a rule."""

    seed: int
    rule: str


def broken(seed: int, mutant: Mutant | None = None) -> Violation | None:
    """What a seed finds, with a mutant or without."""
    if mutant is None:
        return Run(seed, SIZE).play().violation
    with mutant.alive():
        return Run(seed, SIZE).play().violation


def first_catch(mutant: Mutant) -> Catch | None:
    for seed in range(SEEDS):
        violation = broken(seed, mutant)
        if violation is not None:
            return Catch(seed, violation.rule)
    return None


def row(mutant: Mutant, catch: Catch | None) -> str:
    """The line of the table for one mutant."""
    name = f"`{mutant.name}`: {mutant.bug[0].lower()}{mutant.bug[1:]}"
    seed, rule = catch or ("none", "")
    return f"| {mutant.area} | {name} | {seed} | {rule} |"


def noted(page: str) -> dict[str, Catch]:
    """The catches that the page tells of, by the mutant's name."""
    catches: dict[str, Catch] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[2].isdecimal():
            catches[cells[1].split("`")[1]] = Catch(int(cells[2]), cells[3])
    return catches


def table(catches: dict[str, Catch]) -> str:
    lines = [row(mutant, catches.get(mutant.name)) for mutant in MUTANTS.values()]
    return "\n".join([HEAD, "| --- | --- | ---: | --- |", *lines])


def with_table(page: str, catches: dict[str, Catch]) -> str:
    """The page with its table, which ends it, written anew."""
    return page[: page.index(HEAD)] + table(catches) + "\n"


def main(names: list[str]) -> None:
    escaped = False
    for name in names or list(MUTANTS):
        catch = first_catch(MUTANTS[name])
        escaped |= catch is None
        print(row(MUTANTS[name], catch), flush=True)
        page = PAGE.read_text()
        catches = {n: c for n, c in noted(page).items() if n != name}
        PAGE.write_text(with_table(page, catches | ({name: catch} if catch else {})))
    raise SystemExit(1 if escaped else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
