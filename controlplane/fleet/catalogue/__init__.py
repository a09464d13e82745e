"""The instance types that Homeport knows by itself: one YAML file for each provider, beside this one."""

import functools
from importlib.resources import files

import yaml

from homeport.schema.documents import parse_spec
from homeport.schema.instance_type import InstanceTypeSpec


@functools.cache
def catalogue() -> dict[str, InstanceTypeSpec]:
    """By id."""
    found: dict[str, InstanceTypeSpec] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            provider = yaml.safe_load(file.read_text())
            common = {"cloud_provider": provider["cloud_provider"], "region": provider["region"]}
            for plain in provider["instance_types"]:
                spec = parse_spec(InstanceTypeSpec, {**common, **plain}, file.name)
                found[spec.id] = spec
    return found
