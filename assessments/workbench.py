"""A crew with one assessment's model and data open, ready for its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from assessments.crew import Crew
from assessments.errors import ChildRefused, Unopened
from assessments.intake import open_case
from assessments.isolation import weaker
from assessments.models import Assessment
from assessments.plan import settings_of
from attacks.schema import Schema, parse_schema
from governance.errors import StoreProblem
from governance.models import DatasetVersion, ModelVersion
from governance.selectors import artifact_file


class Workbench:
    """One assessment on one crew, which is started when the first run needs it and shared by all of them."""

    def __init__(self, assessment: Assessment, crew: Crew) -> None:
        self.assessment = assessment
        self.crew = crew
        self._open = False

    def open(self) -> None:
        """Load the model, read the data, and measure what every reader asks first; once. Raises Unopened where no run can ever do it."""
        if self._open:
            return
        plan, assessment = self.assessment.plan, self.assessment
        try:
            open_versions(
                self.crew,
                assessment.model_version,
                assessment.train,
                assessment.population,
                parse_schema(plan["schema"]),
                settings_of(plan),
            )
            known = Assessment.objects.get(pk=assessment.pk).facts
            measured = {} if "deterministic" in known else measure_model(self.crew, plan)
        except (ChildRefused, StoreProblem) as problem:
            raise Unopened(str(problem)) from None
        self._record(measured)
        self._open = True

    @transaction.atomic
    def _record(self, measured: Mapping[str, Any]) -> None:
        assessment = Assessment.objects.select_for_update().get(pk=self.assessment.pk)
        found = {"level": self.crew.isolation.level, "sentence": self.crew.isolation.sentence}
        isolation = weaker(assessment.facts.get("isolation", found), found)
        assessment.facts = {**assessment.facts, **measured, "isolation": isolation}
        assessment.save(update_fields=["facts"])
        self.assessment.facts = assessment.facts


def open_versions(
    crew: Crew, model: ModelVersion, train: DatasetVersion, population: DatasetVersion, schema: Schema, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the crew's children the stored model and data; what the referee counted in them. Raises StoreProblem, ChildRefused."""
    stored = artifact_file(model.artifact, crew.kept)
    crew.opened("attack", "load", path=str(crew.give("attack", stored, f"{stored.name}.{model.format}")))
    members, outsiders = (artifact_file(data.artifact, crew.kept) for data in (train, population))
    return open_case(
        crew,
        crew.give("referee", members, f"{members.name}{train.profile['suffix']}"),
        crew.give("referee", outsiders, f"{outsiders.name}{population.profile['suffix']}"),
        schema,
        list(model.classes),
        **settings,
    )


def measure_model(crew: Crew, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Does the model answer alike twice, and how accurate is it on both sets?"""
    made = crew.place("referee", "probe")
    crew.ask("referee", "probe_view", folder=str(made))
    folder, out = crew.pass_on(made, "probe"), crew.place("attack", "labels.npz")
    tried = crew.ask("attack", "try_on", folder=str(folder / "members"))
    once = {**settings_of(plan), "attack_seeds": 1}
    crew.ask(
        "attack", "ask", attack="disparity.selection", params={}, feature=None, granted="label", budget=None, settings=once,
        views=str(folder), out=str(out),
    )  # fmt: skip
    crew.discard(folder)
    labels = crew.give("referee", crew.take("attack", out), "labels.npz")
    accuracy = crew.ask("referee", "accuracy", guesses=str(labels))
    return {"deterministic": tried["deterministic"], "train_accuracy": accuracy["members"], "population_accuracy": accuracy["population"]}


def disclose(crew: Crew) -> None:
    """Have the model answer about every arm's whole records, and the referee keep what it said."""
    made = crew.place("referee", "whole")
    crew.ask("referee", "whole_records", folder=str(made))
    folder, out = crew.pass_on(made, "whole"), crew.place("attack", "answers.npz")
    crew.ask("attack", "disclose", folder=str(folder), out=str(out))
    crew.discard(folder)
    crew.ask("referee", "disclosed", answers=str(crew.give("referee", crew.take("attack", out), "answers.npz")))
