"""How long a command takes before it says its first word, beside what it is built on.

Run: python benchmarks/startup.py. Prints the median and the worst of some cold processes;
`ringrift --help` is wanted below 0.25 s.
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 11
MAIN = "import sys; sys.argv[1:] = {arguments}; from ringrift.cli.main import main; main()"
CASES = {
    "python, nothing": "pass",
    "import argparse": "import argparse",
    "import cyclopts": "import cyclopts",
    "ringrift --help": MAIN.format(arguments=["--help"]),
    "ringrift up --help": MAIN.format(arguments=["up", "--help"]),
    "ringrift status (no node)": MAIN.format(arguments=["status", "--data", "/nonexistent"]),
    "import textual.app": "import textual.app",
    "import ringrift.tui.app": "import ringrift.tui.app",
    "import numba": "import numba",
    "import torch": "import torch",
}


def seconds(script: str) -> float:
    """Wall clock of one fresh process that runs `script`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    return time.perf_counter() - started


def main() -> None:
    """Print one line a case."""
    print(f"{'case':<28}{'median':>9}{'worst':>9}   seconds, {ROUNDS} processes each")
    for name, script in CASES.items():
        seconds(script)  # the first fills the disk cache
        times = [seconds(script) for _ in range(ROUNDS)]
        print(f"{name:<28}{statistics.median(times):>9.3f}{max(times):>9.3f}")


if __name__ == "__main__":
    main()
