"""The settings of a published quarter, read again: what was born later does what was done before it existed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.settings.params import check_params
from race_to_efficiency.settings.section import SettingsSection
from race_to_efficiency.settings.sections import Params

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def complete(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return published settings with those born later, and the latter alone as dotted name -> value.

    Parameters
    ----------
    document : mapping
        params.yaml as published; it is not checked here.
    """
    return _filled(Params, document)


def read_sealed(path: Path) -> Params:
    """Read and check the params.yaml of a published quarter.

    Raises
    ------
    InputMissing, DataInvalid
        As `race_to_efficiency.settings.params.read_params`.
    """
    document = storage.read_yaml(path)
    return check_params(complete(document)[0] if isinstance(document, dict) else document, path)


def _filled(section: type[SettingsSection], said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    whole, born_later = dict(said), dict[str, Any]()
    for name, field in section.model_fields.items():
        before = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, SettingsSection):
            if isinstance(said.get(name, {}), dict):
                whole[name], later = _filled(kind, said.get(name, {}))
                born_later |= {f"{name}.{key}": value for key, value in later.items()}
        elif name not in said and "before" in before:
            whole[name] = born_later[name] = before["before"]
    return whole, born_later
