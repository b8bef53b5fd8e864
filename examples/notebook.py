"""One attack with the library alone: does an unpruned tree remember who is married?

.venv/bin/python -m examples.notebook
"""

from __future__ import annotations

from sklearn.tree import DecisionTreeClassifier

from attacks.access import Remembering
from attacks.attribute_inference.csmia import Csmia
from attacks.case import table_case
from attacks.data import records_from
from attacks.evaluate import evaluate
from attacks.schema import parse_schema
from attacks.settings import Settings
from attacks.targets.sklearn_model import SklearnTarget
from examples.adult_case import adult, pipeline


def main() -> None:
    """Train on 6,000 people, attack them, and compare with the best guess without the model and with other people."""
    frame = adult().sample(18_000, random_state=0)
    train, others = frame.iloc[:6_000], frame.iloc[6_000:]
    inputs = train.drop(columns="income")
    model = pipeline(inputs).set_params(randomforestclassifier=DecisionTreeClassifier(random_state=0)).fit(inputs, train["income"])
    target = Remembering(SklearnTarget(model))
    schema = parse_schema({"target": "income", "columns": {"marital_status": {"roles": ["sensitive"]}}})
    members, population = (records_from(part, schema, target.classes, name) for part, name in ((train, "train"), (others, "others")))
    settings = Settings()
    found = evaluate(Csmia(), target, table_case(members, population, schema, settings), feature="marital_status", settings=settings)
    print(f"{Csmia.name} on marital_status: {found.judgement.verdict}, {found.queries:,} questions")
    for row in found.judgement.rows:
        if row.group is None and row.estimate and row.measure.endswith(("accuracy", "top_10pct")):
            e = row.estimate
            print(f"  {row.measure:44} {row.arm:13} {e.value:7.3f} [{e.low:.3f}, {e.high:.3f}]  n = {e.n:,}")


if __name__ == "__main__":
    main()
