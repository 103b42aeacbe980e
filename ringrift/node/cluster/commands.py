"""Everything that can be decided: the tagged union of commands, and its bounded encoding.

A command says what should be, with whatever it is conditional on; whether it still applies is for
`ClusterState.apply` to say. An unknown command or field means that a newer version wrote the log:
decoding raises and the node stops applying.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.node.cluster.models import Verdict
from ringrift.node.cluster.shards import ShardFacts
from ringrift.node.cluster.work import Kind, Outcome, Payload
from ringrift.wire.job import ConfigName, Sha256
from ringrift.wire.log import MAX_COMMAND_BYTES

NodeId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Index = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
Version = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class CommandError(ValueError):
    """A command that cannot be logged or read; one sentence that says why."""


class _Command(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"
):
    pass


class Blank(_Command, frozen=True, tag="blank"):
    """Nothing: a new leader's first entry, by which it learns what is committed."""


class ChangeVoters(_Command, frozen=True, tag="change_voters"):
    """Let those whom the entry itself names (`Entry.voters`) decide from now on.

    Consensus obeys an entry's voters before it is applied; the state only records them. Outside any
    session it needs none.
    """


class OpenSession(_Command, frozen=True, tag="open_session"):
    """Open a session for commands of `owner` in its life number `boot`.

    Ends the sessions of the owner's earlier boots. Answers `SessionOpened`. Needs no session.
    """

    owner: NodeId
    boot: Index


class ExpireSession(_Command, frozen=True, tag="expire_session"):
    """End a session unless it ran anything after `last_index`, what the leader saw when judging."""

    session: Index
    last_index: Index


class JoinMember(_Command, frozen=True, tag="join_member"):
    """A node says that it is up. A higher `boot` returns the claims of its earlier lives unhurt."""

    node: NodeId
    name: NodeId
    boot: Index
    version: Version


class SetNodeMode(_Command, frozen=True, tag="set_node_mode"):
    """Desired mode of a node: draining hands in and claims nothing more."""

    node: NodeId
    mode: Literal["active", "draining"]


class RestartNode(_Command, frozen=True, tag="restart_node"):
    """Raise the node's restart generation; the node ends when it sees one above its own."""

    node: NodeId


class SetConfigMode(_Command, frozen=True, tag="set_config_mode"):
    """Desired mode of a configuration, which is added to the state when it is new."""

    config: ConfigName
    mode: Literal["active", "paused"]


class AddWork(_Command, frozen=True, tag="add_work"):
    """Queue one item. Answers `Queued`.

    Refused: a second open training item of a config; a second open or finished match of the same
    (candidate, opponent); an unknown network or shard; a full queue.
    """

    config: ConfigName
    payload: Payload
    priority: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)]
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=7 * 86_400)]


class ClaimWork(_Command, frozen=True, tag="claim_work"):
    """Claim up to `slots` items of `kinds`, highest priority first. Answers `Claimed`."""

    node: NodeId
    boot: Index
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1, max_length=8)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=256)]


class CompleteWork(_Command, frozen=True, tag="complete_work"):
    """Hand in a claimed item's outcome; it publishes the model or records the match.

    Repeating it with the same claim answers the same and changes nothing.
    """

    item: Index
    claim: Index
    outcome: Outcome


class ReturnWork(_Command, frozen=True, tag="return_work"):
    """Give a claimed item back unhurt (a drain, a stop): the attempt does not count."""

    item: Index
    claim: Index
    reason: Reason


class FailWork(_Command, frozen=True, tag="fail_work"):
    """Give a claimed item back failed: pending again, or failed for good after `max_attempts`."""

    item: Index
    claim: Index
    reason: Reason


class ExpireClaim(_Command, frozen=True, tag="expire_claim"):
    """End a claim whose lease ran out in the leader's memory; otherwise like `FailWork`."""

    item: Index
    claim: Index


class CancelWork(_Command, frozen=True, tag="cancel_work"):
    """Cancel an item, pending or claimed; the claiming node sees it and stops its child."""

    item: Index


class EvictWork(_Command, frozen=True, tag="evict_work"):
    """Forget ended items; those unknown or still live are left alone."""

    items: Annotated[tuple[Index, ...], msgspec.Meta(min_length=1, max_length=512)]


class RegisterShard(_Command, frozen=True, tag="register_shard"):
    """Put a finished shard into the index. Answers `ShardKept`.

    Games are never thrown away: a claim that is no longer current makes the shard late, no more.
    Refused: a range of (run id, n) that overlaps another shard's. The same shard again is kept.
    """

    item: Index
    claim: Index
    shard: ShardFacts


class SetGenerator(_Command, frozen=True, tag="set_generator"):
    """Let selfplay of `config` use `model` from the next claim on."""

    config: ConfigName
    model: Sha256
    reason: Reason


class Promote(_Command, frozen=True, tag="promote"):
    """Make `model` champion of its config; refused unless `verdict.against` is the champion now."""

    config: ConfigName
    model: Sha256
    verdict: Verdict


class Reject(_Command, frozen=True, tag="reject"):
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
    | SetNodeMode
    | RestartNode
    | SetConfigMode
    | AddWork
    | ClaimWork
    | CompleteWork
    | ReturnWork
    | FailWork
    | ExpireClaim
    | CancelWork
    | EvictWork
    | RegisterShard
    | SetGenerator
    | Promote
    | Reject
)

_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)


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


def clipped(text: str) -> Reason:
    """`text` cut to what a `reason` may hold, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 500 else line[:499] + "…"
