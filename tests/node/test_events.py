"""Every event has somebody who writes it and somebody who reads it; none goes into the void."""

import typing
from pathlib import Path

import msgspec
import pytest

import ringrift.node
from ringrift.node.data.history import event_name
from ringrift.wire import events as e

NODE = Path(ringrift.node.__file__).parent

TABLE: dict[type[e.Event], tuple[str, str]] = {
    e.NodeStarted: ("cluster/members.py", "operators"),
    e.NodeModeChanged: ("cluster/members.py", "operators"),
    e.NodeRestartRequested: ("cluster/members.py", "operators"),
    e.NodeCircuitsReset: ("cluster/members.py", "operators"),
    e.MemberAdmitted: ("cluster/members.py", "operators"),
    e.MemberRevoked: ("cluster/members.py", "operators"),
    e.MemberRoleChanged: ("cluster/members.py", "operators"),
    e.TimingChanged: ("cluster/charter.py", "operators"),
    e.TransferRequested: ("cluster/charter.py", "operators"),
    e.FormatRaised: ("cluster/charter.py", "operators"),
    e.VotersChanged: ("cluster/transitions/members.py", "operators"),
    e.ConfigModeChanged: ("cluster/configs.py", "operators"),
    e.WorkQueued: ("cluster/queue.py", "operators"),
    e.WorkClaimed: ("cluster/transitions/claims.py", "operators"),
    e.WorkCompleted: ("cluster/queue.py", "operators"),
    e.WorkReturned: ("cluster/queue.py", "operators"),
    e.WorkFailed: ("cluster/queue.py", "operators"),
    e.WorkCancelled: ("cluster/queue.py", "operators"),
    e.WorkReleased: ("cluster/queue.py", "operators"),
    e.ShardRegistered: ("cluster/shards.py", "data/recorder.py"),
    e.ModelPublished: ("cluster/models.py", "net/stages.py"),
    e.EvaluationCompleted: ("cluster/models.py", "net/stages.py"),
    e.GeneratorChanged: ("cluster/transitions/models.py", "operators"),
    e.ModelPromoted: ("cluster/transitions/models.py", "net/stages.py"),
    e.PromotionRejected: ("cluster/transitions/models.py", "net/stages.py"),
    e.LoopFailed: ("app.py", "operators"),
    e.EventLoopBlocked: ("app.py", "operators"),
}
"""Event: the module of the node that writes it, and the module that acts on it or shows it.

"operators" are people: every event is recorded by data/recorder.py and shown by GET /events.
"""


def test_the_table_names_every_event() -> None:
    assert TABLE.keys() == set(typing.get_args(e.AnyEvent))


@pytest.mark.parametrize("event", TABLE)
def test_every_event_is_written_and_read_where_the_table_says(event: type[e.Event]) -> None:
    writer, reader = TABLE[event]
    assert f"{event.__name__}(" in (NODE / writer).read_text()
    if reader != "operators":
        source = (NODE / reader).read_text()
        assert event.__name__ in source or f'"{event.__struct_config__.tag}"' in source


@pytest.mark.parametrize("event", TABLE)
def test_every_event_tells_itself_in_one_sentence(event: type[e.Event]) -> None:
    values = {"str": "x" * 64, "int": 3, "float": 1.5, "tuple": ("x" * 64, "y")}
    fields = {f.name: values[f.type.__name__] for f in msgspec.structs.fields(event)}
    made = event(**fields)
    assert isinstance(made, e.AnyEvent)
    assert "\n" not in made.summary()
    assert event_name(made) == event_name(made).upper()
