"""The one error the engine raises for bad input."""


class EngineError(ValueError):
    """Bad input to the engine: one sentence that names the field and what would be right."""


def shown(given: str, most: int = 40) -> str:
    """Quote what was given, cut where it is longer than anybody reads."""
    return repr(given if len(given) <= most else given[: most - 3] + "...")
