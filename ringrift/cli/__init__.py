"""The command line: one file a verb or a small family of verbs, loaded when it is used.

`main` names every verb and its one line of help without importing it; a verb's own module imports
what is heavy (Textual, the engine, the node) inside its functions. Failures end in one sentence on
stderr: exit 2 when the request was wrong, 1 when it could not be met.
"""
