"""YAML as Pomerium's parser (go-yaml v3) takes it: yes, no, on and off are words, not booleans."""

from __future__ import annotations

import re

import yaml

_BOOLEAN = "tag:yaml.org,2002:bool"


class GoLoader(yaml.SafeLoader):
    """PyYAML's safe loader with go-yaml's booleans."""


GoLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
GoLoader.add_implicit_resolver(_BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))
