"""What a setting is: a type, bounds, a unit and a meaning, and no value. The values stand in params.yaml.

Two exceptions. An optional key of a list's item is None when absent, and its meaning says what that stands for. A
setting born later than a published quarter carries ``before``: the value that does what was done before it existed.
It is used where a published quarter is read again, never in a run (`race_to_efficiency.settings.sealed`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Collection

BORN_BEFORE_0_1 = object()
"""Stands for no ``before``: the setting is in every params.yaml ever published."""

AS_TODAY = "as in the params.yaml that came with the code"
"""A ``before`` where nothing reproduces what was done: the method itself is younger than the quarter."""


class SettingsSection(BaseModel):
    """A part of params.yaml: unknown keys, NaN and infinity are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def leaves(self, names: Collection[str] | None = None, place: str = "") -> dict[str, Any]:
        """Return every setting by its dotted name, as JSON; a list or an open mapping is one setting.

        Parameters
        ----------
        names : collection of str, optional
            Dotted names of sections and of single settings: only what lies under these.
        place : str
            Where this section stands.
        """
        found: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            dotted, inner = f"{place}.{name}" if place else name, getattr(self, name)
            found |= inner.leaves(place=dotted) if isinstance(inner, SettingsSection) else {dotted: value}
        return {
            leaf: value
            for leaf, value in found.items()
            if names is None or any(f"{leaf}.".startswith(f"{name}.") for name in names)
        }


def setting(meaning: str, *, unit: str = "", before: Any = BORN_BEFORE_0_1, **bounds: Any) -> Any:
    """Return what stands beside a setting's type: ``delta: Annotated[Number, setting("Huber threshold", gt=0)]``.

    Parameters
    ----------
    meaning : str
    unit : str
        None for a pure number, a name or a date.
    before : object, optional
        The value, as params.yaml would hold it, that reproduces what was done before the setting existed.
    **bounds
        Of `pydantic.Field`: ge, gt, le, lt, min_length, pattern ...
    """
    extra = {} if before is BORN_BEFORE_0_1 else {"before": before}
    return Field(description=f"{meaning} [{unit}]" if unit else meaning, json_schema_extra=extra, **bounds)


def young_setting(meaning: str, *, unit: str = "", **bounds: Any) -> Any:
    """Return a `setting` younger than a published quarter, of which nothing reproduces what was done before it."""
    return setting(meaning, unit=unit, before=AS_TODAY, **bounds)


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")  # noqa: TRY004  (pydantic names the key for a ValueError)
    return value


Number = Annotated[float, BeforeValidator(_no_truth_value)]
Count = Annotated[int, BeforeValidator(_no_truth_value)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
SettingText = Annotated[str, Field(max_length=2000)]
QuarterName = Annotated[str, Field(pattern=r"^[12]\d{3}Q[1-4]$")]
Fraction = Annotated[Number, Field(gt=0, lt=1)]
Flop = Annotated[Number, Field(gt=0, le=1e40)]
