"""Rewrite the traces of the scenario scripts: `python tests/simulation/retrace.py [NAME…]`.

Read every difference before you check it in: a trace is a claim about Raft.
"""

import sys
from pathlib import Path

from script import retrace

SCRIPTS = Path(__file__).parent / "scripts"


def main(names: list[str]) -> None:
    for path in sorted(SCRIPTS.glob("*.txt")):
        if not names or path.stem in names:
            path.write_text(retrace(path.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
