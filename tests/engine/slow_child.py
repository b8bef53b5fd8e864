"""The product's attack child around a model that takes its time, so that there is a moment in which it can be killed."""

from __future__ import annotations

import time
from typing import Any

from assessments.children.attack import AttackChild
from assessments.children.loop import serve

SECONDS = 0.4  # per batch of questions


class Slow:
    """The target, later."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def predict(self, X: Any) -> Any:
        time.sleep(SECONDS)
        return self._target.predict(X)

    def predict_proba(self, X: Any) -> Any:
        time.sleep(SECONDS)
        return self._target.predict_proba(X)


class SlowChild(AttackChild):
    def load(self, **arguments: Any) -> dict[str, Any]:
        told = super().load(**arguments)
        assert self.target is not None
        self.target.target = Slow(self.target.target)
        return told


if __name__ == "__main__":
    child = SlowChild()
    serve({"load": child.load, "try_on": child.try_on, "ask": child.ask})
