"""The answer of an assessment and what it rests on, as tabs with addresses of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.models import AuditEntry
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record_view
from assessments import vocabulary
from assessments.models import Assessment, State
from assessments.picture_groups import groups
from assessments.picture_heat import heat
from assessments.picture_sets import pictures_of_run
from assessments.questions import questions, worst_first
from assessments.views.assessments import visible
from assessments.views.uploads import person
from assessments.words import worth_sentence
from decisions.models import Conclusion
from decisions.results import snapshot
from decisions.reviews import next_step
from governance.frameworks import frameworks
from governance.selectors import newer_policy

Document = Mapping[str, Any]
TABS = (
    ("answer", "Answer"),
    ("attacks", "Attacks"),
    ("groups", "Groups"),
    ("controls", "Controls"),
    ("evidence", "Evidence"),
    ("method", "Method"),
    ("trail", "Trail"),
)
COMPARED_ARMS = ("attack", "baseline", "control")
ANSWER_ARMS = ("attack", "baseline", "control", "majority")
NEWEST_ENTRIES = 100


def assessment(request: HttpRequest, pk: UUID, tab: str = "answer") -> HttpResponse:
    """One tab. What is still running is watched instead; what ended without a result says so."""
    found = visible(request, pk)
    if found.is_open:
        return redirect("live", found.pk)
    if tab not in dict(TABS):
        raise Http404("There is no such tab.")
    concluded = Conclusion.objects.filter(assessment=found).exists()
    if request.headers.get("HX-Request") == "true":  # the page that waits for the rules asks whether they were applied
        return HttpResponse(headers={"HX-Refresh": "true"}) if concluded else HttpResponse(status=204)
    base: dict[str, Any] = {"assessment": found, "tab": tab, "tabs": TABS, "here": "assessments", "step": next_step(found, request.user)}
    if not concluded:
        waits = found.state in (State.EVIDENCE_READY, State.RUN_FAILED)
        return render(request, "decisions/results/none.html", {**base, "waits": waits, "runs": found.runs.all()})
    record_view(found.organisation, person(request), found)
    document = snapshot(found)
    base["newer_policy"] = newer_policy(found.organisation, found.plan["policy"])
    shown = SHOWN[tab](found, document)
    if tab == "trail":
        shown = {**shown, "may_read_trail": may(request.user, found.organisation, Permission.READ_TRAIL)}
    return render(request, f"decisions/results/{tab}.html", {**base, "document": document, "answer": document["assessment"], **shown})


def _answer(found: Assessment, document: Document) -> dict[str, Any]:
    worst = worst_first(document["runs"])[:1]
    findings = [{**f, "rule_row": _rule_of(document, f)} for f in document["findings"]]
    return {
        "worst": worst[0] if worst else None,
        "figures": _figures(worst[0]) if worst else [],
        "pictures": _numbered("answer", pictures_of_run(document, worst[0])[:1]) if worst else [],
        "impact": document["impact"],
        "findings": findings,
        "unmet": sum(f["verdict"] == "not_satisfied" for f in findings),
        "unclear": sum(f["verdict"] == "inconclusive" for f in findings),
        "silent": [run for run in document["runs"] if run["status"] != "completed"],
        "determination": vocabulary.DETERMINATIONS.get(document["determination"]["verdict"], ("Not demonstrated", "inconclusive")),
    }


def _figures(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Three numbers of the endpoint that made the verdict."""
    rows = {row["arm"]: row for row in _endpoint_rows(run)}
    return [rows[arm] for arm in ANSWER_ARMS if arm in rows and rows[arm]["value"] is not None][:3]


def _endpoint_rows(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The numbers of everyone together at the endpoint that made the verdict."""
    endpoint = run.get("verdict_endpoint") or {"model_inversion": "top1"}.get(run["objective"], "accuracy")
    return [e for e in run["estimates"] if e["measure"] == f"{run['objective']}.{endpoint}" and e.get("group") is None]


def _attacks(found: Assessment, document: Document) -> dict[str, Any]:
    """Question by question: the worst attack with its pictures, every attack in one table, then the numbers of each."""
    numbers = dict(found.runs.values_list("number", "pk"))
    pks = {id(run): numbers[position] for position, run in enumerate(document["runs"], start=1)}
    asked = []
    for place, question in enumerate(questions(document["runs"]), start=1):
        pictures = pictures_of_run(document, question.worst) if question.worst else ()
        lines: list[dict[str, Any]] = [{"run": run, "pk": pks[id(run)], **_compared(run)} for run in question.runs]
        silent: list[dict[str, Any]] = [{"run": run, "pk": pks[id(run)]} for run in question.silent]
        asked.append({"question": question, "lines": lines, "silent": silent, "pictures": _numbered(f"question-{place}", pictures)})
    of_questions = {id(run) for question in questions(document["runs"]) for run in question.silent}
    other = [run for run in document["runs"] if run["status"] != "completed" and id(run) not in of_questions]
    return {"asked": asked, "silent": [{"run": run, "pk": pks[id(run)]} for run in other]}


def _compared(run: Mapping[str, Any]) -> dict[str, Any]:
    """Success with the model, without it and on outsiders, where the run's verdict was made; how many records are worth as much."""
    rows = {row["arm"]: row for row in _endpoint_rows(run)}
    surest = run.get("verdict_endpoint") == "accuracy_top_10pct"
    n = max((row["n"] for row in rows.values()), default=0)
    return {"success": [rows.get(arm) for arm in COMPARED_ARMS], "surest": surest, "n": n, "worth": worth_sentence(run)}


def _groups(found: Assessment, document: Document) -> dict[str, Any]:
    picture = groups(document)
    runs = [run for run in document["runs"] if run["objective"] == "disparity"]
    return {"pictures": _numbered("groups", [picture] if picture else []), "heat": heat(document), "runs": runs}


def _controls(found: Assessment, document: Document) -> dict[str, Any]:
    by_framework = {name: [c for c in document["controls"] if c["framework"] == name] for name in frameworks()}
    sections = []
    for name, rows in by_framework.items():
        ordered = sorted(rows, key=lambda c: vocabulary.severity(c["verdict"]))
        judged = [c for c in ordered if c["verdict"] != "not_assessed"]
        sections.append({"name": name, "judged": judged, "open": [c for c in ordered if c["verdict"] == "not_assessed"]})
    return {"sections": sections, "rules": sorted(document["rules"], key=lambda r: vocabulary.severity(r["verdict"]))}


def _evidence(found: Assessment, document: Document) -> dict[str, Any]:
    return {"runs": found.runs.prefetch_related("evidence"), "digests": document["digests"]}


def _method(found: Assessment, document: Document) -> dict[str, Any]:
    return {
        "plan": document["plan"],
        "gates": _gates(document),
        "limitations": vocabulary.limitations(document),
        "glossary": vocabulary.GLOSSARY,
    }


def _gates(document: Document) -> list[dict[str, Any]]:
    runs = [run for run in worst_first(document["runs"]) if run["gates"]]
    return [{"run": run, "gates": [{"name": name, **gate} for name, gate in sorted(run["gates"].items())]} for run in runs]


def _trail(found: Assessment, document: Document) -> dict[str, Any]:
    entries = AuditEntry.objects.filter(organisation=found.organisation, object=f"assessments.assessment:{found.pk}")
    return {"entries": entries.select_related("actor").order_by("-number")[:NEWEST_ENTRIES]}


SHOWN: Mapping[str, Callable[[Assessment, Document], dict[str, Any]]] = {
    "answer": _answer,
    "attacks": _attacks,
    "groups": _groups,
    "controls": _controls,
    "evidence": _evidence,
    "method": _method,
    "trail": _trail,
}


def _rule_of(document: Document, finding: Mapping[str, Any]) -> Mapping[str, Any] | None:
    keys = ("rule", "feature", "group", "attack")
    return next((row for row in document["rules"] if all(row.get(key) == finding.get(key) for key in keys)), None)


def _numbered(prefix: str, pictures: Any) -> list[dict[str, Any]]:
    return [{"id": f"picture-{prefix}-{number}", "picture": asdict(picture)} for number, picture in enumerate(pictures, start=1)]
