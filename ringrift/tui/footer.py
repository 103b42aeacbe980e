"""The bottom line: the registry's keys, as many as fit, by rank; each can be clicked."""

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from ringrift.tui.registry import ACTIONS, Action, allowed, key_name


def shown(width: int, *, readonly: bool, screen: str = "overview") -> list[Action]:
    """The actions whose keys fit into `width`, in the registry's order.

    What is done to members comes right after help and leaving where members are looked at.
    """
    first = ("voter", "member") if screen == "members" else ()
    ranked = [a for a in ACTIONS if a.footer and allowed(a, readonly=readonly)]
    kept: set[str] = set()
    room = width
    for action in sorted(ranked, key=lambda a: (a.footer > 2 and a.target not in first, a.footer)):
        room -= len(key_name(action)) + len(action.title) + 3
        if room < 0:
            break
        kept.add(action.verb)
    return [action for action in ranked if action.verb in kept]


class Footer(Widget):
    """What can be pressed here."""

    def __init__(self, *, readonly: bool) -> None:
        super().__init__(id="footer")
        self._readonly = readonly
        self._screen_name = "overview"

    def show(self, screen: str) -> None:
        """Draw the keys for this screen from now on."""
        self._screen_name = screen
        self.refresh()

    def _shown(self) -> list[Action]:
        return shown(self.size.width, readonly=self._readonly, screen=self._screen_name)

    def render(self) -> RenderResult:
        line = Text(no_wrap=True)
        for action in self._shown():
            click = Style.from_meta({"@click": f"app.run('{action.verb}')"})
            line.append(f" {key_name(action)}", Style(bold=True, reverse=False) + click)
            line.append(f" {action.title} ", Style(dim=True) + click)
        return line
