"""Results as docs/results-format.md describes them, made by hand: a table case (Adult), an image case (digits) and hostile variants.

The numbers of the Adult case are the ones the documents use as their example. Nothing here was measured.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from tests.reports.sample_controls import GDPR, NIST_AI_RMF

Results = dict[str, Any]
Row = dict[str, Any]


def sha(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def row(
    measure: str, arm: str, value: float | None, low: float | None, high: float | None, n: int, group: str | None = None, reason: str = ""
) -> Row:
    made: Row = {"measure": measure, "arm": arm, "group": group, "value": value, "low": low, "high": high, "n": n}
    return {**made, "reason": reason} if reason else made


def arms(measure: str, n: int, group: str | None = None, **values: tuple[float, float, float]) -> list[Row]:
    return [row(measure, arm, *interval, n=n, group=group) for arm, interval in values.items()]


def gates(**changed: tuple[str, str]) -> dict[str, dict[str, str]]:
    states = {
        "G1": ("passed", "A blind classifier cannot tell the two groups apart (AUC 0.503 [0.495, 0.511])."),
        "G2": ("passed", "The leak we planted was found, and a silent target scored at the baseline."),
        "G3": ("passed", "10,000 records in each arm; the rules ask for 300."),
        "G4": ("passed", "Seeds, versions and hashes are recorded; 3 attack seeds."),
        "G5": ("passed", "The attacker sees scores, as the release context does."),
        "G6": ("not_applicable", "No person confirmed the recovery of a real record."),
    } | changed
    return {gate: {"state": state, "detail": detail} for gate, (state, detail) in states.items()}


def run(attack: str, feature: str | None, access: str, **more: Any) -> Results:
    return {
        "attack": attack, "objective": attack.split(".")[0], "feature": feature, "access": access, "knows": [], "status": "completed", "reason": "",
        "params": {}, "queries": 0, "verdict": None, "verdict_endpoint": None, "train_gap": False, "sentence": "", "power": {}, "notes": [],
        "gates": gates(), "estimates": [],
    } | more  # fmt: skip


def csmia_marital() -> Results:
    measure = "attribute_inference.{}".format
    estimates = [
        *arms(measure("accuracy"), 10000, attack=(0.734, 0.725, 0.743), control=(0.689, 0.680, 0.698), baseline=(0.735, 0.726, 0.744),
              majority=(0.520, 0.510, 0.530), advantage=(-0.001, -0.011, 0.009), memorisation=(0.045, 0.032, 0.058)),
        *arms(measure("accuracy_top_10pct"), 1000, attack=(0.999, 0.994, 1.0), control=(0.868, 0.845, 0.888), baseline=(0.859, 0.836, 0.880),
              majority=(0.610, 0.579, 0.640), advantage=(0.140, 0.119, 0.163), memorisation=(0.131, 0.107, 0.156)),
    ]  # fmt: skip
    for word, shift in (("precision", 0.0), ("recall", 0.01)):
        for k, group in enumerate(("married", "not married")):
            s = shift + 0.02 * k
            estimates += arms(
                measure(word),
                5200 - 400 * k,
                group,
                attack=(0.741 - s, 0.728 - s, 0.754 - s),
                control=(0.702 - s, 0.69 - s, 0.715 - s),
                baseline=(0.744 - s, 0.731 - s, 0.757 - s),
            )
    for word, value in (("f1", 0.74), ("g_mean", 0.733), ("mcc", 0.466)):
        estimates += arms(
            measure(word),
            10000,
            attack=(value, value - 0.011, value + 0.011),
            control=(value - 0.05, value - 0.063, value - 0.037),
            baseline=(value + 0.002, value - 0.009, value + 0.013),
        )
    for size, share in ((50, 0.652), (500, 0.712), (5000, 0.731)):
        estimates += arms(measure("accuracy"), 10000, f"labelled={size}", baseline=(share, share - 0.02, share + 0.02))
        estimates += arms(measure("accuracy_top_10pct"), 1000, f"labelled={size}", baseline=(share + 0.1, share + 0.06, share + 0.14))
    estimates += arms(measure("leak_equivalent"), 10000, attack=(6402.3, 3104.9, 10001))
    estimates += arms(measure("leak_equivalent_top_10pct"), 10000, attack=(10001, 10001, 10001))
    estimates += arms(measure("excess"), 10000, attack=(-0.004, -0.042, 0.034)) + arms(
        measure("excess_top_10pct"), 1000, attack=(0.993, 0.957, 1.0)
    )
    return run(
        "attribute_inference.csmia", "marital", "scores", knows=["other_attributes", "true_label"], queries=120000, verdict="memorised",
        verdict_endpoint="accuracy_top_10pct", train_gap=True, estimates=estimates,
        sentence="The model remembers some people: of the 1,000 the attacker is surest about it is right for 99.9%, without the model for 85.9%, on outsiders for 86.8%.",
        power={"n": 10000, "detectable": 0.012, "sentence": "With 10,000 records a gain of 1.2 points or more would have shown (80% power, one-sided 5%)."},
        notes=["The baseline is a boosted-tree imputer, chosen by inner cross-validation on the attacker's own records."],
    )  # fmt: skip


def csmia_sex() -> Results:
    estimates = [
        *arms("attribute_inference.accuracy", 10000, attack=(0.691, 0.682, 0.700), control=(0.688, 0.679, 0.697), baseline=(0.735, 0.726, 0.744),
              majority=(0.675, 0.666, 0.684), advantage=(-0.044, -0.054, -0.034), memorisation=(0.003, -0.010, 0.016)),
        *arms("attribute_inference.accuracy_top_10pct", 1000, attack=(0.842, 0.818, 0.864), control=(0.851, 0.827, 0.872), baseline=(0.921, 0.903, 0.937),
              majority=(0.801, 0.775, 0.825), advantage=(-0.079, -0.103, -0.056), memorisation=(-0.009, -0.041, 0.023)),
        *arms("attribute_inference.excess", 10000, attack=(-0.166, -0.203, -0.129)),
        *arms("attribute_inference.leak_equivalent", 10000, attack=(49, 49, 121.7)),
    ]  # fmt: skip
    return run(
        "attribute_inference.csmia", "sex", "scores", knows=["other_attributes", "true_label"], queries=120000, verdict="population_only",
        verdict_endpoint="accuracy", estimates=estimates, sentence="The attacker learns nothing new: 69.1% right with the model, 73.5% without it.",
        power={"n": 10000, "detectable": 0.012, "sentence": "With 10,000 records a gain of 1.2 points or more would have shown (80% power, one-sided 5%)."},
    )  # fmt: skip


def membership(name: str, access: str, attack: tuple[float, float, float], verdict: str, sentence: str) -> Results:
    measure = "membership_inference.{}".format
    value, low, high = attack
    estimates = [
        *arms(measure("accuracy"), 19986, attack=attack, baseline=(0.502, 0.495, 0.509), majority=(0.5, 0.5, 0.5),
              advantage=(value - 0.502, low - 0.505, high - 0.499)),
        *arms(measure("auc"), 19986, attack=(value + 0.012, low + 0.012, high + 0.012), baseline=(0.503, 0.495, 0.511), control=(0.499, 0.488, 0.510),
              advantage=(value - 0.491, low - 0.494, high - 0.488)),
        *arms(measure("tpr_minus_fpr"), 19986, attack=(2 * value - 1, 2 * low - 1, 2 * high - 1), baseline=(0.004, -0.010, 0.018)),
        *arms(measure("tpr_at_fpr_1pct"), 10000, attack=(0.041, 0.037, 0.045), baseline=(0.011, 0.009, 0.013)),
        *arms(measure("roc"), 10000, group="fpr=0.005", attack=(0.025, 0.022, 0.028), baseline=(0.006, 0.005, 0.008)),
        *arms(measure("roc"), 10000, group="fpr=0.02", attack=(0.068, 0.063, 0.073), baseline=(0.021, 0.018, 0.024)),
        *arms(measure("roc"), 10000, group="fpr=0.1", attack=(0.21, 0.202, 0.218), baseline=(0.103, 0.097, 0.109)),
        *arms(measure("roc"), 10000, group="fpr=0.5", attack=(0.61, 0.60, 0.62), baseline=(0.504, 0.494, 0.514)),
        row(measure("tpr_at_fpr_0.1pct"), "attack", None, None, None, 9993, reason="too few outsiders: 9,993, and 10,000 are needed"),
    ]  # fmt: skip
    return run(
        f"membership_inference.{name}", None, access, knows=["whole_record", "true_label"], queries=19993, verdict=verdict, verdict_endpoint="accuracy", estimates=estimates,
        sentence=sentence, power={"n": 19993, "detectable": 0.009, "sentence": "With 10,000 training records and 9,993 others a gain of 0.9 points or more would have shown."},
    )  # fmt: skip


GROUPS = {
    "sex=Female": (0.78, 0.72, 0.85, 0.470, 1000), "sex=Male": (1.0, 1.0, 1.0, 0.600, 1000),
    "race=White": (1.0, 1.0, 1.0, 0.255, 8540), "race=Black": (0.60, 0.49, 0.73, 0.153, 960), "race=Asian-Pac-Islander": (0.97, 0.78, 1.20, 0.247, 310),
    "race=Amer-Indian-Eskimo": (0.52, 0.31, 0.88, 0.133, 104), "race=Other": (None, None, None, None, 38),
}  # fmt: skip


def selection() -> Results:
    estimates = []
    for group, (ratio, low, high, rate, n) in GROUPS.items():
        if ratio is None or rate is None:
            estimates += [
                row(f"disparity.{m}", "population", None, None, None, n, group, "too few (n < 50)")
                for m in ("selection_rate", "impact_ratio", "rate_difference")
            ]
            continue
        best = "the group the others are compared with" if ratio == 1.0 else ""
        for arm, shift in (("population", 0.0), ("members", 0.004)):
            estimates += [
                row("disparity.selection_rate", arm, rate + shift, rate + shift - 0.02, rate + shift + 0.02, n, group),
                row("disparity.impact_ratio", arm, ratio, low, high, n, group, best),
                row(
                    "disparity.rate_difference",
                    arm,
                    rate * (1 - 1 / ratio),
                    rate * (1 - 1 / ratio) - 0.02,
                    rate * (1 - 1 / ratio) + 0.02,
                    n,
                    group,
                ),
            ]
    return run(
        "disparity.selection", None, "label", queries=30000, estimates=estimates,
        sentence="Women are selected at 0.78 times the rate of men (470 and 600 of 1,000) [0.72, 0.85]. The point is below the four-fifths line, the interval on both sides: inconclusive.",
    )  # fmt: skip


def vulnerability() -> Results:
    gains = {"sex=Female": (0.021, -0.004, 0.046), "sex=Male": (-0.021, -0.046, 0.004), "race=White": (-0.006, -0.030, 0.018), "race=Black": (0.062, 0.021, 0.103),
             "race=Asian-Pac-Islander": (0.012, -0.071, 0.095), "race=Amer-Indian-Eskimo": (0.034, -0.101, 0.169)}  # fmt: skip
    measure = "disparity.vulnerability.attribute_inference.accuracy"
    estimates = []
    for group, (value, low, high) in gains.items():
        n = GROUPS[group][4]
        estimates += arms(
            measure,
            n,
            group,
            advantage=(value * 0.7, low * 0.7, high * 0.7),
            memorisation=(value + 0.04, low + 0.04, high + 0.04),
            difference=(value, low, high),
            null=(0.0, -0.035, 0.035),
        )
    estimates += [row(measure, "difference", None, None, None, 38, "race=Other", "too few (n < 50)")]
    for e in estimates:
        e["source"] = "attribute_inference.csmia/marital"
    return run(
        "disparity.vulnerability", "marital", "scores", estimates=estimates,
        sentence="The attack gains 6.2 points more on people whose race is Black than on all others [2.1, 10.3], corrected for 6 groups; the limit is 5, so inconclusive.",
    )  # fmt: skip


def rule(
    name: str,
    title: str,
    verdict: str,
    limit: float,
    measure: str,
    attack: str,
    estimate: tuple[float, float, float] | None,
    n: int = 10000,
    **more: Any,
) -> Row:
    made = None if estimate is None else dict(zip(("value", "low", "high"), estimate, strict=True)) | {"n": n}
    return {
        "rule": name, "title": title, "feature": None, "group": None, "attack": attack, "measure": measure, "limit": limit, "better": "lower", "estimate": made,
        "verdict": verdict, "reason": "", "settles": "", "limit_source": "policy",
    } | more  # fmt: skip


def adult_rules() -> list[Row]:
    csmia, loss = "attribute_inference.csmia", "membership_inference.loss"
    return [
        rule("R-AIA-MEM", "Attribute inference, training people minus outsiders", "not_satisfied", 0.02, "attribute_inference.accuracy_top_10pct", csmia, (0.131, 0.107, 0.156), 1000, feature="marital",
             reason="Limit not met: 13.1 points [10.7, 15.6] lies wholly above 2 points."),
        rule("R-AIA", "Attribute inference beyond the best imputer", "not_satisfied", 0.05, "attribute_inference.excess", csmia, (0.993, 0.957, 1.0), 1000, feature="marital",
             reason="Limit not met: 99.3% [95.7%, 100.0%] lies wholly above 5%.", limit_source="policy"),
        rule("R-DI", "Disparate impact, four-fifths", "inconclusive", 0.8, "disparity.impact_ratio", "disparity.selection", (0.60, 0.49, 0.73), 960, feature="race", group="race=Black", better="higher",
             reason="Inconclusive: one group is suppressed.", settles="About 1,200 more records of the suppressed group would settle it.", limit_source="legal"),
        rule("R-DI", "Disparate impact, four-fifths", "inconclusive", 0.8, "disparity.impact_ratio", "disparity.selection", (0.78, 0.72, 0.85), 1000, feature="sex", group="sex=Female", better="higher",
             reason="Inconclusive: 0.78 [0.72, 0.85] lies on both sides of 0.80.", settles="About 2,400 more records would settle it.", limit_source="legal"),
        rule("R-DPV", "Unequal leakage between groups", "inconclusive", 0.05, "disparity.vulnerability.attribute_inference.accuracy", "disparity.vulnerability", (0.062, 0.021, 0.103), 960, feature="marital", group="race=Black",
             reason="Inconclusive: 6.2 points [2.1, 10.3] lies on both sides of 5 points.", settles="About 3,100 more records would settle it."),
        rule("R-MIA-TPR", "Membership, rightly named at 0.1% wrongly named", "inconclusive", 0.01, "membership_inference.tpr_at_fpr_0.1pct", loss, None, 9993,
             reason="Inconclusive: 9,993 outsiders, and 10,000 are needed.", settles="7 more population records would settle it."),
        rule("R-MIA-AUC", "Membership, average separation", "satisfied", 0.60, "membership_inference.auc", loss, (0.559, 0.551, 0.567), 19986, reason="Limit met: 0.559 [0.551, 0.567] lies wholly below 0.60."),
        rule("R-MIA-ADV", "Membership, best threshold", "inconclusive", 0.10, "membership_inference.tpr_minus_fpr", loss, (0.094, 0.080, 0.108), 19986, reason="Inconclusive: 9.4 points [8.0, 10.8] lies on both sides of 10 points.",
             settles="About 30,000 more records would settle it."),
        rule("R-AIA", "Attribute inference beyond the best imputer", "satisfied", 0.05, "attribute_inference.excess", csmia, (-0.166, -0.203, -0.129), 10000, feature="sex",
             reason="Limit met: −16.6% [−20.3%, −12.9%] lies wholly below 5%."),
        rule("R-AIA-MEM", "Attribute inference, training people minus outsiders", "inconclusive", 0.02, "attribute_inference.accuracy_top_10pct", csmia, (-0.009, -0.041, 0.023), 1000, feature="sex",
             reason="Inconclusive: −0.9 points [−4.1, 2.3] lies on both sides of 2 points.", settles="About 4,000 more records would settle it."),
        rule("R-INV", "Model inversion, recognised reconstructions", "not_assessed", 0.05, "model_inversion.top1", "model_inversion.mi_face", None, 0, reason="Not assessed: no attack tried to rebuild training pictures."),
    ]  # fmt: skip


CONTROL_VERDICTS: dict[str, tuple[str, str, str, list[str]]] = {
    "5(1)(f)": (
        "outcome",
        "not_satisfied",
        "The evidence does not support 5(1)(f): R-AIA-MEM is not met for marital (13.1 points, limit 2).",
        ["R-AIA-MEM/marital", "R-MIA-TPR"],
    ),
    "25(1)": (
        "outcome",
        "not_satisfied",
        "The evidence does not support 25(1): R-AIA-MEM is not met for marital (13.1 points, limit 2).",
        ["R-AIA-MEM/marital"],
    ),
    "32(1)": (
        "outcome",
        "not_satisfied",
        "The evidence does not support 32(1): R-AIA-MEM is not met for marital (13.1 points, limit 2).",
        ["R-AIA-MEM/marital", "R-AIA/marital"],
    ),
    "9(1)": ("outcome", "inconclusive", "Inconclusive: the rule for sex lies on both sides of its limit.", ["R-AIA-MEM/sex"]),
    "22": ("outcome", "inconclusive", "Inconclusive: R-DI for race has a suppressed group.", ["R-DI/race", "R-DI/sex"]),
    "5(1)(d)": ("outcome", "satisfied", "The evidence supports 5(1)(d): R-AIA is met for sex.", ["R-AIA/sex"]),
    "32(1)(d)": (
        "process",
        "satisfied",
        "32(1)(d) asks that measures be tested regularly; this test is recorded. The result is judged under 32(1).",
        [],
    ),
    "35(7)(c)": ("process", "satisfied", "35(7)(c) asks that risks be assessed; this report is that record.", []),
    "MEASURE 2.10": (
        "process",
        "satisfied",
        "MEASURE 2.10 asks that privacy risk be examined and documented; it was. The result is judged under Art. 32.",
        ["R-AIA/marital"],
    ),
    "MEASURE 2.11": (
        "process",
        "satisfied",
        "MEASURE 2.11 asks that fairness be evaluated; it was. The result is judged under R-DI.",
        ["R-DI/sex", "R-DI/race"],
    ),
    "MEASURE 2.5": ("outcome", "inconclusive", "Inconclusive: no robustness run was planned.", []),
    "MEASURE 2.7": ("process", "satisfied", "MEASURE 2.7 asks that security be evaluated; membership tests were run.", ["R-MIA-AUC"]),
}


def controls() -> list[Row]:
    rows = []
    for framework, catalogue in (("gdpr", GDPR), ("nist_ai_rmf", NIST_AI_RMF)):
        for control, title, _ in catalogue:
            kind, verdict, reason, rules = CONTROL_VERDICTS.get(
                control, (None, "not_assessed", "No measurement in this assessment can show it.", [])
            )
            rows.append(
                {
                    "framework": framework,
                    "control": control,
                    "title": title,
                    "kind": kind,
                    "verdict": verdict,
                    "reason": reason,
                    "rules": rules,
                }
            )
    return rows


def findings_of(rules: list[Row]) -> list[Row]:
    wanted = [r for r in rules if r["verdict"] in ("not_satisfied", "inconclusive")]
    keys = ("rule", "feature", "group", "attack", "title", "verdict")
    return [{"id": f"F-{i}", **{k: r[k] for k in keys}, "sentence": r["reason"]} for i, r in enumerate(wanted, 1)]


IMPACT = [
    (
        "data_leakage",
        "Data leakage",
        "Can someone learn a training person's data or presence?",
        "not_satisfied",
        "Marital status of some people can be read; limit 2 points, measured 13.1.",
    ),
    (
        "trade_secrets",
        "Trade-secret exposure",
        "Can model, prompts or confidential dataset facts be copied?",
        "not_assessed",
        "No extraction attack was planned.",
    ),
    ("copyright", "Copyright / memorisation", "Are works reproduced near-verbatim?", "not_assessed", "The training data hold no works."),
    (
        "disparate_effects",
        "Disparate effects",
        "Do groups get worse outcomes or weaker privacy?",
        "inconclusive",
        "Two ratios lie below four-fifths; intervals on both sides.",
    ),
    (
        "privacy_law",
        "Privacy-law violations",
        "Which duties lack evidence now?",
        "not_satisfied",
        "GDPR 5(1)(f), 25(1) and 32(1) lack support.",
    ),
    ("vulnerability", "Algorithmic vulnerability", "Can inputs be crafted to break it?", "not_assessed", "No evasion attack was planned."),
    (
        "classification",
        "Legal classification",
        "Must the model be handled as personal data, for whom?",
        "inconclusive",
        "Not demonstrated; treat the model as personal data until then.",
    ),
]


def adult() -> Results:
    """The table case: memorised marital status, an attack that did not run, one that failed, two frameworks of controls."""
    rules = adult_rules()
    runs = [
        csmia_marital(),
        csmia_sex(),
        membership(
            "gap",
            "label",
            (0.541, 0.534, 0.548),
            "memorised",
            "Shown one training record and one other, the attack picks the training record 55 times in 100 [55, 56]; a coin gets 50.",
        ),
        membership(
            "loss",
            "scores",
            (0.547, 0.540, 0.554),
            "memorised",
            "Shown one training record and one other, the attack picks the training record 56 times in 100 [55, 57]; a coin gets 50.",
        ),
        selection(),
        vulnerability(),
        run(
            "model_inversion.mi_face",
            None,
            "gradients",
            status="not_run",
            reason="Needs gradients, scores were granted. Grant gradients in a new plan to run it.",
            gates={},
        ),
        run(
            "membership_inference.lira",
            None,
            "scores",
            status="failed",
            reason="Failed after 3 attempts: the model returned NaN for 12 of 10,000 records. Counted as not measured.",
            gates={},
        ),
    ]
    column = {"kind": "category", "roles": [], "values": 2, "special_category": False}
    return assembled(
        title="Income model, version 1", verdict="memorised", sentence=runs[0]["sentence"], runs=runs, rules=rules,
        model={"name": "Income model", "version": 1, "format": "skops", "algorithm": "Pipeline of ColumnTransformer, RandomForestClassifier", "sha256": sha("model"),
               "bytes": 41000000, "classes": ["<=50K", ">50K"], "train_accuracy": 0.98, "population_accuracy": 0.84},
        train={"name": "Adult train", "version": 1, "kind": "table", "sha256": sha("train"), "records": 10000},
        population={"name": "Adult population", "version": 1, "kind": "table", "sha256": sha("population"), "records": 20000},
        target="income", positive=">50K", release="scores",
        columns=[{**column, "name": "income", "roles": ["target"]}, {**column, "name": "marital", "roles": ["sensitive"]}, {**column, "name": "sex", "roles": ["protected", "sensitive"]},
                 {**column, "name": "race", "roles": ["protected"], "values": 5, "special_category": True}, {**column, "name": "age", "kind": "number", "values": 73}],
        notices=["7 population records look exactly like training records; they left the outsiders (12.4 were expected by chance)."],
        subgroups=[{"column": "sex", "groups": ["Female", "Male"]}, {"column": "race", "groups": ["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"]}],
    )  # fmt: skip


def assembled(*, title: str, verdict: str, sentence: str, runs: list[Row], rules: list[Row], subgroups: list[Row], **facts: Any) -> Results:
    unit = "images" if facts["train"]["kind"] == "images" else "records"
    attacked = facts["train"]["records"]
    half = facts["population"]["records"] // 2
    return {
        "schema": "inversight.results/1",
        "assessment": {
            "title": title, "organisation": "Demo", "status": "draft", "verdict": verdict, "sentence": sentence,
            "isolation": {"level": "limits", "sentence": "The model ran in its own process with limits on memory, time and files. It was not cut off from the network by the kernel."},
            **facts,
        },
        "plan": {
            "hash": sha("plan"), "profile": "screening", "seed": 0, "attack_seeds": 3, "auxiliary_draws": 5, "threads": 2, "level": 0.95, "margin": 0.02,
            "policy": {"version": 1, "sha256": sha("policy")}, "catalogues": {"gdpr": sha("gdpr"), "nist_ai_rmf": sha("nist")},
            "split": {"attacked": attacked, "auxiliary": half, "control": half - 7, "look_alikes_removed": 7, "look_alikes_expected": 12.4, "unit": unit},
            "attacks": [{"attack": r["attack"], "feature": r["feature"], "access": r["access"], "params": r["params"], "budget": None} for r in runs],
            "subgroups": subgroups, "min_group": 50, "min_positives": 10,
        },
        "runs": runs,
        "rules": rules,
        "controls": controls(),
        "findings": findings_of(rules),
        "determination": {"verdict": "NOT-DEMONSTRATED", "reason": "procedure not carried out"},
        "impact": [dict(zip(("category", "title", "question", "verdict", "reason"), line, strict=True)) for line in IMPACT],
        "digests": {"model": sha("model"), "train": sha("train"), "population": sha("population"), "plan": sha("plan"), "policy": sha("policy"), "results": sha(title)},
        "volatile": {"id": "0b9f1a52-6f0e-4a53-9d0c-1f4f5c1f2a10", "started": "2026-11-23T00:31:02Z", "finished": "2026-11-23T00:31:43Z", "seconds": 41.2,
                     "versions": {"inversight": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "scikit-learn": "1.9.1"}, "host_cores": 2},
    }  # fmt: skip


def digits() -> Results:
    """The image case: inversion with gradients, ten classes, reconstructions withheld."""
    measure = "model_inversion.{}".format
    estimates = [
        *arms(measure("top1"), 10, attack=(0.9, 0.555, 0.9975), baseline=(0.1, 0.0025, 0.445), floor=(0.3, 0.067, 0.652), ceiling=(1.0, 0.692, 1.0), advantage=(0.8, 0.42, 0.97)),
        *arms(measure("top5"), 10, attack=(1.0, 0.692, 1.0), baseline=(0.5, 0.187, 0.813), floor=(0.7, 0.348, 0.933), ceiling=(1.0, 0.692, 1.0), advantage=(0.5, 0.1, 0.8)),
        *arms(measure("residual_correlation"), 10, attack=(0.41, 0.31, 0.51), baseline=(0.02, -0.03, 0.07)),
        *arms(measure("ssim"), 10, attack=(0.38, 0.29, 0.47), baseline=(0.11, 0.07, 0.15)),
        *arms(measure("nearest_train_distance"), 10, attack=(6.42, 5.98, 6.86), baseline=(7.91, 7.5, 8.3)),
        *arms(measure("nearest_held_out_distance"), 10, attack=(6.45, 6.0, 6.9), baseline=(7.92, 7.5, 8.3)),
        *arms(measure("nearer_to_training"), 10, memorisation=(0.1, -0.2, 0.37)),
    ]  # fmt: skip
    sentence = "An independent evaluator recognises 9 of 10 reconstructions [55.5%, 99.8%], 1 of 10 without the model. They are typical examples of a class, not pictures of a person."
    runs = [
        run("model_inversion.mi_face", None, "gradients", knows=["class_names"], queries=50000, verdict="model_adds", verdict_endpoint="top1", sentence=sentence, estimates=estimates,
            power={"n": 10, "detectable": 0.31, "sentence": "With 10 classes a gain of 31 points or more would have shown (80% power, one-sided 5%)."}),
        membership("gap", "label", (0.504, 0.497, 0.511), "nothing", "Nothing found. With 19,993 records the gain is 0.2 points [−0.8, 1.2]; a gain of 0.9 points or more would have shown."),
    ]  # fmt: skip
    rules = [
        rule("R-INV", "Model inversion, recognised reconstructions", "inconclusive", 0.05, "model_inversion.top1", "model_inversion.mi_face", (0.8, 0.42, 0.97), 10,
             reason="Inconclusive: 10 classes, and the rule asks for 100.", settles="90 more classes would settle it."),
        rule("R-MIA-AUC", "Membership, average separation", "satisfied", 0.60, "membership_inference.auc", "membership_inference.gap", (0.516, 0.509, 0.523), 19986, reason="Limit met: 0.516 [0.509, 0.523] lies wholly below 0.60."),
    ]  # fmt: skip
    return assembled(
        title="Digits network, version 1", verdict="model_adds", sentence=sentence, runs=runs, rules=rules,
        model={"name": "Digits network", "version": 1, "format": "safetensors", "algorithm": "Dense network, 64-32-10", "sha256": sha("digits"), "bytes": 41000, "classes": [str(d) for d in range(10)],
               "train_accuracy": 0.999, "population_accuracy": 0.971},
        train={"name": "Digits train", "version": 1, "kind": "images", "sha256": sha("digits-train"), "records": 10000},
        population={"name": "Digits population", "version": 1, "kind": "images", "sha256": sha("digits-population"), "records": 20000},
        target="digit", positive=None, release="weights", columns=[], notices=[], subgroups=[],
    )  # fmt: skip


def many_findings(count: int = 200) -> Results:
    """The Adult case with `count` rules and findings: 12 in 200 not met, 31 inconclusive, the rest met."""
    results = adult()
    rules, findings = [], []
    for i in range(1, count + 1):
        verdict = "not_satisfied" if i % 17 == 0 else "inconclusive" if i % 7 == 0 else "satisfied"
        value = {"not_satisfied": 0.131, "inconclusive": 0.021, "satisfied": 0.004}[verdict]
        feature = f"column {i:03d}"
        made = rule("R-AIA-MEM", "Attribute inference, training people minus outsiders", verdict, 0.02, "attribute_inference.accuracy_top_10pct", "attribute_inference.csmia",
                    (value, value - 0.008, value + 0.008), feature=feature, reason=f"The reason for {feature}.", settles="More records." if verdict == "inconclusive" else "")  # fmt: skip
        rules.append(made)
        findings.append(
            {"id": f"F-{i}", **{k: made[k] for k in ("rule", "feature", "group", "attack", "title", "verdict")}, "sentence": made["reason"]}
        )
    return results | {"rules": rules, "findings": findings}


def replaced(value: Any, swap: dict[str, str]) -> Any:
    """A deep copy of `value` with every string that is a key of `swap` exchanged."""
    if isinstance(value, dict):
        return {k: replaced(v, swap) for k, v in value.items()}
    if isinstance(value, list):
        return [replaced(v, swap) for v in value]
    return swap.get(value, value) if isinstance(value, str) else copy.copy(value)


def long_text(length: int = 10_000) -> Results:
    """The Adult case with a sentence and an unbroken string of `length` characters, and names of many hundred."""
    words = ("a sentence that does not end " * (length // 29 + 1))[:length]
    swap = {
        "Income model": "x" * 900,
        "Income model, version 1": words,
        "marital": "m" * 300,
        "Demo": "Organisation " * 80,
        "race": "r" * 200,
    }
    results: Results = replaced(adult(), swap)
    results["runs"][0]["sentence"] = results["assessment"]["sentence"] = results["runs"][-1]["reason"] = words
    results["assessment"]["notices"] = [words, "y" * length]
    for made in (results["rules"][0], results["controls"][0], results["findings"][0], results["impact"][0]):
        made["reason"] = made["sentence"] = made["title"] = words
    return results


def right_to_left() -> Results:
    """The Adult case with Arabic and Hebrew names, a direction override, markup and a script the fonts do not hold."""
    hebrew, arabic = "מודל הכנסה", "نموذج الدخل"
    swap = {
        "Income model": hebrew,
        "Income model, version 1": f"{hebrew} (גרסה 1)",
        "Adult train": arabic,
        "Demo": "\u202eevil\u202c <b>&amp;</b> 株式会社",
        "marital": "الحالة",
        "sex": "מין",
    }
    return replaced(adult(), swap)  # type: ignore[no-any-return]
