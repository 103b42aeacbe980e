"""`ringrift doctor`: what is wrong with this machine, and the fix."""

import sys

from ringrift.cli.place import (
    DEFAULT_PROFILE,
    AsJson,
    DataDirectory,
    PortOffset,
    Profile,
    print_json,
)


def doctor(
    *,
    profile: Profile = DEFAULT_PROFILE,
    data: DataDirectory = None,
    port_offset: PortOffset = 0,
    as_json: AsJson = False,
) -> None:
    """Run every check at once and print what was found."""
    from pathlib import Path

    from ringrift.doctor.check import Site
    from ringrift.doctor.examine import checks_of, examine, report, sound

    # Not place.directory_of: a directory that cannot be used is a finding here, not a refusal.
    stem = Path(profile).stem if profile.endswith(".toml") else profile
    directory = data or Path.home() / ".local" / "share" / "ringrift" / stem
    site = Site(profile, directory.expanduser().absolute(), port_offset)
    if sys.stderr.isatty():
        print("Examining this machine …", file=sys.stderr)
    found = examine(checks_of(site))
    if as_json:
        print_json(found)
    else:
        sys.stdout.write(report(found))
    raise SystemExit(0 if sound(found) else 1)
