"""The ledger of claims: each thing that the paper says, where it is tested, and what came out.

    claims.toml, one claim a block ──rows──▶ claims
    the committed results ──findings──▶ numbers with intervals ──verdicts──▶ one verdict a claim

No verdict and no number of ours stands in claims.toml: `judge` works them out from the committed results, whenever it is
called. Read `verdicts` for the rules.
"""

from .findings import finding_of, FITS_UNKNOWN, Finding, Record, with_interval
from .rows import CLAIMS, KINDS, PaperClaim, read_claims
from .verdicts import NOT_TESTED, RULES, STATES, Judged, judge, judge_all, one_verdict, verdict_of

__all__ = ["CLAIMS", "FITS_UNKNOWN", "KINDS", "NOT_TESTED", "RULES", "STATES", "Finding", "Judged", "PaperClaim", "Record",
           "finding_of", "judge", "judge_all", "one_verdict", "read_claims", "verdict_of", "with_interval"]
