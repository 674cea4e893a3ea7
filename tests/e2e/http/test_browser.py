"""A page of another origin uses the archive in a real browser: the API, and storage behind its links."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from infra.local.state import StackFile

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

PAGE = """<!doctype html><pre></pre><script>
const told = {};
async function main() {
  const { api, id, secret } = STACK;
  const token = await fetch(`${api}/api/v1/auth/token`, {
    method: "POST",
    headers: { Authorization: "Basic " + btoa(`${id}:${secret}`) },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  told.token = [token.status, Number(token.headers.get("RateLimit-Limit")) > 0];
  const mine = { Authorization: "Bearer " + (await token.json()).access_token };
  const bytes = new TextEncoder().encode("from a page, " + Math.random());
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
  const started = await fetch(`${api}/api/v1/files`, {
    method: "POST",
    headers: { ...mine, "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify({
      filename: "page.txt", size: bytes.length, content_type: "text/plain", retention_policy: "temporary",
      sha256: digest.map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    }),
  });
  const { file_id, upload } = await started.json();
  told.started = [started.status, started.headers.get("Location") === `files/${file_id}`];
  const { "Content-Length": _, ...headers } = upload.headers;  // a browser says the length by itself
  const put = await fetch(upload.url, { method: "PUT", headers, body: bytes });
  told.put = [put.status, put.headers.get("ETag") !== null];
  const address = `${api}/api/v1/files/${file_id}`;
  let shown;
  do { shown = await fetch(address, { headers: mine, cache: "no-store" }); } while (shown.status === 404);
  const etag = shown.headers.get("ETag");
  const again = await fetch(address, { headers: { ...mine, "If-None-Match": etag }, cache: "no-store" });
  told.shown = [shown.status, again.status];
  const link = await fetch(`${address}/download`, { headers: { ...mine, Accept: "application/json" } });
  const part = await fetch((await link.json()).url, { headers: { Range: "bytes=5-10" } });
  told.download = [part.status, await part.text()];
  const nowhere = await fetch(`${api}/api/v1/nowhere`, { headers: mine });
  told.nowhere = [nowhere.status, (await nowhere.json()).code];
  const wrong = await fetch(`${api}/api/v1/files`, { method: "PUT", headers: mine });
  told.wrong = [wrong.status, wrong.headers.get("Allow")];
}
main().catch((error) => { told.error = String(error); }).finally(() => {
  document.querySelector("pre").textContent = JSON.stringify(told);
});
</script>"""


@pytest.fixture
def page(stack: StackFile) -> Iterator[str]:
    """The address of the page, on an origin of its own."""
    known = {"api": stack.api_url, "id": stack.client_id, "secret": stack.client_secret}
    content = PAGE.replace("STACK", json.dumps(known), 1).encode()

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
def test_a_page_uploads_reads_and_downloads(page: str, tmp_path: Path) -> None:
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
    quiet = ("--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={tmp_path}")
    seen = subprocess.run(
        [str(BROWSER), *options, *quiet, "--virtual-time-budget=60000", "--dump-dom", page],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    told = re.search("<pre>(.*?)</pre>", seen, re.DOTALL)
    assert told is not None, seen
    assert json.loads(unescape(told[1])) == {
        "token": [200, True],
        "started": [201, True],
        "put": [200, True],
        "shown": [200, 304],
        "download": [206, "a page"],
        "nowhere": [404, "path_not_found"],
        "wrong": [405, "GET, HEAD, OPTIONS, POST"],
    }
