"""What the real zips hold, and that it is enough: each function is imported from its zip and the layer alone.

The wheels are downloaded once, into ``.build/cache``.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from importlib.machinery import SourcelessFileLoader
from pathlib import Path

import pytest

from infra.build import Manifest, build
from infra.build.archive import EPOCH, is_library
from infra.build.pipeline import ROOT
from infra.build.targets import TARGETS, find_compiler

FUNCTIONS = ("auth", "upload", "query", "storage_events", "maintenance")
DOCUMENT_LIBRARIES = {
    "pypdf",
    "selectolax",
    "exifread",
    "docx",
    "openpyxl",
    "pptx",
    "PIL",
    "lxml",
    "olefile",
    "tinytag",
    "mutagen",
    "fitz",
}

LAYER_USES = """
import bcrypt, boto3, botocore.session, chalice.app, jwt, msgspec, pynamodb.models
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from cryptography.hazmat.primitives.asymmetric import rsa

session = botocore.session.Session()
for service in ("s3", "dynamodb", "lambda", "sqs", "secretsmanager", "sts"):
    session.create_client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="y")
s3 = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="y")
assert s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}).startswith("https://")
key = rsa.generate_private_key(65537, 2048)
assert jwt.decode(jwt.encode({"a": 1}, key, "RS256"), key.public_key(), ["RS256"]) == {"a": 1}
assert bcrypt.checkpw(b"x", bcrypt.hashpw(b"x", bcrypt.gensalt(4)))
Logger(service="t").info("m")
Metrics(namespace="t", service="t")

def record(record):
    return record

event = {"Records": [{"messageId": "1", "body": "x", "eventSource": "aws:sqs"}]}
processor = BatchProcessor(event_type=EventType.SQS)
assert process_partial_response(event, record, processor, None) == {"batchItemFailures": []}
"""


@pytest.fixture(scope="module")
def local() -> Manifest:
    return build("local", ROOT / ".build" / "test-local")


@pytest.fixture(scope="module")
def unzipped(local: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lambda")
    for name, artifact in local.artifacts.items():
        zipfile.ZipFile(artifact.path).extractall(root / name)
    return root


def python(code: str, *folders: Path, executable: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with the standard library and ``folders`` on sys.path, and nothing else."""
    start = f"import sys; sys.path += {[str(folder) for folder in folders]!r}\n"
    return subprocess.run(
        [executable, "-I", "-S", "-c", start + code], capture_output=True, text=True, check=False, env={}
    )


def names_in(manifest: Manifest, artifact: str) -> list[str]:
    return zipfile.ZipFile(manifest.artifacts[artifact].path).namelist()


def top_levels(manifest: Manifest, artifact: str) -> set[str]:
    prefix = "python/" if artifact == "layer" else ""
    return {
        name.removeprefix(prefix).split("/", 1)[0].removesuffix(".py") for name in names_in(manifest, artifact)
    }


HANDLERS = [
    (path.parent.name, f"functions.{path.parent.name}.{path.stem}")
    for path in sorted((ROOT / "functions").glob("*/*.py"))
    if path.stem in {"app", "bootstrap", "worker"}
]


def test_the_layer_alone_does_what_functions_use_it_for(unzipped: Path) -> None:
    done = python(LAYER_USES, unzipped / "layer" / "python")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("function", "module"), HANDLERS)
def test_a_handler_imports_from_its_zip_and_the_layer(unzipped: Path, function: str, module: str) -> None:
    done = python(f"import {module}", unzipped / function, unzipped / "layer" / "python")
    assert done.returncode == 0, done.stderr


def test_psycopg_in_the_zip_is_the_compiled_one_and_knows_its_version(unzipped: Path) -> None:
    code = (
        "import psycopg; assert psycopg.pq.__impl__ == 'binary'; "
        "assert psycopg.__version__[0].isdigit() and psycopg.__version__ != '0.0.0.0'"
    )
    for function in ("upload", "query", "storage_events", "maintenance"):
        done = python(code, unzipped / function, unzipped / "layer" / "python")
        assert done.returncode == 0, done.stderr


def test_readers_work_from_the_zip_with_their_tables(unzipped: Path) -> None:
    code = (
        "from functions.storage_events.extraction import Document, Extraction, sniff\n"
        "body = 'Gewürzmühle für größere Mengen'.encode('cp1252')\n"
        "for body in (body, b'<p>Gew\\xfcrzm\\xfchle f\\xfcr gr\\xf6\\xdfere Mengen'):\n"
        "    reading = Extraction().read(Document(body=body), sniff(body, 'application/octet-stream', 'x.html'))\n"
        "    assert reading.text.strip() == 'Gewürzmühle für größere Mengen', reading\n"
    )
    done = python(code, unzipped / "storage_events", unzipped / "layer" / "python")
    assert done.returncode == 0, done.stderr


def test_only_storage_events_holds_a_library_that_parses_documents(local: Manifest) -> None:
    holders = {name for name in local.artifacts if top_levels(local, name) & DOCUMENT_LIBRARIES}
    assert holders == {"storage_events"}


def test_only_the_functions_with_the_index_hold_its_driver(local: Manifest) -> None:
    assert {name for name in local.artifacts if "psycopg" in top_levels(local, name)} == {
        "upload",
        "query",
        "storage_events",
        "maintenance",
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_holds_its_own_folder_and_no_other(local: Manifest, function: str) -> None:
    ours = {name.split("/")[1] for name in names_in(local, function) if name.startswith("functions/")}
    assert ours == {"__init__.py", "__pycache__", function}
    assert not top_levels(local, function) & {"infra", "tests", "artstore", "benchmarks"}


def test_nothing_is_shipped_that_does_not_run(local: Manifest) -> None:
    names = [name for artifact in local.artifacts for name in names_in(local, artifact)]
    wasted = (".pyi", ".c", ".h", ".pyx", ".typed", ".rst", ".md", ".txt", ".gz.tar", ".tar.gz", ".exe")
    assert not [name for name in names if name.endswith(wasted)]
    assert not [name for name in names if "/tests/" in name or "/examples" in name]
    assert {name.rsplit("/", 1)[1] for name in names if ".dist-info/" in name} == {"METADATA"}
    assert not top_levels(local, "layer") & {"infra", "tests", "functions", "cffi", "pycparser", "benchmarks"}
    data = {
        name.split("/")[3] for name in names if name.startswith("python/botocore/data/") and name.count("/") > 3
    }
    assert data == {"s3", "dynamodb", "lambda", "sqs", "secretsmanager", "sts"}
    assert {name for name in names if name.startswith("python/chalice/") and name.endswith(".py")} == {
        "python/chalice/__init__.py",
        "python/chalice/app.py",
    }


def test_every_entry_is_dated_1980(local: Manifest) -> None:
    for artifact in local.artifacts.values():
        assert {info.date_time for info in zipfile.ZipFile(artifact.path).infolist()} == {EPOCH}


@pytest.mark.parametrize(("name", "place"), [("layer", "/opt"), ("auth", "/var/task"), ("query", "/var/task")])
def test_every_module_has_bytecode_that_names_its_place_in_lambda(unzipped: Path, name: str, place: str) -> None:
    root = unzipped / name
    modules = sorted(root.rglob("*.py"))
    assert len(modules) == len(list(root.rglob("*.pyc")))
    for module in modules:
        path = module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"
        code = SourcelessFileLoader(module.stem, str(path)).get_code(module.stem)
        assert code is not None
        assert code.co_filename == f"{place}/{module.relative_to(root).as_posix()}"
        assert str(ROOT).encode() not in path.read_bytes()


def test_compiling_everything_anew_gives_the_same_zips(local: Manifest, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "wheels").symlink_to(ROOT / ".build" / "cache" / "wheels")
    again = build("local", tmp_path / "out", cache=cache)
    assert {n: a.sha256 for n, a in again.artifacts.items()} == {n: a.sha256 for n, a in local.artifacts.items()}


def test_the_layer_fits_beside_the_largest_function(local: Manifest) -> None:
    """Lambda takes 250 MB unzipped, layer and function together; a quarter of it is what a quick start wants."""
    sizes = {name: artifact.unzipped_bytes for name, artifact in local.artifacts.items()}
    assert sizes["layer"] + max(sizes[name] for name in FUNCTIONS) < 64 * 2**20


def test_the_arm64_target_holds_arm64_libraries_for_python_3_13() -> None:
    manifest = build("aws-arm64", ROOT / ".build" / "test-aws-arm64")
    for artifact in manifest.artifacts.values():
        archive = zipfile.ZipFile(artifact.path)
        for name in filter(is_library, archive.namelist()):
            head = archive.read(name)[:20]
            assert head[:4] == b"\x7fELF"
            assert int.from_bytes(head[18:20], "little") == 183, name  # EM_AARCH64
            assert "cpython-311" not in name
    assert manifest.runtime == "python3.13"
    assert manifest.pyc is (find_compiler(TARGETS["aws-arm64"]) is not None)
    compiled = [name for name in names_in(manifest, "layer") if name.endswith(".pyc")]
    assert bool(compiled) is manifest.pyc
    assert all(name.endswith(".cpython-313.pyc") for name in compiled)


AWS = TARGETS["aws-x86_64"]
PYTHON_OF_AWS = find_compiler(AWS)


@pytest.mark.skipif(
    PYTHON_OF_AWS is None or not (sys.platform == "linux" and platform.machine() == "x86_64"),
    reason="needs Python 3.13 on Linux, x86_64: the very libraries of the AWS target are loaded",
)
def test_the_x86_64_target_works_under_python_3_13(tmp_path: Path) -> None:
    assert PYTHON_OF_AWS is not None
    manifest = build(AWS.name, ROOT / ".build" / "test-aws-x86_64")
    for name, artifact in manifest.artifacts.items():
        zipfile.ZipFile(artifact.path).extractall(tmp_path / name)
    layer = tmp_path / "layer" / "python"
    runs: list[tuple[str, list[Path]]] = [
        (LAYER_USES, [layer]),
        ("import psycopg; assert psycopg.pq.__impl__ == 'binary'", [tmp_path / "query", layer]),
        *((f"import {module}", [tmp_path / function, layer]) for function, module in HANDLERS),
    ]
    for code, folders in runs:
        done = python(code, *folders, executable=PYTHON_OF_AWS.executable)
        assert done.returncode == 0, done.stderr
