"""An ordinary user with libvirt's session: image, guest settings, machine; no root anywhere.

One machine lives through this module, in the order of the tests, and is got at in every way that
there is.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sysconfig
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pexpect
import pytest

from tiny_cloud.schema.files import whole

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

# A run that was killed leaves its user behind: the next one has another.
USER = f"tctsession{os.getpid()}"
ROOT = Path(__file__).parents[2]
AGENT = """\
#!/usr/bin/perl
# As much of qemu-guest-agent as it takes to be asked for addresses (its protocol: qga/qapi-schema).
open(my $port, '+<:unix', '/dev/virtio-ports/org.qemu.guest_agent.0') or die $!;
open(my $card, '<', '/sys/class/net/eth0/address') or die $!;
chomp(my $mac = <$card>);
my $cards = '[{"name": "eth0", "hardware-address": "' . $mac . '", "ip-addresses": [' .
  '{"ip-address": "10.0.2.15", "ip-address-type": "ipv4", "prefix": 24}]}]';
my $said = '';
while (1) {
  sysread($port, $said, 4096, length $said) or select(undef, undef, undef, 0.1);
  while ($said =~ s/^(.*?)\\n//s) {
    my $line = $1;
    my ($id) = $line =~ /"id":\\s*(\\d+)/;
    my $answer = $line =~ /guest-sync/ ? $id : $line =~ /get-interfaces/ ? $cards : '';
    my $said = $answer ? "\\"return\\": $answer" : '"error": {"class": "CommandNotFound"}';
    syswrite($port, "{$said}\\n") if $line =~ /execute/;
  }
}
"""
PASSWORD = "correct horse"
MANIFEST = """
    apiVersion: tinycloud/v1
    kind: Image
    metadata: {{name: debian}}
    spec: {{source: {{path: {image}}}}}
    ---
    apiVersion: tinycloud/v1
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      cpus: 1
      memory: 512MiB
      stopTimeout: {patience}
      disks: [{{name: root, image: debian, size: 4GiB}}]
      interfaces:
        - name: eth0
          user: {{forward: [{{host: {port}, guest: 22}}]}}
          address: 10.0.2.15/24
      guest:
        hostname: session-web
        users:
          root: {{password: {{file: secret.txt}}}}
          koder:
            password: {{file: secret.txt}}
            authorizedKeys: ["{key}"]
            sudo: "ALL=(ALL) NOPASSWD: ALL"
        files: [{{path: /usr/local/sbin/agent, mode: "0755", content: {agent}}}]
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Of a user who is made for this test, with a copy of tinycloud: ours may be out of reach."""
    subprocess.run(["useradd", "--create-home", USER], check=True, capture_output=True)
    home = Path("/home") / USER
    try:
        shutil.copytree(sysconfig.get_path("purelib"), home / "packages", symlinks=True)
        for folder in ("tiny_cloud", "schemas"):
            shutil.copytree(ROOT / folder, home / "site" / folder)
        yield home
    finally:
        # Its libvirtd ends by itself, but only after two minutes.
        subprocess.run(["pkill", "-KILL", "-u", USER], check=False)
        while subprocess.run(["pgrep", "-u", USER], capture_output=True, check=False).stdout:
            time.sleep(0.1)
        subprocess.run(["userdel", "--remove", USER], check=True, capture_output=True)


def as_user(home: Path, *argv: str) -> list[str]:
    return ["runuser", "--user", USER, "--", "env", "--ignore-environment", f"HOME={home}",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR=1", "TERM=dumb",
            f"PYTHONPATH={home / 'site'}:{home / 'packages'}", *argv]


TINYCLOUD = ("/usr/bin/python3", "-c", "from tiny_cloud.cli import main; main()")


def run(home: Path, *argv: str, expect: int = 0) -> str:
    return "".join(told(home, *argv, expect=expect))


def told(home: Path, *argv: str, expect: int = 0) -> tuple[str, str]:
    """stdout and stderr."""
    done = subprocess.run(
        as_user(home, *TINYCLOUD, *argv),
        cwd=home, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == expect, said
    return done.stdout, done.stderr


def declare(home: Path, text: str) -> None:
    folder = home / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / "web.yaml").write_text(textwrap.dedent(text))


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def machine(home: Path, image: Path, port: int, *, patience: int) -> str:
    key = (home / ".ssh/id_ed25519.pub").read_text().strip()
    return MANIFEST.format(image=image, port=port, key=key, agent=json.dumps(AGENT),
                           patience=patience)


def storage(home: Path) -> Path:
    return home / ".local/share/tinycloud"


def test_a_machine_of_an_ordinary_user(home: Path, debian: Path, port: int) -> None:
    keygen = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{home}/.ssh/id_ed25519")
    subprocess.run(as_user(home, "mkdir", "-m", "700", f"{home}/.ssh"), check=True)
    subprocess.run(as_user(home, *keygen), check=True)
    declare(home, machine(home, debian, port, patience=300))
    (home / "manifests/secret.txt").write_text(PASSWORD)
    said = run(home, "apply", "--yes")
    assert "qemu:///session" in said
    assert "No changes" in run(home, "plan", "--detailed-exitcode")


def test_it_is_waited_for_and_says_where_it_is(home: Path, port: int) -> None:
    _, late = told(home, "wait", "web", "--for", "ip", "--timeout", "1", expect=1)
    assert "✘ virtualmachine/web  ip  not in 1 s: its guest agent does not answer" in late
    assert "qemu's own network shows no address outside; forward a port" in late
    there, _ = told(home, "wait", "web", "--for", "ssh")
    assert "✓ virtualmachine/web  ssh  after " in there and f"127.0.0.1:{port}\n" in there
    found = json.loads(told(home, "ip", "web", "-o", "json")[0])
    jsonschema.validate(found, whole("addresses"))
    assert [(one["address"], one["sources"]) for one in found["addresses"]] == [
        ("10.0.2.15", ["declared"])]
    assert [(one["port"], one["guestPort"]) for one in found["forwards"]] == [(port, 22)]


def test_a_command_runs_in_it(home: Path) -> None:
    said, _ = told(home, "ssh", "web", "--", "id -un; cat /etc/hostname; exit 7", expect=7)
    assert said.split() == ["koder", "session-web"]
    # By the machine and its disk, not by the port, which may be another machine's tomorrow.
    record = json.loads((storage(home) / "records/guest-web.json").read_text())
    found = subprocess.run(as_user(home, "ssh-keygen", "-F", f"web.{record['inode']}"),
                           capture_output=True, text=True, check=True)
    assert "ssh-ed25519" in found.stdout


def test_its_agent_tells_addresses(home: Path) -> None:
    assert "not in 0 s: its guest agent does not answer" in run(
        home, "wait", "vm/web", "--for", "agent", "--timeout", "0", expect=1)
    start = "sudo setsid /usr/local/sbin/agent >/dev/null 2>&1 </dev/null &"
    run(home, "ssh", "web", "--", start)
    run(home, "wait", "web", "--for", "agent", "--timeout", "60")
    (line,) = told(home, "ip", "web", "--source", "agent")[0].splitlines()[1:]
    assert line.split()[:4] == ["eth0", "10.0.2.15/24", "agent", "user"]
    assert re.search(r"10\.0\.2\.15/24 +agent,declared ", told(home, "ip", "web")[0])


class Terminal:
    """A window with a shell's view of it before and after tinycloud console."""

    def __init__(self, home: Path, *options: str) -> None:
        script = 'stty -g; "$@"; echo "code $?"; stty -g'
        argv = as_user(home, "sh", "-c", script, "sh", *TINYCLOUD, "console", "web", *options)
        self.child = pexpect.spawn(argv[0], argv[1:], cwd=str(home), encoding="utf-8", timeout=120)

    def ends(self, code: int) -> str:
        """What was said last; the terminal is as it was before."""
        self.child.expect(pexpect.EOF)
        said = str(self.child.before)
        self.child.close()
        before, after = re.findall(r"^[0-9a-f]+(?::[0-9a-f]+){10,}", self.before + said, re.M)
        assert before == after and f"code {code}" in said, said
        return said

    def opened(self) -> None:
        self.child.expect_exact("Ctrl-] leaves it.")
        self.before = str(self.child.before)


def test_its_console_is_a_terminal(home: Path) -> None:
    first = Terminal(home)
    first.opened()
    first.child.send("\r")
    first.child.expect_exact("session-web login: ")
    first.child.send("koder\r")
    first.child.expect_exact("Password: ")
    first.child.send(f"{PASSWORD}\r")
    first.child.expect(r"\$ $")
    # Ctrl-C is the guest's.
    first.child.send("sleep 1000\r")
    first.child.expect_exact("sleep 1000")
    time.sleep(0.5)
    first.child.send("\x03")
    first.child.expect(r"\$ $")
    first.child.send("echo $((6 * 7))\r")
    first.child.expect(r"[\r\n]42\r")
    assert "somebody has it open already: --force takes it" in pexpect_run(home)
    second = Terminal(home, "--force")
    second.opened()
    assert "somebody else has taken its console." in first.ends(0)
    second.child.send("exit\r")
    second.child.expect_exact("session-web login: ")
    second.child.send("\x1d")
    assert "Left." in second.ends(0)


def pexpect_run(home: Path) -> str:
    argv = as_user(home, *TINYCLOUD, "console", "web")
    said, code = pexpect.run(shlex.join(argv), cwd=str(home), withexitstatus=True, timeout=120)
    assert code == 1
    return str(said, "utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_console_that_is_killed_leaves_the_terminal_as_it_was(
    home: Path, number: signal.Signals
) -> None:
    one = Terminal(home)
    one.opened()
    time.sleep(0.3)
    # The shell above it has other words before these.
    (pid,) = subprocess.run(["pgrep", "-u", USER, "-xf", "/usr/bin/python3 -c .* console web"],
                            capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(pid), number)
    assert "Interrupted." in one.ends(128 + number)


def test_what_it_has_said_is_kept(home: Path) -> None:
    console, qemu = run(home, "logs", "web", "--tail", "all").split("\n==> ")
    assert console.startswith(f"==> {storage(home)}/consoles/web.log <==\n")
    assert "Debian GNU/Linux 12 session-web ttyS0\n" in console
    assert "session-web login: koder\n" in console
    assert "\x1b" not in console and "\r" not in console
    assert qemu.startswith(f"{home}/.cache/libvirt/qemu/log/web.log <==\n")
    assert "qemu-system-x86_64" in qemu
    assert len(run(home, "logs", "web", "--qemu", "--tail", "2").splitlines()) == 2


def test_it_stops_gracefully_and_starts(home: Path, debian: Path, port: int) -> None:
    said = run(home, "stop", "web", "--yes")
    assert "its manifest says running: true, so that the next apply starts it again" in said
    assert run(home, "stop", "web", "--yes") == "virtualmachine/web: it is off already\n"
    off = run(home, "ssh", "web", expect=1)
    assert "virtualmachine/web is off" in off and "tinycloud start web" in off
    change = run(home, "plan")
    assert "running: false → true" in change
    run(home, "start", "web", "--yes")
    assert "No changes" in run(home, "plan", "--detailed-exitcode")
    # A guest early in its boot does not hear that it is to power off.
    declare(home, machine(home, debian, port, patience=1))
    assert "did not power off within 1 s" in run(home, "restart", "web", "--yes", expect=1)
    run(home, "wait", "web", "--for", "running", "--timeout", "0")


def test_it_leaves_no_trace(home: Path) -> None:
    run(home, "destroy", "--yes", "--delete-data", "*", "--force-off", "vm/web")
    run(home, "purge", "--yes")
    left = [path.name for path in storage(home).rglob("*") if not path.is_dir()]
    assert left == ["journal.jsonl"]


def test_what_an_ordinary_user_cannot_have(home: Path, debian: Path, port: int) -> None:
    text = machine(home, debian, port, patience=1)
    declare(home, text.replace(f"user: {{forward: [{{host: {port}, guest: 22}}]}}",
                               "network: default"))
    said = run(home, "plan", expect=1)
    assert "no active network default" in said and "user: {}" in said


def test_what_takes_root_is_said_when_it_is_planned(home: Path) -> None:
    declare(home, """
        apiVersion: tinycloud/v1
        kind: Disk
        metadata: {name: data}
        spec: {size: 8MiB}
    """)
    elsewhere = ("--storage", "/var/lib/tinycloud/of-root")
    said = run(home, "plan", *elsewhere)
    assert "takes root" in said and "/var/lib/tinycloud/of-root is not yours to write" in said
    assert "cannot be written: Permission denied" in run(home, "apply", "--yes", *elsewhere,
                                                         expect=1)
    assert "takes root" not in run(home, "plan")
    # libvirt of the system is root's, or of those whom root has let in.
    said = run(home, "plan", "--connect", "qemu:///system", expect=1)
    assert "run as root, or join the group libvirt" in said
