"""What the processes behind a page said goes with the failure of a browser test: the page alone does not tell why it waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

LINES = 40


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[Any]:
    report = yield
    demo = getattr(item, "funcargs", {}).get("demo")
    if report.failed and demo is not None:
        for name in demo.engine.processes:
            report.sections.append((f"log of {name}", "\n".join(demo.engine.log(name).splitlines()[-LINES:])))
    return report
