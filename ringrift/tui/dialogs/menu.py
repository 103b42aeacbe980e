"""Help and palette: the registry as a menu that also executes."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from ringrift.tui.registry import ACTIONS, Action, allowed, found, key_name


def _option(action: Action, *, readonly: bool) -> Option:
    usable = allowed(action, readonly=readonly)
    line = Text(f"{key_name(action):>6}  ", "bold")
    line.append(f"{action.verb:<9} ", "bold" if usable else "dim")
    line.append(action.description if usable else "not in a read-only cockpit", "dim")
    return Option(line, id=action.verb, disabled=not usable)


class Menu(ModalScreen[str | None]):
    """Returns the verb that was chosen, or None. `typing` opens it as the command palette."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close"),
        Binding("down", "into_list", "list", show=False),
    ]

    def __init__(self, *, typing: bool, readonly: bool) -> None:
        super().__init__()
        self._typing = typing
        self._readonly = readonly

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="menu"):
            if self._typing:
                yield Input(placeholder="an action, e.g. drain", id="command", compact=True)
            else:
                yield Label("Keys and commands: enter runs the selected one, esc closes")
            actions = [_option(action, readonly=self._readonly) for action in ACTIONS]
            yield OptionList(*actions, compact=True)

    def on_mount(self) -> None:
        self.query_one(Input if self._typing else OptionList).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        hits = found(event.value, readonly=self._readonly)
        options.add_options(_option(action, readonly=self._readonly) for action in hits)
        options.highlighted = 0 if hits else None

    def on_input_submitted(self, event: Input.Submitted) -> None:
        hits = found(event.value, readonly=self._readonly)
        if hits:
            self.dismiss(hits[0].verb)
        else:
            self.notify(f"there is no action {event.value!r}", severity="warning")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_into_list(self) -> None:
        self.query_one(OptionList).focus()

    def action_close(self) -> None:
        self.dismiss(None)
