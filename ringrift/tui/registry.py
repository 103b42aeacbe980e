"""Everything an operator can do in the cockpit, as one table.

Keys, footer, help, palette, confirmations and read-only mode all come from `ACTIONS`; a test walks
it. An action with `request` changes desired state through the node's log; the others only move the
view, by a method `do_<verb>` of the app.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ringrift.wire.actions import (
    ActionRequest,
    CancelWork,
    ChangeRole,
    RestartNode,
    RetryWork,
    RevokeMember,
    SetConfigMode,
    SetNodeMode,
    TransferLeadership,
)

Target = Literal["none", "node", "voter", "member", "config", "work"]


@dataclass(frozen=True, slots=True)
class Action:
    """One verb. `{target}` in `confirm` stands for the name of what is selected.

    A target "voter" may also be whoever can, with the key "". With `typed` the operator confirms by
    typing the target's name: what cannot be made good again is not done by a single key. `footer`
    is its rank at the bottom of the screen (1 stays longest where it is narrow, 0: not).
    """

    verb: str
    key: str
    title: str
    description: str
    target: Target = "none"
    danger: bool = False
    typed: bool = False
    confirm: str = ""
    footer: int = 0
    request: Callable[[str], ActionRequest] | None = None


ACTIONS: tuple[Action, ...] = (
    Action("help", "question_mark", "help", "List every action; enter runs it.", footer=1),
    Action("command", "colon", "command", "Type an action's name, e.g. `drain`.", footer=3),
    Action("overview", "1", "overview", "Stages, work, configurations, nodes, loops."),
    Action("models", "2", "models", "Every network: Elo, matches, verdict."),
    Action("events", "3", "events", "What happened, newest last."),
    Action("members", "4", "members", "Leader, quorum, who belongs, who votes."),
    Action("filter", "slash", "filter", "Show only events that contain these words.", footer=5),
    Action("clear", "escape", "clear", "Drop the filter and the faults-only view."),
    Action("faults", "f", "faults", "Show only what is failing, or all again.", footer=9),
    Action("describe", "enter", "describe", "Every figure of the selected line."),
    Action(
        "drain",
        "d",
        "drain",
        "Claim no more; children hand in what they have.",
        target="node",
        danger=True,
        confirm="Drain {target}? Its children hand in what they have and it claims nothing more "
        "until it is undrained.",
        footer=4,
        request=lambda node: SetNodeMode(node=node, mode="draining"),
    ),
    Action(
        "undrain",
        "u",
        "undrain",
        "Let the node claim work again.",
        target="node",
        confirm="Undrain {target}? It claims work again.",
        footer=7,
        request=lambda node: SetNodeMode(node=node, mode="active"),
    ),
    Action(
        "restart",
        "r",
        "restart",
        "End it cleanly; its sentinel starts it anew.",
        target="node",
        danger=True,
        confirm="Restart {target}? Its children hand in what they have, the process ends and its "
        "sentinel starts it anew; this view reconnects.",
        footer=6,
        request=lambda node: RestartNode(node=node),
    ),
    Action(
        "pause",
        "p",
        "pause",
        "No new work for the selected configuration.",
        target="config",
        danger=True,
        confirm="Pause {target}? Running items finish; no new work is made for it.",
        footer=8,
        request=lambda config: SetConfigMode(config=config, mode="paused"),
    ),
    Action(
        "resume",
        "c",
        "resume",
        "Make work for the selected configuration again.",
        target="config",
        confirm="Resume {target}? Work is made for it again.",
        footer=10,
        request=lambda config: SetConfigMode(config=config, mode="active"),
    ),
    Action(
        "cancel",
        "x",
        "cancel work",
        "Cancel the selected work item.",
        target="work",
        danger=True,
        confirm="Cancel work item #{target}? If a child works on it, the child is stopped.",
        request=lambda item: CancelWork(item=int(item)),
    ),
    Action(
        "retry",
        "t",
        "retry work",
        "Queue the selected failed or cancelled item anew.",
        target="work",
        confirm="Try work item #{target} again? It is queued anew, under a number of its own.",
        request=lambda item: RetryWork(item=int(item)),
    ),
    Action(
        "elect",
        "e",
        "elect",
        "Have the selected voter lead, or any that can.",
        target="voter",
        danger=True,
        confirm="Force an election? The leader hands over to {target}; nothing is decided for the "
        "moment that it takes.",
        footer=11,
        request=lambda voter: TransferLeadership(to=voter or None),
    ),
    Action(
        "voter",
        "v",
        "let vote",
        "Make the selected node voter-eligible.",
        target="member",
        confirm="Let {target} vote? It starts anew, and votes once the leader has a stream to it.",
        footer=12,
        request=lambda member: ChangeRole(member=member, role="voter"),
    ),
    Action(
        "node",
        "n",
        "plain node",
        "Take its vote from the selected node.",
        target="member",
        danger=True,
        confirm="Make {target} a plain node? It starts anew and works on, but votes and leads no "
        "more; the others decide without it.",
        footer=13,
        request=lambda member: ChangeRole(member=member, role="node"),
    ),
    Action(
        "revoke",
        "R",
        "revoke",
        "Turn the selected member away for good.",
        target="member",
        danger=True,
        typed=True,
        confirm="Turn {target} away for good? Its key is never let in again; its work goes back to "
        "the queue. One that votes must be made a plain node first.",
        footer=14,
        request=lambda member: RevokeMember(member=member),
    ),
    Action("quit", "q", "quit", "Leave the cockpit.", footer=2),
)

BY_VERB: dict[str, Action] = {action.verb: action for action in ACTIONS}
KEY_NAMES = {"question_mark": "?", "colon": ":", "slash": "/", "escape": "esc"}


def key_name(action: Action) -> str:
    """The key as it is written on a keyboard."""
    return KEY_NAMES.get(action.key, action.key)


def allowed(action: Action, *, readonly: bool) -> bool:
    """Whether the action may be used at all: a read-only cockpit only looks."""
    return not readonly or action.request is None


def found(typed: str, *, readonly: bool) -> list[Action]:
    """The actions that a typed command may mean: an exact verb first, then those containing it."""
    word = typed.strip().lower().split(" ")[0]
    usable = [action for action in ACTIONS if allowed(action, readonly=readonly)]
    hits = [action for action in usable if word in action.verb or word in action.title]
    return sorted(hits, key=lambda action: (action.verb != word, not action.verb.startswith(word)))
