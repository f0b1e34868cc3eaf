"""What makes tests cheap that rest on fits: studies of few data sets, the form asked alone, equal rows fitted once."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from race_to_efficiency.calibration.gamma import composition
from race_to_efficiency.calibration.kappa import groups
from race_to_efficiency.calibration.kappa.groups import fit_group
from race_to_efficiency.ledger import changes, vintages
from race_to_efficiency.own_tables import run_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.groups import FormFitter
    from race_to_efficiency.settings.kappa import KappaParams


def studied(few: int, many: int) -> list[Any]:
    """Return sizes of a study: one that a gross error fails, and the slow one, which measures."""
    return [few, pytest.param(many, marks=pytest.mark.slow)]


@contextmanager
def asked_forms_alone() -> Iterator[None]:
    """Fit the forms asked for and no others, which are fitted for the doubts they cast (held in test_kappa.py)."""
    every = groups.FORMS

    def fit(rows: GroupRows, params: KappaParams, **options: Any) -> list[GroupFit]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(groups, "FORMS", {name: form for name, form in every.items() if name in params.forms})
            return fit_group(rows, params, **options)

    with pytest.MonkeyPatch.context() as patch:
        for module in (groups, run_fit):
            patch.setattr(module, "fit_group", fit)
        yield


@contextmanager
def without_fragility() -> Iterator[None]:
    """Leave out the other choices that gamma's components are judged by: grades rest on them, and no value does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composition, "fragility_rows", lambda *_: [])
        yield


@contextmanager
def equal_rows_once() -> Iterator[None]:
    """Fit rows that are equal to twelve digits once, whatever each is called: what was read is compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_fit, "_quickly", remembering(run_fit._quickly))
        patch.setitem(fit_group.__kwdefaults__, "fitter", remembering(groups.fit_form))
        yield


@contextmanager
def equal_views_once() -> Iterator[None]:
    """Look at a ledger as of a day once, and compare two views once: most of them are the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vintages, "view_of", once_for_each(vintages.view_of))
        patch.setattr(changes, "diff_views", once_for_each(changes.diff_views))
        yield


def once_for_each(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that works an answer out once for the same objects, which it keeps, and equal days."""
    found: dict[tuple[Any, ...], tuple[tuple[Any, ...], Any]] = {}

    def ask(*given: Any) -> Any:
        key = tuple(item if isinstance(item, date) else id(item) for item in given)
        if key not in found:
            found[key] = given, function(*given)
        return found[key][1]

    return ask


def remembering(fitter: FormFitter) -> FormFitter:
    """Return a fitter of forms that gives the same answer to the same question."""
    found: dict[str, GroupFit] = {}

    def fit(form: Form, everything: GroupRows, params: KappaParams, *, seed: int, **start: Any) -> GroupFit:
        columns = [(name, [f"{cell:.12g}" for cell in column]) for name, column in everything.quantities.items()]
        models = [everything.clusters.index(name) for name in everything.clusters]
        context = (models, everything.spec, everything.fatal, everything.doubts)
        key = repr((form.name, columns, context, params.model_copy(update={"forms": (), "groups": ()}), seed))
        if key not in found:
            found[key] = fitter(form, everything, params, seed=seed, **start)
        return found[key]

    return fit
