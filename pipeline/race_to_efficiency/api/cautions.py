"""What a reader of predicted numbers must know: the grade of each, and what to bear in mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.calibration.common.grades import grades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.api.kappa_fit import KappaFit
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.law import Law


def grades_of(fit: KappaFit, law: Law, beyond: Floats) -> tuple[str, ...]:
    """Return the confidence in each run: the steps that the law's kappa lost, and those of the distance."""
    lost = fit.estimate(form=law.form.name, group=law.group).grade
    return grades(lost.evidence + lost.agreement, beyond)


def notes_on(law: Law, beyond: Floats, columns: Mapping[str, Floats]) -> tuple[str, ...]:
    """Return what a reader of the numbers must know."""
    notes = [f"{law.form.name} fails a check: {reason}" for reason in law.reasons]
    if beyond.max() > 0:
        known = law.discrepancy
        said = "the intervals take the form as the truth"
        if known is not None:
            said = (
                f"the intervals let the form be off by {known.sd_per_decade:.2g} of ln(loss) a decade, as the cut-offs "
                f"of {len(known.families)} families show"
            )
        notes.append(f"up to {beyond.max():.2g} decades of compute beyond the runs: {said}")
    for name in ("params", "tokens", "unique_tokens", "total_params"):
        if name in columns and name in law.ranges:
            low, high = law.ranges[name]
            out = int(((columns[name] < low) | (columns[name] > high)).sum())
            notes += [f"{name} of {out} of {len(beyond)} lie outside the runs ({low:.3g} to {high:.3g})"] if out else []
    return tuple(notes)
