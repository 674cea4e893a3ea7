"""Building a small project: what is remade, what is left, and what comes out the same."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from infra.build import Manifest, build, pipeline, wheels
from infra.build.__main__ import main, table
from infra.build.archive import EPOCH, write
from infra.build.manifest import load
from infra.build.targets import TARGETS, BuildError, Compiler, Target, find_compiler

FUNCTIONS = ("auth", "upload", "query", "storage_events", "maintenance")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Lay out a project without packages, so that nothing is downloaded."""
    root = tmp_path / "project"
    layer = root / "layers" / "common" / "python" / "artstore"
    layer.mkdir(parents=True)
    (layer / "__init__.py").write_text("NAME = 'artstore'\n")
    (layer / "schema.json").write_text("{}")
    (root / "requirements.txt").write_text("# none\n")
    for name in FUNCTIONS:
        folder = root / "functions" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "app.py").write_text(f"def app(event, context): return {name!r}\n")
    (root / "functions" / "__init__.py").write_text("")
    (root / "functions" / "query" / "requirements.txt").write_text("")
    return root


def run(root: Path, said: list[str] | None = None) -> Manifest:
    return build("local", root=root, report=(said if said is not None else []).append)


def test_zips_keep_the_paths_of_the_repository(project: Path) -> None:
    (project / "functions" / "query" / "openapi.json").write_text("{}")
    (project / "functions" / "query" / ".hidden").write_text("x")
    manifest = run(project)
    query = zipfile.ZipFile(manifest.artifacts["query"].path).namelist()
    layer = zipfile.ZipFile(manifest.artifacts["layer"].path).namelist()
    assert [name for name in query if not name.endswith(".pyc")] == [
        "functions/__init__.py",
        "functions/query/__init__.py",
        "functions/query/app.py",
        "functions/query/openapi.json",
    ]
    assert {"python/artstore/__init__.py", "python/artstore/schema.json"} <= set(layer)
    assert len([name for name in query if name.endswith(".pyc")]) == 3


def test_a_second_build_changes_nothing_and_says_nothing(project: Path) -> None:
    first = run(project)
    times = {name: one.path.stat().st_mtime_ns for name, one in first.artifacts.items()}
    said: list[str] = []
    assert run(project, said) == first
    assert said == []
    assert {name: one.path.stat().st_mtime_ns for name, one in first.artifacts.items()} == times


@pytest.mark.parametrize(
    ("changed", "remade"),
    [
        ("functions/auth/app.py", {"auth"}),
        ("layers/common/python/artstore/__init__.py", {"layer"}),
        ("functions/__init__.py", set(FUNCTIONS)),
    ],
)
def test_only_what_changed_is_remade(project: Path, changed: str, remade: set[str]) -> None:
    before = run(project).artifacts
    (project / changed).write_text("CHANGED = True\n")
    after = run(project).artifacts
    assert {name for name in after if after[name] != before[name]} == remade
    assert {name for name in after if after[name].key != before[name].key} == remade


def test_a_damaged_or_missing_zip_is_made_again(project: Path) -> None:
    before = run(project)
    before.artifacts["auth"].path.write_bytes(b"damaged")
    before.artifacts["upload"].path.unlink()
    after = run(project)
    assert after == before
    assert zipfile.ZipFile(after.artifacts["auth"].path).testzip() is None
    assert after.artifacts["upload"].path.exists()


def test_another_checkout_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    clone = tmp_path / "a" / "clone"
    shutil.copytree(project, clone)
    for path in clone.rglob("*.py"):
        path.chmod(0o600)
    first, second = run(project), run(clone)
    assert {n: a.sha256 for n, a in first.artifacts.items()} == {n: a.sha256 for n, a in second.artifacts.items()}


def test_the_manifest_is_kept_and_read_back(project: Path) -> None:
    manifest = run(project)
    folder = project / ".build" / "local"
    document = json.loads((folder / "manifest.json").read_text())
    assert load(folder) == manifest
    assert set(document["artifacts"]) == {"layer", *FUNCTIONS}
    assert document["artifacts"]["layer"]["path"] == "layer.zip"
    assert str(project) not in json.dumps(document)
    assert table(manifest).count("\n") == 1 + len(FUNCTIONS)
    assert manifest.template_parameters().keys() == {
        *("LayerKey", "AuthKey", "UploadKey", "QueryKey", "StorageEventsKey", "MaintenanceKey"),
        *("LambdaRuntime", "LambdaArchitecture"),
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"artifacts": {"layer": {}}}'])
def test_a_manifest_that_cannot_be_read_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    assert load(tmp_path) is None


def test_without_the_targets_python_it_builds_without_pyc_and_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(target: Target) -> Compiler | None:
        return None

    monkeypatch.setattr(pipeline, "find_compiler", none)
    said: list[str] = []
    manifest = build("aws-arm64", root=project, report=said.append)
    names = [name for one in manifest.artifacts.values() for name in zipfile.ZipFile(one.path).namelist()]
    assert manifest.pyc is False
    assert json.loads((project / ".build" / "aws-arm64" / "manifest.json").read_text())["pyc"] is False
    assert any("WITHOUT .pyc" in line and "PY313" in line for line in said)
    assert not [name for name in names if name.endswith(".pyc")]


def test_a_compiler_of_another_version_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    liar = tmp_path / "python9.9"
    liar.write_text("#!/bin/sh\necho 3.1.4\n")
    liar.chmod(0o755)
    monkeypatch.setenv("PY99", str(liar))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    target = Target("test", (9, 9), "linux", "x86_64", ())
    assert find_compiler(target) is None
    liar.write_text("#!/bin/sh\necho 9.9.1\n")
    assert find_compiler(target) == Compiler(str(liar), "9.9.1")


@pytest.mark.parametrize("line", ["boto3", "boto3>=1", "-r other.txt", "boto3==1; python_version < '3'"])
def test_requirements_that_are_not_pins_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# comment\nsix==1.17.0  # why\n{line}\n")
    with pytest.raises(BuildError, match="not a pin"):
        wheels.read_pins(path)


def test_an_unknown_target_is_refused_by_name(project: Path) -> None:
    with pytest.raises(BuildError, match="aws-arm64, aws-x86_64, local"):
        build("aws-riscv", root=project)


def test_the_command_reports_a_failed_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> Manifest:
        raise BuildError("no network")

    monkeypatch.setattr("infra.build.__main__.build", fail)
    assert main(["--target", "local"]) == 1
    assert "no network" in capsys.readouterr().err


def test_zip_entries_are_sorted_dated_1980_and_have_fixed_modes(tmp_path: Path) -> None:
    for name in ("b.py", "a.so", "libpq.so.5"):
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o700)
    sizes = write(tmp_path / "x.zip", {f"p/{name}": tmp_path / name for name in ("b.py", "a.so", "libpq.so.5")})
    infos = zipfile.ZipFile(tmp_path / "x.zip").infolist()
    assert [(one.filename, one.external_attr >> 16) for one in infos] == [
        ("p/a.so", 0o100755),
        ("p/b.py", 0o100644),
        ("p/libpq.so.5", 0o100755),
    ]
    assert {one.date_time for one in infos} == {EPOCH}
    assert sizes.unzipped_bytes == len("b.pya.solibpq.so.5")
    assert not list(tmp_path.glob(".x.zip*"))


def test_aws_targets_ask_for_python_3_13_on_manylinux() -> None:
    assert TARGETS["aws-arm64"].python == TARGETS["aws-x86_64"].python == (3, 13)
    options = TARGETS["aws-arm64"].pip_options
    assert "manylinux_2_28_aarch64" in options
    assert not [option for option in options if "x86_64" in option]
