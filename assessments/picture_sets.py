"""Which pictures one run of an attack has, in the order they are looked at."""

from __future__ import annotations

from assessments.picture_roc import roc
from assessments.pictures import Picture, Results, Run, access_ladder, three_guesses, withheld_gallery


def pictures_of_run(results: Results, run: Run) -> tuple[Picture, ...]:
    """The pictures one completed run has, none for a run that did not complete."""
    if run.get("status") != "completed":
        return ()
    if run["objective"] == "model_inversion":
        made: tuple[Picture | None, ...] = (access_ladder(results, run), withheld_gallery(results, run))
    else:
        made = (three_guesses(results, run), roc(results, run), access_ladder(results, run))
    return tuple(p for p in made if p is not None)
