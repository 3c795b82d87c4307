"""Read the ledger's claims and check that each is complete."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from ...core import LOST, format_number, paper_value

CLAIMS = Path(__file__).with_name("claims.toml")
KINDS = {
    "numeric": "says how much or how many",
    "ordinal": "says that one thing does better, or has more, than another",
    "qualitative": "says what can be seen, or what follows",
    "literature": "rests on other work, or says that nobody did it before",
    "proposal": "says what could be done; nothing was",
}
REASONS = ("untestable", "not_tested")          # a claim has one of them, or a test
_PLACE = re.compile(r"\{([^{}]+\|[^{}]+)\}")    # a cell of the paper, e.g. {2 | CLIP | overall | AUC-ROC}


@dataclass(frozen=True)
class PaperClaim:
    """One claim of the paper, with the paper's own evidence, and how it is tested here.

    name        short and unique; the row's address on the page
    section     of the paper, where it is made first; `also` has the others
    claim       in our words
    kind        a key of KINDS
    evidence    what the paper shows for it: how many trials, fits, error bars and controls
    where       chapters that test it or show what there is, "02_mapping: Tables 3 and 4"
    measure     by what it is tested, and against which null
    test        the rule and its arguments (see `verdicts`), empty where there is no test
    untestable  why it cannot be tested here
    not_tested  why it was not, though it could be
    planted     what we put into the simulated subject that the test then finds
    calibrated  which fixed choice of ours sets the number, so that it is no result
    shows       numbers to show where there is no test, "03_gan:two_way | what it is"
    fitted      False where the test fits nothing, so that no other fit could change it
    pictures    False where the interval is over something else than pictures
    """

    name: str
    section: str
    claim: str
    kind: str
    evidence: str
    also: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    measure: str = ""
    test: Mapping = field(default_factory=dict)
    untestable: str = ""
    not_tested: str = ""
    planted: str = ""
    calibrated: str = ""
    shows: tuple[str, ...] = ()
    fitted: bool = True
    pictures: bool = True

    @property
    def paper_evidence(self) -> str:
        """The evidence, with the paper's numbers in place of the names of their cells."""
        return _PLACE.sub(lambda found: _cell(found[1]), self.evidence)


def read_claims(path: Path = CLAIMS) -> tuple[dict[str, str], list[PaperClaim]]:
    """The paper's sections, by their number, and its claims in the order of the file.

    Raises ValueError for a claim that is not complete, that stands twice, or that has a field that no claim has.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    sections, claims = content["sections"], []
    for block in content["claim"]:
        claims.append(_claim(block, sections))
    names = [claim.name for claim in claims]
    for twice in {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name} has the claim {twice!r} {names.count(twice)} times, expected once; give each its own name")
    return sections, claims


def _claim(block: dict, sections: Mapping[str, str]) -> PaperClaim:
    name, known = block.get("name", "a claim without a name"), [each.name for each in fields(PaperClaim)]
    if strange := [key for key in block if key not in known]:
        raise ValueError(f"{name} has {', '.join(strange)}, expected only {', '.join(known)}; numbers and verdicts come from results")
    if lacking := [key for key in ("name", "section", "claim", "kind", "evidence") if not block.get(key)]:
        raise ValueError(f"{name} lacks {', '.join(lacking)}; write it")
    claim = PaperClaim(**{key: " ".join(value.split()) if isinstance(value, str) else tuple(value) if isinstance(value, list)
                          else value for key, value in block.items()})
    if claim.kind not in KINDS:
        raise ValueError(f"{name} is of kind {claim.kind!r}, expected one of {', '.join(KINDS)}")
    if lost := [section for section in (claim.section, *claim.also) if section not in sections]:
        raise ValueError(f"{name} stands in section {lost[0]!r}, expected one of {', '.join(sections)}")
    given = [key for key in ("test", *REASONS) if getattr(claim, key)]
    if len(given) != 1:
        raise ValueError(f"{name} has {' and '.join(given) or 'neither test nor reason'}, expected a test, or why there is none")
    if claim.test and not (claim.where and claim.measure):
        raise ValueError(f"{name} is tested, but does not say where and by what; write `where` and `measure`")
    return claim


def _cell(place: str) -> str:
    value = paper_value(*[part.strip() for part in place.split("|")])
    return LOST if value is None else format_number(int(value) if value == int(value) else value)
