"""Everything that can be decided: the tagged union of commands, and its bounded encoding.

A command says what should be, with whatever it is conditional on; whether it still applies is for
`ClusterState.apply` to say. An unknown command or field means that a newer version wrote the log:
decoding raises and the node stops applying. What operators ask for is in `operations`.
"""

from functools import cache
from typing import Annotated

import msgspec

from ringrift.node.cluster.command import Actor, CommandBase, Index, NodeId, Operation, Reason
from ringrift.node.cluster.members import Life
from ringrift.node.cluster.models import Verdict
from ringrift.node.cluster.operations import (
    AdmitMember,
    CancelWork,
    ChangeRole,
    CreateToken,
    ExpireToken,
    RaiseFormat,
    ResetCircuits,
    RestartNode,
    RetryWork,
    RevokeMember,
    SetConfigMode,
    SetNodeMode,
    SetTiming,
    TransferLeadership,
)
from ringrift.node.cluster.shards import ShardFacts
from ringrift.node.cluster.work import MAX_DEPENDENCIES, Count, Kind, Needs, Outcome, Payload
from ringrift.wire.job import ConfigName, Sha256
from ringrift.wire.log import MAX_COMMAND_BYTES


class CommandError(ValueError):
    """A command that cannot be logged or read; one sentence that says why."""


class Blank(CommandBase, frozen=True, tag="blank"):
    """Nothing: a new leader's first entry, by which it learns what is committed."""


class ChangeVoters(CommandBase, frozen=True, tag="change_voters"):
    """Let those whom the entry itself names (`Entry.voters`) decide from now on.

    Consensus obeys an entry's voters before it is applied; the state only records them. Outside any
    session it needs none. `by` is the operator who asked for it, None when no person did.
    """

    by: Actor | None = None


class OpenSession(CommandBase, frozen=True, tag="open_session"):
    """Open a session for commands of `owner` in its life number `boot`.

    Ends the sessions of the owner's earlier boots. Answers `SessionOpened`. Needs no session.
    """

    owner: NodeId
    boot: Index


class ExpireSession(CommandBase, frozen=True, tag="expire_session"):
    """End a session unless it ran anything after `last_index`, what the leader saw when judging."""

    session: Index
    last_index: Index


class JoinMember(CommandBase, frozen=True, tag="join_member"):
    """A node says that it is up, or anew what it says of itself in this life.

    `key` is the sha256 of the key (SPKI) it is known by, None where nobody has one; that of the
    first member of all is taken as it is. A new life returns the claims of its earlier ones unhurt.
    Refused: a life that is over, a second process in the same life, whoever was never admitted or
    has another key, a version that does not understand the state's format, anchors that cannot be.
    """

    node: NodeId
    name: NodeId
    life: Life
    key: Sha256 | None = None


class AddWork(CommandBase, frozen=True, tag="add_work"):
    """Queue one item. Answers `Queued`.

    It can be claimed once every item of `depends_on` is completed, by nodes that have what it
    `needs`; by `target` alone if one is named. `by` is the operator who asked for it, None when the
    leader's controllers did. Refused: a second open training item of a config; a second open or
    finished match of the same (candidate, opponent); an unknown network, shard or dependency; a
    full queue, or too many pending of its kind.
    """

    config: ConfigName
    payload: Payload
    priority: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)]
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=7 * 86_400)]
    needs: Needs = Needs()
    depends_on: Annotated[tuple[Index, ...], msgspec.Meta(max_length=MAX_DEPENDENCIES)] = ()
    target: NodeId | None = None
    by: Actor | None = None


class ClaimWork(CommandBase, frozen=True, tag="claim_work"):
    """Claim up to `slots` items of `kinds`, highest priority first. Answers `Claimed`."""

    node: NodeId
    boot: Index
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1, max_length=8)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=256)]


class CompleteWork(CommandBase, frozen=True, tag="complete_work"):
    """Hand in a claimed item's outcome; it publishes the model or records the match.

    Repeating it with the same claim answers the same and changes nothing.
    """

    item: Index
    claim: Index
    outcome: Outcome


class ReturnWork(CommandBase, frozen=True, tag="return_work"):
    """Give a claimed item back unhurt (a drain, a stop): the attempt does not count."""

    item: Index
    claim: Index
    reason: Reason


class FailWork(CommandBase, frozen=True, tag="fail_work"):
    """Give a claimed item back failed: pending again, or failed for good after `max_attempts`.

    The node that failed it does not get it again while another member can do it.
    """

    item: Index
    claim: Index
    reason: Reason


class ExpireClaim(CommandBase, frozen=True, tag="expire_claim"):
    """End a claim whose lease ran out in the leader's memory; otherwise like `FailWork`."""

    item: Index
    claim: Index


class ReapClaim(CommandBase, frozen=True, tag="reap_claim"):
    """End a claim that was worked on for longer than its item's timeout; else like `FailWork`."""

    item: Index
    claim: Index


class ReleaseWork(CommandBase, frozen=True, tag="release_work"):
    """Drop a pending item's target and exclusions: whom they favour does not come for it."""

    item: Index


class EvictWork(CommandBase, frozen=True, tag="evict_work"):
    """Forget ended items; those unknown or still live are left alone."""

    items: Annotated[tuple[Index, ...], msgspec.Meta(min_length=1, max_length=512)]


class RegisterShard(CommandBase, frozen=True, tag="register_shard"):
    """Put a finished shard into the index. Answers `ShardKept`.

    Games are never thrown away: a claim that is no longer current makes the shard late, no more.
    Item and claim 0 are those of games that a node played by itself while nobody led. Refused: a
    range of (run id, n) that overlaps another shard's. The same shard again is kept.
    """

    item: Count
    claim: Count
    shard: ShardFacts


class SetGenerator(CommandBase, frozen=True, tag="set_generator"):
    """Let selfplay of `config` use `model` from the next claim on."""

    config: ConfigName
    model: Sha256
    reason: Reason


class Promote(CommandBase, frozen=True, tag="promote"):
    """Make `model` champion of its config; refused unless `verdict.against` is the champion now."""

    config: ConfigName
    model: Sha256
    verdict: Verdict


class Reject(CommandBase, frozen=True, tag="reject"):
    """Record that `model` did not pass ("rejected") or will not be judged ("undecided")."""

    config: ConfigName
    model: Sha256
    verdict: Verdict


Command = (
    Blank
    | ChangeVoters
    | OpenSession
    | ExpireSession
    | JoinMember
    | CreateToken
    | ExpireToken
    | AdmitMember
    | RevokeMember
    | ChangeRole
    | SetTiming
    | TransferLeadership
    | RaiseFormat
    | SetNodeMode
    | RestartNode
    | ResetCircuits
    | SetConfigMode
    | AddWork
    | ClaimWork
    | CompleteWork
    | ReturnWork
    | FailWork
    | ExpireClaim
    | ReapClaim
    | ReleaseWork
    | CancelWork
    | RetryWork
    | EvictWork
    | RegisterShard
    | SetGenerator
    | Promote
    | Reject
)

_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_fields_of = cache(msgspec.structs.fields)  # every voter describes each command of operators


def encode_command(command: Command) -> bytes:
    """The bytes that go into the log; raises CommandError when anything in it is out of bounds.

    Encoding alone checks nothing, so the bytes are read back: what cannot be read must never be
    logged, since every node would stop at it.
    """
    data = _encoder.encode(command)
    if len(data) > MAX_COMMAND_BYTES:
        raise CommandError(
            f"{type(command).__name__} has {len(data)} bytes; {MAX_COMMAND_BYTES} is the most."
        )
    decode_command(data)
    return data


def decode_command(data: bytes) -> Command:
    """The command in those bytes; raises CommandError when it is unknown or out of bounds."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"A command cannot be read: {error}.") from error


def actor_of(command: Command) -> Actor | None:
    """Who asked for what leaves a line in the audit; None for all that runs by itself."""
    match command:
        case Operation(by=by) | AddWork(by=by) | ChangeVoters(by=by):
            return by
        case _:
            return None


def described(command: Command) -> str:
    """A command as one line: its name and what it says that is not usual, hashes cut short."""
    fields = [
        f"{field.name}={_short(value)}"
        for field in _fields_of(type(command))
        if field.name != "by" and (value := getattr(command, field.name)) != field.default
    ]
    return " ".join([str(command.__struct_config__.tag), *fields])


def _short(value: object) -> str:
    if isinstance(value, msgspec.Struct):
        return str(value.__struct_config__.tag or value)
    text = str(value)
    return text[:12] if len(text) == 64 else text


def clipped(text: str) -> Reason:
    """`text` cut to what a `reason` may hold, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 500 else line[:499] + "…"
