"""Is the model personal data? The procedure is carried out and decided by people; until then nothing is claimed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Claim(StrEnum):
    """What the procedure can say, from worst to best; the best one still waits for the DPO and the controller."""

    PD_DESIGN = "PD-DESIGN"
    PD_SHOWN = "PD-SHOWN"
    NOT_DEMONSTRATED = "NOT-DEMONSTRATED"
    CLAIM_SUPPORTED = "CLAIM-SUPPORTED"


@dataclass(frozen=True)
class Determination:
    verdict: Claim
    reason: str

    def as_dict(self) -> dict[str, str]:
        return {"verdict": str(self.verdict), "reason": self.reason}


def not_carried_out() -> Determination:
    """Before anybody has gone through the procedure: the burden is on the claim (EDPB Opinion 28/2024, para 58)."""
    return Determination(Claim.NOT_DEMONSTRATED, "procedure not carried out")
