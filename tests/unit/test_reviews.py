"""diff, graph, and what is done to a part of the manifests, on the host in memory."""

from __future__ import annotations

import textwrap

import pytest

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE
from tests.unit.conftest import Run
from tests.unit.looking import BIGGER, MACHINE, NET, OTHER, declare, watched


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, run: Run) -> FakeHost:
    return watched(monkeypatch)


def test_a_diff_for_reviewers(run: Run, host: FakeHost) -> None:
    assert run("diff") == (0, "", "")
    declare(IMAGE, NET, BIGGER.replace("hostname: web", "hostname: www"), OTHER)
    code, out, err = run("diff")
    assert code == 2
    assert textwrap.dedent("""\
        --- host/disk/web-root
        +++ manifests/disk/web-root  (manifests/all.yaml:16:1)
        @@ -3,4 +3,4 @@
           name: web-root
         spec:
           image: debian
        -  size: 4GiB
        +  size: 5GiB
        """) in out
    assert "-  memory: 512MiB\n+  memory: 768MiB\n" in out
    assert "--- /dev/null\n+++ manifests/disk/db-root  (" in out
    assert "+  image: debian\n+  size: 4GiB\n" in out
    assert "guest/web is blocked: " in err and "--restart virtualmachine/web" in err
    only = run("diff", "-l", "tier=back")[1]
    assert "db-root" in only and "web" not in only


def test_a_diff_of_what_goes_and_of_what_only_restarts(run: Run, host: FakeHost) -> None:
    declare(IMAGE)
    code, out, err = run("diff", "--prune")
    assert code == 2 and "--- host/network/lab\n+++ /dev/null\n" in out
    assert "-  subnet: 10.44.0.0/24\n" in out and "disk/web-root: kept, as data is" in err


def test_a_graph_in_three_languages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(IMAGE, NET, MACHINE)
    assert run("graph")[1] == textwrap.dedent("""\
        virtualmachine/web
        ├── disk/web-root
        │   └── image/debian
        ├── network/lab
        └── guest/web
            └── disk/web-root (as above)
        """)
    assert run("graph", "--target", "disk/web-root")[1] == "disk/web-root\n└── image/debian\n"
    dot = run("graph", "-o", "dot")[1].splitlines()
    assert dot[0] == "digraph tinycloud {" and dot[-1] == "}"
    assert '  "disk/web-root" -> "image/debian"' in dot
    assert '  "guest/web" -> "virtualmachine/web" [style = dashed]' in dot
    mermaid = run("graph", "-o", "mermaid")[1].splitlines()
    names = {line.partition('"')[2].rstrip('"]'): line.partition("[")[0].strip()
             for line in mermaid if "[" in line}
    assert mermaid[0] == "flowchart LR"
    assert f"  {names['disk/web-root']} --> {names['image/debian']}" in mermaid
    assert f"  {names['guest/web']} -.-> {names['virtualmachine/web']}" in mermaid
    assert run("graph", "-l", "tier=none")[0] == 1


def test_a_part_is_planned_and_destroyed_by_its_labels(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, BIGGER, OTHER)
    code, out, _ = run("plan", "-l", "tier=back")
    assert code == 0 and "virtualmachine/db" in out and "web" not in out
    assert run("plan", "-l", "tier=back", "--prune")[0] == 64
    code, _, err = run("plan", "-l", "tier=frnt")
    assert code == 1 and "there are: tier=back, tier=front" in err
    said = run("destroy", "-l", "tier=front")[1]
    assert "- virtualmachine/web" in said and "network/lab" not in said
    code, _, err = run("destroy", "--target", "net/lab")
    assert code == 1 and "network/lab cannot go alone" in err


def test_a_source_that_is_gone_is_said_with_its_line(run: Run) -> None:
    """Also where a disk stands on the image: its file has no name then."""
    declare('kind: Image\nmetadata: {name: base}\nspec: {source: {path: gone.raw}}',
            "kind: Disk\nmetadata: {name: data}\nspec: {image: base}")
    assert run("validate")[0] == 0
    code, out, err = run("plan", "--connect", "test:///default")
    assert (code, out) == (1, "") and "all.yaml:9:23: there is no file" in err
    assert run("graph")[1] == "disk/data\n└── image/base\n"
    assert "there is no file" in run("get", "--connect", "test:///default")[2]
