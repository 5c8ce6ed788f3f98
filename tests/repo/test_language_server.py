"""``# yaml-language-server: $schema=…`` in a real one, which npm has.

It takes Node.js and npm, which nothing else here needs: so it runs with ``make long`` alone.
tests/unit/test_editors.py holds manifests against the same schema in every run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_pin import Site
from tiny_cloud.starter import begin

pytestmark = pytest.mark.long
LINE = "# yaml-language-server: $schema={schema}\n"
WRONG = """\
apiVersion: tinycloud/v1
kind: Disk
metadata: {{name: a}}
spec: {{size: 1GiB, sise: 1GiB}}
---
""" + LINE + """\
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: web}}
spec: {{replicas: 2, cpus: "x", memory: 1GiB, description: "number ${{index}}"}}
"""
SAID = [(5, "Property sise is not allowed."), (11, 'Incorrect type. Expected "integer".')]


class Server:
    """Spoken to as editors do (the Language Server Protocol, 3.17)."""

    def __init__(self, folder: Path) -> None:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix",
                        str(folder), "yaml-language-server"], check=True)
        main = folder / "node_modules/yaml-language-server/bin/yaml-language-server"
        self.process = subprocess.Popen(["node", str(main), "--stdio"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        settings = {"workspace": {"configuration": True}}
        self.send(id=1, method="initialize",
                  params={"processId": None, "rootUri": None, "capabilities": settings})
        while self.next().get("id") != 1:
            pass
        self.send(method="initialized", params={})

    def send(self, **message: Any) -> None:
        assert self.process.stdin is not None
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        self.process.stdin.flush()

    def next(self) -> Any:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.startswith(b"Content-Length:"):
                length = int(line.partition(b":")[2])
        return json.loads(self.process.stdout.read(length))

    def problems(self, file: Path) -> list[tuple[int, str]]:
        """(line, message) of what it says of a file that is opened."""
        about = {"uri": file.as_uri(), "languageId": "yaml", "version": 1}
        self.send(method="textDocument/didOpen",
                  params={"textDocument": {**about, "text": file.read_text()}})
        while (said := self.next()).get("params", {}).get("uri") != file.as_uri():
            if said.get("method") == "workspace/configuration":
                yaml = {"validate": True, "schemaStore": {"enable": False}}
                self.send(id=said["id"], result=[yaml if item.get("section") == "yaml" else None
                                                 for item in said["params"]["items"]])
            elif "id" in said and "method" in said:
                self.send(id=said["id"], result=None)
        return [(found["range"]["start"]["line"] + 1, found["message"])
                for found in said["params"]["diagnostics"]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert shutil.which("npm"), "install Node.js and npm"
    made = Server(tmp_path_factory.mktemp("npm"))
    yield made
    made.process.kill()
    made.process.communicate()


def test_by_a_path_and_by_an_address(server: Server, tmp_path: Path) -> None:
    list(begin(tmp_path))
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(tmp_path / "schemas")))
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{site.server_port}/tinycloud.json"
    for name, schema in (("path", "../schemas/tinycloud.json"), ("address", address)):
        file = tmp_path / "manifests" / f"{name}.yaml"
        file.write_text(LINE.format(schema=schema) + WRONG.format(schema=schema))
        assert server.problems(file) == SAID
    site.shutdown()
    thread.join()
    site.server_close()
    for file in (tmp_path / "manifests").glob("[cdw]*.yaml"):
        assert server.problems(file) == []
