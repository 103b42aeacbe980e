"""Settings of a node: a TOML profile, overridden by ``RINGRIFT_<SECTION>_<FIELD>`` variables.

Every threshold of the node is a field here, with its bounds and its meaning; docs/settings.md is
generated from these types. A wrong or unknown field is refused with its place and the nearest
valid name, before anything else of the node has started.
"""

import difflib
import re
import tomllib
import typing
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ringrift.wire.job import ConfigName

Kind = Literal["selfplay", "training", "evaluation"]
Seconds = Annotated[float, Meta(gt=0, le=1e7)]
Percent = Annotated[float, Meta(gt=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Budget = Annotated[int, Meta(ge=2, le=4096)]
ENV_PREFIX = "RINGRIFT_"


class SettingsError(ValueError):
    """A profile or an override that cannot be used: one sentence naming the place and the fix."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the sections: frozen, and a field that nobody knows is an error."""


class NodeSettings(Section, frozen=True):
    """The process itself: its name, its clockwork and its own care of its memory."""

    name: Annotated[
        str,
        Meta(
            max_length=64,
            pattern="^[A-Za-z0-9._-]*$",
            description="name shown to people; empty means the machine's host name",
        ),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="least severe message that is written to the log"),
    ] = "info"
    control_interval_s: Annotated[
        Seconds, Meta(description="longest pause between two rounds of the controllers")
    ] = 1.0
    view_interval_s: Annotated[
        Seconds, Meta(description="how often the snapshot behind /status is built anew")
    ] = 0.5
    observe_interval_s: Annotated[
        Seconds, Meta(description="how often processor, memory and disk are measured")
    ] = 10.0
    eviction_interval_s: Annotated[
        Seconds, Meta(description="how often finished work that is old enough is archived")
    ] = 60.0
    lag_interval_s: Annotated[
        Seconds, Meta(description="how often the watchdog measures the event loop's lag")
    ] = 0.1
    lag_alarm_ms: Annotated[
        float, Meta(gt=0, le=1e5, description="lag of the event loop that raises an event")
    ] = 50.0
    restart_backoff_s: Annotated[
        Seconds, Meta(description="first pause before a failed loop is started again")
    ] = 1.0
    restart_backoff_factor: Annotated[
        float, Meta(ge=1, le=10, description="growth of that pause from failure to failure")
    ] = 1.5
    restart_backoff_max_s: Annotated[Seconds, Meta(description="longest such pause")] = 300.0
    crash_loop_failures: Annotated[
        Count, Meta(description="failures without a good minute between that are a crash loop")
    ] = 5
    memory_tiers: Annotated[
        tuple[Percent, Percent, Percent, Percent],
        Meta(description="memory use at which CAUTION, WARNING, CRITICAL and EMERGENCY begin, %"),
    ] = (60.0, 70.0, 80.0, 90.0)
    memory_hysteresis: Annotated[
        float, Meta(ge=0, le=50, description="how far below its mark a tier is left again, %")
    ] = 3.0
    memory_samples: Annotated[
        Count, Meta(description="consecutive measurements before a tier changes")
    ] = 3
    disk_floor_bytes: Annotated[
        int, Meta(ge=0, description="free disk space below which no new work is claimed")
    ] = 2_000_000_000


class WorkerSettings(Section, frozen=True):
    """What this node does for the cluster, and how it treats the children that compute."""

    slots: Annotated[
        int,
        Meta(ge=0, le=1024, description="children at work at one time; 0 means one for each core"),
    ] = 0
    threads_per_slot: Annotated[
        int, Meta(ge=1, le=256, description="compute threads of one child")
    ] = 1
    kinds: Annotated[
        tuple[Kind, ...], Meta(min_length=1, description="kinds of work this node claims")
    ] = ("selfplay", "training", "evaluation")
    claim_interval_s: Annotated[
        Seconds, Meta(description="pause before asking again when there was no work to claim")
    ] = 0.5
    heartbeat_timeout_s: Annotated[
        Seconds, Meta(description="silence after which a child is taken for stuck and ended")
    ] = 60.0
    stop_grace_s: Annotated[
        Seconds, Meta(description="time between SIGTERM and SIGKILL, to hand in what there is")
    ] = 30.0
    autonomy_after_s: Annotated[
        Seconds, Meta(description="time without a leader after which this node plays by itself")
    ] = 60.0
    autonomy_for_s: Annotated[
        Seconds, Meta(description="how long it does so before it waits for a leader")
    ] = 86_400.0
    autonomy_bytes: Annotated[
        int, Meta(ge=0, description="how much it keeps of that before it waits for a leader")
    ] = 10 << 30
    command: Annotated[
        tuple[str, ...],
        Meta(description="command of a compute child; empty means this Python's own job module"),
    ] = ()


class PipelineSettings(Section, frozen=True):
    """From games to networks: how much of what, and when the next step is due."""

    configs: Annotated[
        tuple[ConfigName, ...], Meta(min_length=1, description="configurations to train")
    ] = ("hex8_2p",)
    selfplay_games_per_item: Annotated[
        Count, Meta(description="games of one selfplay work item")
    ] = 64
    selfplay_pending_per_slot: Annotated[
        Count, Meta(description="selfplay items kept waiting for each compute slot of the cluster")
    ] = 1
    parallel_games: Annotated[Count, Meta(description="games one child plays at a time")] = 32
    games_per_shard: Annotated[Count, Meta(description="games written to one shard")] = 32
    full_simulations: Annotated[
        Budget, Meta(description="search simulations of a decision that trains the policy")
    ] = 64
    full_considered: Annotated[
        Budget, Meta(description="moves a full search considers at its root")
    ] = 16
    cheap_simulations: Annotated[
        Budget, Meta(description="search simulations of every other decision")
    ] = 16
    cheap_considered: Annotated[
        Budget, Meta(description="moves a cheap search considers at its root")
    ] = 8
    full_fraction: Annotated[
        float, Meta(gt=0, le=1, description="share of decisions that get a full search")
    ] = 0.25
    training_min_new_games: Annotated[
        Count, Meta(description="games since the last fit that make the next one due")
    ] = 400
    max_reuse: Annotated[
        float, Meta(gt=0, le=100, description="rows drawn for training per new row, at most")
    ] = 4.0
    window_rows: Annotated[
        Count, Meta(description="newest full-search rows that a fit may draw from, at most")
    ] = 200_000
    batch_size: Annotated[Count, Meta(description="rows of one training step")] = 64
    learning_rate: Annotated[
        float, Meta(ge=0, le=1, description="step size of a fit; 0 trains nothing (a control run)")
    ] = 3e-3
    evaluation_openings: Annotated[
        int,
        Meta(ge=20, le=10_000, description="openings of a match, each played in all rotations"),
    ] = 20
    evaluation_simulations: Annotated[
        Budget, Meta(description="search simulations of a decision in a match")
    ] = 32
    claim_ttl_s: Annotated[
        Seconds, Meta(description="time after which an unrenewed claim goes back to the queue")
    ] = 30.0
    max_attempts: Annotated[
        int, Meta(ge=1, le=100, description="attempts after which a work item has failed for good")
    ] = 3
    timeout_factor: Annotated[
        float,
        Meta(gt=0, le=100, description="factor on the longest runs by kind of work and board"),
    ] = 1.0
    release_patience_s: Annotated[
        Seconds,
        Meta(description="wait after which work kept for certain nodes is for any that can do it"),
    ] = 300.0
    terminal_retention_s: Annotated[
        Seconds, Meta(description="age at which finished work leaves the replicated state")
    ] = 86_400.0


class PromotionSettings(Section, frozen=True):
    """What a match must hold before it may speak for or against a promotion."""

    minimum_games: Annotated[Count, Meta(description="games played against an opponent")] = 40
    minimum_openings: Annotated[Count, Meta(description="distinct openings among them")] = 20
    distinct_share: Annotated[
        Share, Meta(description="share of games, and of openings, that must be distinct")
    ] = 0.9


class HttpSettings(Section, frozen=True):
    """The read-only port, the operators' socket and the bounds of what they accept."""

    port: Annotated[int, Meta(ge=1, le=65_535, description="read-only status on 127.0.0.1")] = 8770
    sentinel_port: Annotated[
        int, Meta(ge=1, le=65_535, description="the sentinel's status on 127.0.0.1")
    ] = 8790
    max_body_bytes: Annotated[
        Count, Meta(description="largest request body; a longer one is refused unread")
    ] = 65_536
    keep_alive_s: Annotated[Seconds, Meta(description="how long an idle connection is kept")] = 75.0
    event_buffer: Annotated[
        Count, Meta(description="events kept for a slow reader before it loses some, counted")
    ] = 1_000


class PeersSettings(Section, frozen=True):
    """How this node and the others of its cluster reach each other; unused by a node alone."""

    listen: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="address to accept peers on; 0.0.0.0 is all of this machine's",
        ),
    ] = "0.0.0.0"
    port: Annotated[
        int, Meta(ge=1, le=65_535, description="port to accept peers, newcomers and operators on")
    ] = 8775
    advertise: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...],
        Meta(
            max_length=8,
            description="addresses that others reach this node by; empty means those it listens on",
        ),
    ] = ()
    inbound: Annotated[
        bool,
        Meta(description="whether others can open connections to this node; no behind most NATs"),
    ] = True


class DiscoverySettings(Section, frozen=True):
    """Where other nodes of this cluster are looked for; who is there, their certificate proves."""

    mdns: Annotated[
        bool, Meta(description="announce this node on the local network and listen for others")
    ] = True
    interfaces: Annotated[
        tuple[str, ...],
        Meta(
            max_length=32, description="addresses or names of interfaces for that; empty means all"
        ),
    ] = ()
    tailscale: Annotated[
        bool, Meta(description="ask the tailscale program of this machine for others that are on")
    ] = True
    seeds: Annotated[
        tuple[str, ...],
        Meta(max_length=64, description="where other nodes are: HOST, HOST:PORT or [IPV6]:PORT"),
    ] = ()


class Settings(Section, frozen=True):
    """All sections of a profile."""

    profile: str
    node: NodeSettings = NodeSettings()
    worker: WorkerSettings = WorkerSettings()
    pipeline: PipelineSettings = PipelineSettings()
    promotion: PromotionSettings = PromotionSettings()
    http: HttpSettings = HttpSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    peers: PeersSettings = PeersSettings()


SECTIONS: dict[str, type[Section]] = {
    "node": NodeSettings,
    "worker": WorkerSettings,
    "pipeline": PipelineSettings,
    "promotion": PromotionSettings,
    "http": HttpSettings,
    "discovery": DiscoverySettings,
    "peers": PeersSettings,
}


def profiles_directories() -> tuple[Path, ...]:
    """Return where shipped profiles may lie: inside the wheel, or beside a checkout's package."""
    package = Path(__file__).resolve().parents[2]
    return (package / "profiles", package.parent / "profiles")


def profile_path(profile: str) -> Path:
    """Find a profile by name (``laptop``) or by path (``my/own.toml``)."""
    if profile.endswith(".toml"):
        path = Path(profile)
        if not path.is_file():
            raise SettingsError(f"the profile {profile} does not exist; give the path of a file")
        return path
    found = {p.stem: p for d in reversed(profiles_directories()) for p in sorted(d.glob("*.toml"))}
    if profile not in found:
        known = ", ".join(sorted(found)) or "none at all"
        raise SettingsError(
            f"there is no profile {profile!r}; known are {known}, or give a path ending in .toml"
        )
    return found[profile]


def load_settings(profile: str | Path, env: Mapping[str, str]) -> Settings:
    """Read a profile, then apply `env` (``RINGRIFT_HTTP_PORT=…``).

    Raises `SettingsError` with one sentence.
    """
    path = profile_path(str(profile))
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the profile {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: not TOML of ours: it is nested too deeply") from error
    sections = _sections_of(path, text, table)
    for section, field, value, origin in _env_fields(env):
        sections[section][field] = (value, origin, True)
    built: dict[str, Section] = {
        name: _build(SECTIONS[name], name, fields) for name, fields in sections.items()
    }
    settings = msgspec.convert(
        {"profile": path.stem, **{k: msgspec.to_builtins(v) for k, v in built.items()}}, Settings
    )
    _check_together(settings, partial(_origin, sections, str(path)))
    return settings


_Given = dict[str, tuple[object, str, bool]]
"""Fields as given: value, where it was given, and whether it is text that still needs parsing."""


def _origin(sections: Mapping[str, _Given], profile: str, section: str, *fields: str) -> str:
    """Say where the first of these fields was given that did not come from the profile.

    The profile is named when none was: what a variable spoilt must not be blamed on a file.
    """
    origins = [sections[section][field][1] for field in fields if field in sections[section]]
    origins.sort(key=lambda origin: origin.startswith(f"{profile}:"))
    return origins[0] if origins else profile


def _sections_of(path: Path, text: str, table: Mapping[str, object]) -> dict[str, _Given]:
    sections: dict[str, _Given] = {name: {} for name in SECTIONS}
    for section, fields in table.items():
        where = f"{path}:{_line_of(text, section, None)}"
        if section not in SECTIONS:
            raise SettingsError(
                f"{where}: unknown section {section!r}{_nearest(section, SECTIONS)}"
            )
        if not isinstance(fields, dict):
            raise SettingsError(f"{where}: {section} must be a section; write [{section}]")
        for field, value in typing.cast("dict[str, object]", fields).items():
            place = f"{path}:{_line_of(text, section, field)}"
            _require_known(section, field, place)
            sections[section][field] = (value, place, False)
    return sections


def _env_fields(env: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    known = {
        f"{ENV_PREFIX}{section}_{field}".upper(): (section, field)
        for section, kind in SECTIONS.items()
        for field in kind.__struct_fields__
    }
    found: list[tuple[str, str, str, str]] = []
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX):
            continue
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.85)
            hint = f"did you mean {close[0]}?" if close else "docs/settings.md lists all there are"
            raise SettingsError(f"unknown variable {name}; {hint}")
        section, field = known[name]
        found.append((section, field, env[name], f"variable {name}"))
    return found


def _require_known(section: str, field: str, where: str) -> None:
    if section not in SECTIONS:
        raise SettingsError(f"{where}: unknown section {section!r}{_nearest(section, SECTIONS)}")
    fields = SECTIONS[section].__struct_fields__
    if field not in fields:
        raise SettingsError(
            f"{where}: unknown field {field!r} in [{section}]{_nearest(field, fields)}"
        )


def _nearest(wrong: str, valid: typing.Iterable[str]) -> str:
    names = sorted(valid)
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid are {', '.join(names)}"


def _line_of(text: str, section: str, field: str | None) -> int:
    """Return the line on which a section or field of this (valid) TOML text is written."""
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([A-Za-z0-9_.\"-]+)\s*\]", line)
        if header:
            current = header.group(1).strip('"')
            if field is None and current == section:
                return number
            continue
        key = re.match(r"\s*([A-Za-z0-9_.\"-]+)\s*=", line)
        if key is None:
            continue
        name = key.group(1).strip('"')
        if field is None and current == "" and name.split(".")[0] == section:
            return number
        if field is not None and (current, name) == (section, field):
            return number
    return 1


def _build(kind: type[Section], section: str, given: _Given) -> Section:
    values: dict[str, object] = {}
    for field, (value, where, is_text) in given.items():
        hint = typing.get_type_hints(kind, include_extras=True)[field]
        try:
            if is_text:
                value = _parse_text(hint, str(value))
            values[field] = msgspec.convert(value, hint, strict=not is_text)
        except msgspec.ValidationError as error:
            reason = str(error).replace(" - at `$", f" - at `{field}").replace("`", "")
            valid = _choices(hint) if reason.startswith("Invalid enum value") else ()
            hinted = f"{reason}; valid are {', '.join(valid)}" if valid else reason
            raise SettingsError(f"{where}: [{section}] {field}: {hinted}") from error
    return kind(**values)


def _choices(hint: object) -> tuple[str, ...]:
    """Return the words that a type allows, wherever in it they are listed."""
    if typing.get_origin(hint) is Literal:
        return tuple(map(str, typing.get_args(hint)))
    return tuple(word for inner in typing.get_args(hint) for word in _choices(inner))


def _parse_text(hint: object, text: str) -> object:
    """Split the text of a variable at commas where the field is a list."""
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    if typing.get_origin(inner) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _check_together(settings: Settings, origin: Callable[..., str]) -> None:
    """Refuse fields that are right alone and wrong together, each where it was given."""
    tiers = settings.node.memory_tiers
    if list(tiers) != sorted(set(tiers)):
        where = origin("node", "memory_tiers")
        raise SettingsError(f"{where}: [node] memory_tiers: must rise from tier to tier")
    if settings.http.port == settings.http.sentinel_port:
        where = origin("http", "sentinel_port", "port")
        raise SettingsError(f"{where}: [http] sentinel_port: must differ from port")
    if settings.peers.port in (settings.http.port, settings.http.sentinel_port):
        where = origin("peers", "port")
        raise SettingsError(f"{where}: [peers] port: must differ from the ports of [http]")
    pipeline = settings.pipeline
    for kind in ("full", "cheap"):
        considered: int = getattr(pipeline, f"{kind}_considered")
        if considered > getattr(pipeline, f"{kind}_simulations"):
            where = origin("pipeline", f"{kind}_considered", f"{kind}_simulations")
            raise SettingsError(
                f"{where}: [pipeline] {kind}_considered: must not exceed {kind}_simulations"
            )
    for section, field, names in (
        ("pipeline", "configs", pipeline.configs),
        ("worker", "kinds", settings.worker.kinds),
    ):
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            where = origin(section, field)
            raise SettingsError(f"{where}: [{section}] {field}: names {twice[0]} more than once")
