"""The probe's decisions, with a kernel that only pretends."""

from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host.acceleration import appliance_environ, choose_kernel, probe, qemu_argv


class Kernel:
    """Boots as it is told to, and counts."""

    def __init__(self, comes_up: bool) -> None:
        self.comes_up = comes_up
        self.booted: list[str] = []

    def __call__(self, path: str) -> bool:
        self.booted.append(path)
        return self.comes_up


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "kvm").touch()
    (tmp_path / "vmlinuz-1").touch()
    return tmp_path


def ask(host: Path, kernel: Kernel, cache: str = "cache") -> str:
    return probe(host / cache, str(host / "vmlinuz-*"), device=host / "kvm", boot=kernel)


@pytest.mark.parametrize(("comes_up", "answer"), [(True, "kvm"), (False, "tcg")])
def test_the_kernel_decides_once_a_boot(host: Path, comes_up: bool, answer: str) -> None:
    kernel = Kernel(comes_up)
    assert ask(host, kernel) == ask(host, kernel) == answer
    assert kernel.booted == [str(host / "vmlinuz-1")]


def test_another_boot_of_the_host_asks_again(host: Path) -> None:
    ask(host, Kernel(False))
    cache = host / "cache" / "acceleration.json"
    cache.write_text('{"boot_id": "another", "accel": "tcg"}')
    assert ask(host, Kernel(True)) == "kvm"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"boot_id": 1}', "\x00", '"kvm"'])
def test_a_broken_cache_was_never_there(host: Path, text: str) -> None:
    (host / "cache").mkdir()
    (host / "cache" / "acceleration.json").write_text(text)
    assert ask(host, Kernel(True)) == "kvm"


def test_it_lives_without_a_cache(host: Path) -> None:
    (host / "file").touch()
    assert ask(host, Kernel(True), cache="file/below") == "kvm"


def test_without_a_device_nothing_is_booted_or_remembered(host: Path) -> None:
    (host / "kvm").unlink()
    kernel = Kernel(True)
    assert ask(host, kernel) == "tcg"
    assert kernel.booted == [] and not (host / "cache").exists()
    (host / "kvm").touch()
    assert ask(host, kernel) == "kvm"


def test_without_a_readable_kernel_it_asks_for_the_word(host: Path) -> None:
    (host / "vmlinuz-1").unlink()
    with pytest.raises(Failure, match=r"no kernel at .* can be read") as caught:
        ask(host, Kernel(True))
    assert "accel: kvm or accel: tcg" in caught.value.hint
    assert not (host / "cache").exists()


def test_the_running_kernel_first(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"vmlinuz-{release}") for release in ("6.1", "6.2", "6.9")]
    for path in paths[:2]:
        Path(path).touch()
    assert choose_kernel(paths, "6.1") == paths[0]
    assert choose_kernel(paths, "6.9") == paths[1], "the running one is not readable"
    assert choose_kernel([], "6.1") == ""


def test_the_probe_has_no_disk_and_the_machines_cpu() -> None:
    argv = qemu_argv("/boot/vmlinuz", "kvm")
    assert argv[:5] == ("qemu-system-x86_64", "-accel", "kvm", "-cpu", "host")
    assert not {"-drive", "-hda", "-blockdev", "-netdev"} & set(argv)


def test_what_the_appliance_is_told() -> None:
    forced = {"LIBGUESTFS_BACKEND_SETTINGS": "force_tcg",
              "LIBGUESTFS_APPEND": "udev.children_max=1 acpi=off"}
    assert appliance_environ("tcg", {}) == {"LIBGUESTFS_BACKEND": "direct", **forced}
    assert appliance_environ("kvm", {}) == {}
    assert appliance_environ("tcg", {"LIBGUESTFS_BACKEND": "libvirt"}) == forced
