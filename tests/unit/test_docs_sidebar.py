"""docs/sidebar.md names the settings of the sidebar with their defaults, and the keys that its schema binds."""

import json
import re

from tests.support import ROOT

SCHEMA = json.loads((ROOT / "labextension/schema/sidebar.json").read_text("utf-8"))
PAGE = (ROOT / "docs/sidebar.md").read_text("utf-8")


def test_the_page_has_every_setting_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.split("## Settings")[1], re.MULTILINE))
    said = {name: text.strip().strip("`").replace("empty", "") for name, text in rows.items()}
    known = {name: one["default"] for name, one in SCHEMA["properties"].items()}
    assert said == {n: str(d).lower() if isinstance(d, bool) else str(d) for n, d in known.items()}


def test_the_page_has_every_key_of_the_schema():
    keys = {key for one in SCHEMA["jupyter.lab.shortcuts"] for key in one["keys"]}
    assert keys == {"Accel Alt R", "F2", "Delete", "Backspace"}
    assert all(key.replace("Accel", "Ctrl") in PAGE for key in keys - {"Backspace"})


def test_defaults_of_the_schema_are_those_of_the_code():
    code = (ROOT / "labextension/src/panels/sidebar/host.ts").read_text("utf-8")
    block = code.split("export const DEFAULTS: SidebarSettings = {")[1].split("}")[0]
    said = dict(re.findall(r"(\w+): ([^,\n]+)", block))
    assert {name: json.loads(text.replace("'", '"')) for name, text in said.items()} == {
        name: one["default"] for name, one in SCHEMA["properties"].items()
    }
