"""The settings of a published quarter, read again: what was born later does what was done before it existed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.settings.params import check_params, find_params
from race_to_efficiency.settings.section import AS_TODAY, SettingsSection
from race_to_efficiency.settings.sections import Params

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def complete(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return published settings with those born later, and the latter alone as dotted name -> value.

    Settings that no longer exist are left out: the code that read them is gone.

    Parameters
    ----------
    document : mapping
        params.yaml as published; it is not checked here.
    """
    return _filled(Params, document, storage.read_yaml(find_params()))


def read_sealed(path: Path) -> Params:
    """Read and check the params.yaml of a published quarter.

    Raises
    ------
    InputMissing, DataInvalid
        As `race_to_efficiency.settings.params.read_params`.
    """
    document = storage.read_yaml(path)
    return check_params(complete(document)[0] if isinstance(document, dict) else document, path)


def _filled(
    section: type[SettingsSection], said: Mapping[str, Any], today: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    whole, born_later = {name: value for name, value in said.items() if name in section.model_fields}, dict[str, Any]()
    for name, field in section.model_fields.items():
        before = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, SettingsSection):
            if isinstance(said.get(name, {}), dict):
                whole[name], later = _filled(kind, said.get(name, {}), today.get(name, {}))
                born_later |= {f"{name}.{key}": value for key, value in later.items()}
        elif name not in said and "before" in before:
            value = before["before"]
            whole[name] = born_later[name] = today[name] if value == AS_TODAY else value
    return whole, born_later
