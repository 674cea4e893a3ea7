"""What is deployed: its record, and what is refused before Lambda would."""

from __future__ import annotations

import dataclasses
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.build import Artifact, Manifest
from infra.deploy import certificates
from infra.deploy.certificates import CertificatesInvalid
from infra.deploy.database import DatabaseNotReady, check_url, url_from_here
from infra.deploy.release import File, Release, ReleaseInvalid, from_json, inspection
from infra.deploy.stage import Database
from tests.support.certificates import Authority

RELEASE = Release(
    stage="test",
    commit="c0ffee" * 6,
    committed_at="2026-11-22T00:00:00+00:00",
    modified=False,
    schema="0001",
    python="3.13",
    architecture="arm64",
    bytecode=True,
    template=File("template.yaml", "template/0.yaml", "00" * 32, 1),
    artifacts={"layer": File("layer.zip", "layer/1.zip", "11" * 32, 2)},
    parameters={"Prefix": "artstore"},
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert from_json(RELEASE.to_json(), RELEASE.id) == RELEASE


def test_the_id_tells_any_two_releases_apart() -> None:
    others = [
        dataclasses.replace(RELEASE, parameters={"Prefix": "other"}),
        dataclasses.replace(RELEASE, commit=None),
        dataclasses.replace(RELEASE, template=File("template.yaml", "template/1.yaml", "01" * 32, 1)),
    ]
    assert len({each.id for each in (RELEASE, *others)}) == 4


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"template": 1}', RELEASE.to_json().replace(b"arm64", b"x86_64")]
)
def test_a_record_that_is_none_or_was_changed_is_refused(data: bytes) -> None:
    with pytest.raises(ReleaseInvalid):
        from_json(data, RELEASE.id)


def _elf(machine: int) -> bytes:
    """The head of an ELF file, 64 bits, little-endian: e_machine is at 18."""
    return b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + struct.pack("<H", machine)


def _manifest(folder: Path, entries: dict[str, bytes], unzipped: int = 1000, zipped: int = 100) -> Manifest:
    made = {}
    for name, content in (("layer", entries), ("auth", {})):
        path = folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for entry, data in content.items():
                archive.writestr(entry, data)
        made[name] = Artifact(name, path, "00", zipped, unzipped, "")
    return Manifest("aws-arm64", "3.13", "manylinux_2_28_aarch64", "arm64", True, made)


def test_libraries_of_the_stages_processor_and_python_pass(tmp_path: Path) -> None:
    entries = {
        "a.cpython-313-aarch64-linux-gnu.so": _elf(0xB7),
        "b.abi3.so": _elf(0xB7),
        "c.py": b"\x7fEL",
        "d": b"",
    }
    assert inspection.problems(_manifest(tmp_path, entries)) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.abi3.so", _elf(0x3E), "a.abi3.so is for x86_64, not arm64"),
        ("libpq.so.5", _elf(0x28), "is for 0x28, not arm64"),
        ("a.cpython-312-aarch64-linux-gnu.so", _elf(0xB7), "another Python than 3.13"),
    ],
)
def test_a_library_that_would_not_load_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert [said in each for each in inspection.problems(_manifest(tmp_path, {name: content}))] == [True]


def test_what_lambda_refuses_for_its_size_is_named(tmp_path: Path) -> None:
    half = inspection.UNZIPPED_LIMIT_BYTES // 2
    assert inspection.problems(_manifest(tmp_path, {}, unzipped=half)) == []
    assert "with the layer" in "".join(inspection.problems(_manifest(tmp_path, {}, unzipped=half + 1)))
    assert len(inspection.problems(_manifest(tmp_path, {}, zipped=inspection.ZIP_LIMIT_BYTES + 1))) == 2


def test_certificates_are_counted_and_their_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    now = datetime(2026, 11, 22, tzinfo=UTC)
    ends = [now + timedelta(days=4000), now + timedelta(days=400)]
    path.write_bytes(b"".join(Authority(f"CA {end:%Y}", end).pem for end in ends))
    assert certificates.describe(path, now) == "2 valid certificates, the next to end does so 2027-12-27"
    assert "renew" in certificates.describe(path, now + timedelta(days=300))
    assert "1 valid certificate, the next to end does so 2037" in certificates.describe(
        path, now + timedelta(days=500)
    )
    with pytest.raises(CertificatesInvalid, match="ended 2037"):
        certificates.describe(path, now + timedelta(days=4001))
    path.write_text("-----BEGIN PRIVATE KEY-----")
    with pytest.raises(CertificatesInvalid, match="no certificates"):
        certificates.describe(path, now)


HOST = "postgresql://u:geheim@db.example:6432/artstore"
SHIPPED = f"{HOST}?sslmode=verify-full&sslrootcert=/opt/database-ca.pem"


def test_a_url_that_verifies_the_server_passes(tmp_path: Path) -> None:
    shown = check_url(SHIPPED, Database("s", ca=tmp_path / "ca.pem"))
    assert shown == "db.example:6432, sslmode verify-full"
    assert check_url(SHIPPED.replace("/opt/database-ca.pem", certificates.PUBLIC_MOUNTED), Database("s"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:geheim@h/d", "no postgresql:// URL"),
        ("", "no postgresql:// URL"),
        ("postgresql://u:geheim@h:port/d", "sslmode is not given"),
        ("postgresql://u:geheim@h/d?nonsense=geheim", "malformed"),
        (HOST, "sslmode is not given"),
        (f"{HOST}?sslmode=require", "sslmode is require"),
        (f"{HOST}?sslmode=verify-full", "sslrootcert is not given"),
        (f"{HOST}?sslmode=verify-full&sslrootcert=system", "sslrootcert is system"),
        (SHIPPED, "names no file as database.ca"),
    ],
)
def test_a_url_that_would_fail_or_verify_nothing_is_refused_and_never_quoted(url: str, said: str) -> None:
    with pytest.raises(DatabaseNotReady) as caught:
        check_url(url, Database("s"))
    assert said in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_stage_may_take_the_url_as_it_is() -> None:
    assert "sslmode prefer" in check_url(HOST, Database("s", tls="as-given"))


def test_certificates_are_read_where_this_machine_has_them(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    assert f"sslrootcert={ca}" in url_from_here(SHIPPED, ca)
    public = url_from_here(SHIPPED.replace("/opt/database-ca.pem", certificates.PUBLIC_MOUNTED), None)
    assert Path(public.rpartition("sslrootcert=")[2]).is_file()
    assert url_from_here(HOST, None) == HOST
