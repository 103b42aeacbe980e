"""Python and the packages that ringrift was built for."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata

from ringrift.doctor.check import Finding, failed, ok

FAMILY = "python"
LEAST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;(.*))?$")


def _running() -> tuple[int, int, int]:
    return sys.version_info[:3]


@dataclass(frozen=True, slots=True)
class PythonVersion:
    """ringrift needs Python 3.11 or newer."""

    running: Callable[[], tuple[int, int, int]] = _running
    family: str = FAMILY
    name: str = "version"

    def look(self) -> Finding:
        version = self.running()
        words = ".".join(str(part) for part in version)
        if version[:2] < LEAST_PYTHON:
            return failed(
                words,
                cause="ringrift needs Python 3.11 or newer",
                fix="install Python 3.11 and found the environment again: make clean up",
            )
        return ok(words)


def _required() -> list[str]:
    return metadata.requires("ringrift") or []


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class Packages:
    """Every package that ringrift requires is installed, in its pinned version where it has one."""

    required: Callable[[], list[str]] = _required
    installed: Callable[[str], str | None] = _installed
    family: str = FAMILY
    name: str = "packages"
    fix: str = field(default="run `pip install -c constraints.txt -e .` in the checkout")

    def look(self) -> Finding:
        wrong: list[str] = []
        seen = 0
        for requirement in self.required():
            parts = _REQUIREMENT.match(requirement)
            if parts is None or "extra" in (parts[3] or ""):
                continue
            seen += 1
            package, wanted = parts[1], parts[2].strip("() ")
            found = self.installed(package)
            if found is None:
                wrong.append(f"{package} is missing")
            elif wanted.startswith("==") and found.split("+")[0] != wanted[2:].strip():
                wrong.append(f"{package} is {found}, not {wanted[2:].strip()}")
        if wrong:
            count = f"{len(wrong)} of {seen} not as required"
            return failed(count, cause="; ".join(wrong), fix=self.fix)
        return ok(f"{seen} as required")
