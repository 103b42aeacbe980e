"""All checks at once, and their findings as text."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from ringrift.doctor.check import Check, Finding, Site, State
from ringrift.doctor.data import Directory, LogReadable, SocketPath
from ringrift.doctor.engine import GoldenGames
from ringrift.doctor.machine import FreeDisk, FreeMemory, Processor
from ringrift.doctor.node import Port, Profile, Reachable, Sentinel
from ringrift.doctor.python import Packages, PythonVersion
from ringrift.doctor.torch import TorchComputes
from ringrift.node.runtime.settings import HttpSettings, SettingsError, load_settings

SIGNS: Final[dict[State, str]] = {
    "ok": "✓",
    "warning": "!",
    "failed": "✗",
    "crashed": "☠",
    "not applicable": "–",
}


class Examined(msgspec.Struct, frozen=True):
    """A finding and whose it is."""

    family: str
    name: str
    state: State
    value: str
    cause: str
    fix: str
    seconds: float


def _ports(profile: str) -> HttpSettings:
    try:
        return load_settings(profile, os.environ).http
    except SettingsError:
        return HttpSettings()  # the check of the profile says what is wrong with it


def checks_of(site: Site) -> tuple[Check, ...]:
    """Every check there is, in the order in which they are told."""
    ports = _ports(site.profile)
    return (
        PythonVersion(),
        Packages(),
        Processor(),
        FreeMemory(),
        FreeDisk(site.data),
        TorchComputes(),
        GoldenGames(),
        Directory(site.data),
        SocketPath(site.data),
        LogReadable(site.data),
        Profile(site.profile),
        Port("status page", ports.port + site.port_offset, site.data),
        Port("sentinel", ports.sentinel_port + site.port_offset, site.data),
        Reachable(site.data),
        Sentinel(ports.sentinel_port + site.port_offset, site.data),
    )


def examine(checks: Sequence[Check]) -> list[Examined]:
    """Run all checks at once; the answers keep their order."""
    with ThreadPoolExecutor(max_workers=max(1, len(checks))) as pool:
        return list(pool.map(_examined, checks))


def _examined(check: Check) -> Examined:
    started = time.monotonic()
    try:
        found = check.look()
    except Exception as error:  # noqa: BLE001 (a check that crashes is a finding, the rest go on)
        found = Finding(
            "crashed",
            type(error).__name__,
            cause=str(error) or "it did not say why",
            fix="this is a defect of the doctor: report it",
        )
    return Examined(
        family=check.family,
        name=check.name,
        state=found.state,
        value=found.value,
        cause=found.cause,
        fix=found.fix,
        seconds=round(time.monotonic() - started, 3),
    )


def sound(found: Sequence[Examined]) -> bool:
    """Whether nothing failed or crashed; warnings are no failure."""
    return not any(one.state in ("failed", "crashed") for one in found)


def report(found: Sequence[Examined]) -> str:
    """The findings for people: a line each, cause and fix below what is not well."""
    lines: list[str] = []
    width = max((len(f"{one.family} {one.name}") for one in found), default=0)
    for one in found:
        lines.append(f"{SIGNS[one.state]} {f'{one.family} {one.name}':<{width}}  {one.value}")
        if one.cause:
            lines.append(f"  {'':<{width}}  cause: {one.cause}")
        if one.fix:
            lines.append(f"  {'':<{width}}  fix:   {one.fix}")
    counts = {state: sum(one.state == state for one in found) for state in SIGNS}
    told = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    lines.append(f"\n{len(found)} checks: {told}.")
    return "\n".join(lines) + "\n"
