"""The authorities that a database's certificate is verified against, as a file of the layer.

PostgreSQL's client library looks for authorities where its own OpenSSL was built to look. That of psycopg-binary
was built for a directory which no Lambda has, so ``sslrootcert=system`` trusts nobody there; and the certificates
of RDS are signed by an authority of RDS's own. So the stage names a file, it is shipped in the layer, and the URL
names it as ``sslrootcert``. For a server whose certificate a public authority has signed, the list of those that
botocore brings along will do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore
from cryptography import x509

from infra.errors import CommandError

LAYER_FILE = "database-ca.pem"
MOUNTED = f"/opt/{LAYER_FILE}"
"""Where a function finds the file: the layer is mounted at /opt."""

PUBLIC_MOUNTED = "/opt/python/botocore/cacert.pem"
"""Where a function finds the public authorities, in the layer's botocore."""

_WARN = timedelta(days=180)


class CertificatesInvalid(CommandError):
    """The file of authorities holds none, or only ones that have ended."""


def describe(path: Path, now: datetime | None = None) -> str:
    """Say how many certificates the file holds, and when the next of them ends.

    Raises CertificatesInvalid when it holds none, or every one has ended.
    """
    now = now or datetime.now(UTC)
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise CertificatesInvalid(f"{path}: no certificates in PEM ({error})") from error
    ends = sorted(each.not_valid_after_utc for each in certificates)
    if ends[-1] <= now:
        raise CertificatesInvalid(f"{path}: the last certificate ended {ends[-1]:%Y-%m-%d}")
    valid = [each for each in ends if each > now]
    text = f"{len(valid)} valid certificate{'s'[: len(valid) > 1]}, the next to end does so {valid[0]:%Y-%m-%d}"
    return f"{text}: renew the file" if valid[0] - now < _WARN else text


def local_path(root: str, ca: Path | None) -> str:
    """Where this machine has the file that a function finds at ``root``; another path is given back as it is."""
    if root == MOUNTED and ca is not None:
        return str(ca)
    if root == PUBLIC_MOUNTED:
        return str(Path(botocore.__file__).with_name("cacert.pem"))
    return root
