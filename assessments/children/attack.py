"""The attack child: holds the submitted model and the attacker's views, never the truth. `python -m assessments.children.attack`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from assessments.children.loop import serve
from attacks.access import Access, Budget, Metered, Objective, Remembering
from attacks.errors import ModelProblem
from attacks.evaluate import ask_blocks, ruled_out
from attacks.exchange import BACKGROUND, BLOCK_FILE, load_view, read_block, save_parts
from attacks.registry import attack_called
from attacks.settings import Settings

VIEWS = {
    Objective.ATTRIBUTE_INFERENCE: "AttributeView",
    Objective.MEMBERSHIP_INFERENCE: "MembershipView",
    Objective.MODEL_INVERSION: "InversionView",
    Objective.DISPARITY: "SelectionView",
}


class AttackChild:
    def __init__(self) -> None:
        self.target: Remembering | None = None

    def load(self, *, path: str, progress: Any) -> dict[str, Any]:
        """Open the model; its facts for the registry."""
        from attacks.targets.load import load_model, model_format

        found = model_format(Path(path))
        if found == "skops":
            _import_skops()
        target = load_model(Path(path))
        self.target = Remembering(target)
        columns = getattr(target, "columns", None)
        return {
            "format": found,
            "algorithm": target.algorithm,
            "classes": [c if isinstance(c, str | int | float | bool) else str(c) for c in target.classes],
            "inputs": list(columns) if columns else [],
            "access": target.access.word,
            "refuses": ruled_out(Metered(target, target.access)),
        }

    def try_on(self, *, folder: str, progress: Any) -> dict[str, Any]:
        """Do these records fit the model, are its answers answers, and does it answer alike twice? Asks about at most 100 of them."""
        first = min(Path(folder).iterdir())
        view = load_view(_view_class(Objective.DISPARITY), first)
        target = self._loaded()
        check = getattr(target.target, "check_columns", None)
        if check is not None and hasattr(view.records, "columns"):
            check(view.records.columns, "The data")
        few = view.records[:100]
        metered = Metered(target.target, target.access)
        metered.predict_proba(few) if target.access >= Access.SCORES else metered.predict(few)
        return {"deterministic": target.check(few)}

    def ask(
        self,
        *,
        attack: str,
        params: dict[str, Any],
        feature: str | None,
        granted: str,
        budget: int | None,
        settings: dict[str, Any],
        views: str,
        out: str,
        progress: Any,
    ) -> dict[str, Any]:
        """Run one attack over the blocks in `views` and its seeds; write the guesses about them to `out`."""
        made: Any = attack_called(attack)(**params)
        objective = made.threat_model.objective
        folders = sorted(place.parent for place in Path(views).glob(f"*/*/{BLOCK_FILE}"))
        background = _background(objective, Path(views) / BACKGROUND)
        pieces = ((read_block(folder), load_view(_view_class(objective), folder, background)) for folder in folders)
        parts, queries = ask_blocks(
            made,
            self._loaded(),
            pieces,
            len(folders),
            feature=feature,
            granted=Access.from_word(granted),
            budget=Budget(budget),
            settings=Settings(**settings),
            progress=lambda done, steps, asked: progress(done=done, steps=steps, queries=asked),
        )
        save_parts(parts, Path(out))
        return {"queries": queries}

    def disclose(self, *, folder: str, out: str, progress: Any) -> dict[str, Any]:
        """The model's answers about the whole records of every arm in `folder`, as somebody may have seen them before."""
        from attacks.attribute_inference.disclosure import answers

        target, found = self._loaded().target, {}
        for place in sorted(Path(folder).glob("*/*")):
            block = read_block(place)
            said = answers(target, load_view(_view_class(Objective.DISPARITY), place).records)
            found[f"{block.arm}/{block.number:05d}/scores"], found[f"{block.arm}/{block.number:05d}/labels"] = said.scores, said.labels
        np.savez_compressed(out, **found)  # type: ignore[arg-type]
        return {}

    def _loaded(self) -> Remembering:
        if self.target is None:
            raise ModelProblem("No model is loaded.")
        return self.target


def _import_skops() -> None:
    """skops visits every package of scikit-learn, one of which loads torch: three seconds no scikit-learn model needs."""
    hidden = "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None  # type: ignore[assignment]  # an import finds that there is none
    try:
        import_module("skops.io")
    finally:
        if hidden:
            del sys.modules["torch"]


def _view_class(objective: Objective) -> Any:
    return getattr(import_module(f"attacks.{objective.value}.view"), VIEWS[objective])


def _background(objective: Objective, folder: Path) -> Any:
    """What the attacker holds for all records alike; None where that is nothing."""
    if not folder.is_dir():
        return None
    return load_view(import_module(f"attacks.{objective.value}.view").Background, folder)


if __name__ == "__main__":
    child = AttackChild()
    serve({"load": child.load, "try_on": child.try_on, "disclose": child.disclose, "ask": child.ask})
