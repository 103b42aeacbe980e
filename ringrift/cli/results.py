"""`ringrift results`: match results that anybody can compute again."""

import sys
from pathlib import Path
from typing import Annotated

import cyclopts

app = cyclopts.App(name="results", help="Recompute stated figures from raw match results.")


@app.command
def verify(
    folder: Path,
    *,
    quiet: Annotated[bool, cyclopts.Parameter(name=["--quiet", "-q"], negative=())] = False,
) -> None:
    """Compute every figure of every summary below a folder again, and say which differ.

    Exits 0 when all are equal, 1 when one differs, 2 when a file is missing or cannot be used.

    Parameters
    ----------
    folder
        Holds raw matches with a summary.json in their folder or above.
    quiet
        Name only the figures that differ.
    """
    from ringrift.train.results import (
        SUMMARY,
        ResultsError,
        compare,
        read_folder,
        read_summary,
        summarise,
    )

    differing = 0
    try:
        raw = {folder / name for name in read_folder(folder)}
        for path in sorted(folder.rglob(SUMMARY)):
            stated, files = read_summary(path), read_folder(path.parent)
            raw -= {path.parent / name for name in files}
            figures = compare(stated, summarise(files, stated.anchor, stated.anchor_elo))
            wrong = [figure for figure in figures if not figure.equal]
            differing += len(wrong)
            for figure in wrong if quiet else figures:
                if figure.equal:
                    print(f"equal    {figure.path} = {figure.stated}")
                else:
                    print(
                        f"differs  {figure.path}: stated {figure.stated}, "
                        f"the raw matches give {figure.computed}"
                    )
            print(f"{path}: {len(figures) - len(wrong)} figures equal, {len(wrong)} differ")
        for path in sorted(raw):
            raise ResultsError(f"{path} has no {SUMMARY} in its folder or above.")
    except (ResultsError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    raise SystemExit(1 if differing else 0)


@app.command
def summarise(folder: Path, *, anchor: str = "heuristic-2", anchor_elo: float = 1200.0) -> None:
    """Write the summary.json of a folder: every figure that its raw matches give.

    Parameters
    ----------
    folder
        Holds raw matches (matches.jsonl or *.matches.jsonl), also in folders below.
    anchor
        The baseline that is rated `anchor_elo` on every config.
    anchor_elo
        Its rating.
    """
    from ringrift.train.results import SUMMARY, read_folder, write_summary
    from ringrift.train.results import summarise as summary_of

    try:
        write_summary(folder / SUMMARY, summary_of(read_folder(folder), anchor, anchor_elo))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(folder / SUMMARY)
