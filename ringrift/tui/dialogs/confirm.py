"""The question before anything that acts."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label


class Confirm(ModalScreen[bool]):
    """Asks; True only when the operator says so. Doing nothing is the default.

    With `typed`, saying so is to type these words: no single key does it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
        Binding("left,right,up,down", "app.focus_next", "other", show=False),
    ]

    def __init__(self, question: str, verb: str, *, danger: bool, typed: str = "") -> None:
        super().__init__()
        self._question = question
        self._verb = verb
        self._danger = danger
        self._typed = typed

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm", classes="dialog -danger" if self._danger else "dialog"):
            yield Label(self._question, markup=False)
            if self._typed:
                words = f"type {self._typed} and enter; esc leaves it"
                yield Input(placeholder=words, id="name", compact=True)
                return
            with Horizontal():
                yield Button("no (n)", id="no", compact=True)
                kind = "error" if self._danger else "success"
                yield Button(f"{self._verb} (y)", id="yes", compact=True, variant=kind)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._typed:
            self.dismiss(True)
        else:
            self.notify(f"not done: {event.value!r} is not {self._typed}", severity="warning")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
