"""Each plausible bug is found by a rule, and what finds it does not cry wolf.

What fails here after a change of the simulator is mended by `python tests/simulation/hunt.py`.
"""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from hunt import PAGE, SEEDS, broken, noted, with_table
from mutants import MUTANTS, RARE
from script import retrace

from ringrift.node.sim.checkers.violation import Rule, Violation
from ringrift.node.sim.faults import SHARES

SCRIPTS = Path(__file__).parent / "scripts"
CATCHES = noted(PAGE.read_text())


@cache
def sound(seed: int) -> Violation | None:
    return broken(seed)


def test_the_page_tells_of_every_mutant_as_it_is() -> None:
    assert list(CATCHES) == list(MUTANTS)
    assert with_table(PAGE.read_text(), CATCHES) == PAGE.read_text()
    assert all(catch.seed < SEEDS for catch in CATCHES.values())


@pytest.mark.parametrize("scenario", list(RARE))
def test_a_bug_too_rare_for_seeds_changes_what_a_script_tells(scenario: str) -> None:
    told = (SCRIPTS / f"{scenario}.txt").read_text()
    with RARE[scenario].alive():
        assert retrace(told) != told
    assert f"`{RARE[scenario].name}`" in PAGE.read_text()


def test_the_page_tells_of_every_rule_and_every_fault() -> None:
    page = PAGE.read_text()
    for rule in get_args(Rule):
        assert f"| {rule} |" in page
    for kind in SHARES:
        assert f"`{kind}`" in page


def test_every_area_has_several_mutants() -> None:
    areas = Counter(mutant.area for mutant in MUTANTS.values())
    assert len(MUTANTS) >= 16 and min(areas.values()) >= 2


@pytest.mark.parametrize("name", list(MUTANTS))
def test_a_mutant_is_caught_where_the_page_says(name: str) -> None:
    catch = CATCHES[name]
    found = broken(catch.seed, MUTANTS[name])
    # Which of several rules is the first to see it may change with the rules.
    assert found is not None
    assert sound(catch.seed) is None
