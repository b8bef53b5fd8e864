"""The web's colour tokens: the printed report's colours in the light, and text that can be read in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports import palette

CSS = (Path(__file__).resolve().parents[2] / "static" / "inversight.css").read_text()
LIGHT_BLOCK, DARK_BLOCK = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
LIGHT, DARK = (dict(re.findall(r"--([a-z-]+): #([0-9A-F]{6});", block)) for block in (LIGHT_BLOCK, DARK_BLOCK))
VERDICTS = {**palette.LIMITS, **palette.RUNS}


def test_both_themes_have_the_same_tokens() -> None:
    assert set(LIGHT) == set(DARK)
    assert len(LIGHT) == 47


@pytest.mark.parametrize("verdict", VERDICTS)
def test_light_verdicts_are_the_printed_ones(verdict: str) -> None:
    name, tone = verdict.replace("_", "-"), VERDICTS[verdict]
    assert [LIGHT[f"{name}-{part}"] for part in ("ink", "tint", "solid", "on")] == [tone.ink, tone.tint, tone.solid, tone.on]


def test_light_neutrals_and_arms_are_the_printed_ones() -> None:
    neutrals = ("page", "surface", "text", "muted", "link", "edge", "hairline", "limit")
    assert {name: LIGHT[name] for name in neutrals} == {name: getattr(palette, name.upper()) for name in neutrals}
    arms = {"baseline": "without-model", "attack": "with-model", "control": "outsiders"}
    assert {arm: LIGHT[name] for arm, name in arms.items()} == {arm: tone.colour for arm, tone in palette.ARMS.items()}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_reaches_contrast_aa_everywhere(theme: dict[str, str]) -> None:
    pairs = [(theme[ink], theme[ground]) for ink in ("text", "muted", "link") for ground in ("page", "surface")]
    pairs.append((theme["surface"], theme["link"]))  # the primary button
    for verdict in VERDICTS:
        name = verdict.replace("_", "-")
        pairs += [(theme[f"{name}-ink"], ground) for ground in (theme["page"], theme["surface"], theme[f"{name}-tint"])]
        pairs.append((theme[f"{name}-on"], theme[f"{name}-solid"]))
    assert [(ink, ground) for ink, ground in pairs if palette.contrast(ink, ground) < 4.5] == []


def test_design_lists_two_contrasts_that_these_tokens_reach() -> None:
    """Text on surface, as the design prints it: 15.7 in the light, 13.3 in the dark."""
    assert palette.contrast(LIGHT["text"], LIGHT["surface"]) == pytest.approx(15.7, abs=0.05)
    assert palette.contrast(DARK["text"], DARK["surface"]) == pytest.approx(13.3, abs=0.05)


def test_no_colour_stands_outside_the_tokens() -> None:
    rest = CSS.replace(LIGHT_BLOCK, "").replace(DARK_BLOCK, "")
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b|rgba?\(", rest) == []
