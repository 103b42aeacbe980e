"""The one error the engine raises for bad input."""


class EngineError(ValueError):
    """Bad input to the engine: one sentence that names the field and what would be right."""
