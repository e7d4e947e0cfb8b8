"""The documentation is true: its links lead somewhere, its lists are complete. Its code: test_docs_code.py."""

import contextlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import tracker_nb
from tests.support import ROOT
from tracker_nb.sdk import settings

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def title(page):
    return str(page.relative_to(ROOT))


def prose(page):
    """The text of a page without its blocks of code."""
    return FENCE.sub("", page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_make_targets_that_a_page_names_exist(page):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


# ------------------------------------------------------------------------------------------------ links


def anchors(page):
    """What the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def is_made(page):
    """Parts of it, headings perhaps, come from the code: tests/integration/test_site.py looks at their links."""
    return re.search(r"^(:::|<!-- from code:) ", page.read_text("utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_between_pages_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            if not re.fullmatch(r"https://[\w.-]+\.[a-z]{2,}(/\S*)?", target):  # nobody is asked whether it answers
                broken.append(target)
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        # Written by `make bench`, on the machine that measures.
        if found == ROOT / "docs" / "performance.md" and not found.exists():
            continue
        if not found.exists() or (anchor and not is_made(found) and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def test_every_page_is_in_the_navigation_of_the_site():
    listed = re.findall(r"^ +- .+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)

    assert len(set(listed)) == len(listed)
    written = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert written <= set(listed)
    assert set(listed) - written <= {"performance.md"}  # written by `make bench`, and left out of the site until then


# ------------------------------------------------------------------------------------------------ lists


def test_the_changelog_has_a_section_for_this_version():
    sections = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert PROJECT["version"] in sections


def test_the_variables_of_the_guide_are_settings():
    known = {"TRACKER_NB_DIR", *("TRACKER_NB_" + suffix for suffix in settings._VARIABLES.values())}
    for page in (ROOT / "README.md", ROOT / "docs" / "guide.md"):
        assert set(re.findall(r"\bTRACKER_NB_[A-Z_]+\b", page.read_text("utf-8"))) <= known


def test_the_guide_names_every_argument_of_init_that_does_something():
    (line,) = [
        line for line in (ROOT / "docs/guide.md").read_text("utf-8").splitlines() if line.startswith("- `init()` takes")
    ]
    arguments = set(tracker_nb.init.__annotations__) - {"return"}
    for_wandbs_sake = {"allow_val_change", "force", "save_code", "config_exclude_keys", "config_include_keys", "reinit"}
    assert set(re.findall(r"`(\w+)`", line)) == arguments - for_wandbs_sake


def test_the_page_of_dependencies_gives_a_reason_for_each_of_them():
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    with_reasons = {
        name for names in re.findall(r"^\| ([^|]+) \| [^|]{10,} \|$", text, re.MULTILINE) for name in names.split(", ")
    }
    extras = PROJECT["optional-dependencies"]
    wanted = {re.match(r"[\w-]+", one)[0] for group in (PROJECT["dependencies"], *extras.values()) for one in group}

    bundled = json.loads((ROOT / "labextension/package.json").read_text("utf-8"))["dependencies"]
    wanted |= {name for name in bundled if not name.startswith("@")}  # those with @ are JupyterLab's own
    assert wanted - with_reasons - {PROJECT["name"]} == set()
    assert with_reasons - wanted <= {"package"}
    assert {name for name in extras if f"xtra `{name}`" not in text} == set()


# ------------------------------------------------------------------------------------------------ what must not be there


def sources():
    """Text files of the repository: tracked, or new and not ignored."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(git, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout")
    for name in filter(None, names):
        with contextlib.suppress(FileNotFoundError, UnicodeDecodeError, IsADirectoryError):
            yield name, Path(ROOT, name).read_text("utf-8")


def test_no_file_names_a_place_on_one_machine_or_a_host_of_packages():
    # Put together here, so that this file does not name them either.
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("deb", "debian", "org"))]
    hosts += ["registry" + ".npmjs" + ".org"]
    places = [f"{place}/" for place in (ROOT, Path.home()) if len(str(place)) > 2]
    pattern = re.compile("|".join([*map(re.escape, hosts), *(rf"(?<![\w.~-]){re.escape(place)}" for place in places)]))

    assert [(name, found[0]) for name, text in sources() if (found := pattern.search(text))] == []
