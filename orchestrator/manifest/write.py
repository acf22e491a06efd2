"""Plain data to YAML text."""

from __future__ import annotations

from io import StringIO

from ruamel.yaml import YAML


def yaml_text(data: object) -> str:
    """Return `data` (mappings, sequences, text, numbers) as a YAML document."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # typed as None
    text = StringIO()
    yaml.dump(data, text)
    return text.getvalue()
