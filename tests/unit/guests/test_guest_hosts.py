import pytest
from guest_texts import guest, made, texts, wish
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.errors import Failure
from tiny_cloud.guests.hostname import Hostname
from tiny_cloud.guests.hosts import Hosts

HOSTS = """\
# first block: do not touch
127.0.0.1\tlocalhost
127.0.1.1\told.lab old printer # set by the installer
#10.0.0.9 commented out

# The following lines are desirable for IPv6 capable hosts
::1     localhost ip6-localhost ip6-loopback
"""


def written(text: str | None, before: str = "old", **settings: object) -> str | None:
    files = {"/etc/hostname": f"{before}\n", **({"/etc/hosts": text} if text is not None else {})}
    return texts(made(Hosts(own_line=True), wish(**settings), guest(files))).get("/etc/hosts")


def test_everything_but_our_own_line_is_kept() -> None:
    """The original's bug 2: the first block vanished, and comments became entries."""
    assert written(HOSTS, hostname="web.lab") == HOSTS.replace(
        "127.0.1.1\told.lab old printer #", "127.0.1.1\tweb.lab web printer\t#")


def test_what_is_right_is_not_written_again() -> None:
    once = written(HOSTS, hostname="web")
    assert once is not None and written(once, before="web", hostname="web") is None


def test_a_file_without_the_line_gets_it_after_localhost() -> None:
    assert written("127.0.0.1 localhost\n::1 localhost\n", hostname="web") == (
        "127.0.0.1 localhost\n127.0.1.1\tweb\n::1 localhost\n")


def test_an_absent_file_is_made_whole() -> None:
    text = written(None, hostname="web")
    assert text is not None and text.startswith("127.0.0.1\tlocalhost\n127.0.1.1\tweb\n::1\t")


def test_other_hosts_stand_in_a_block_that_is_renewed() -> None:
    declared = [{"address": "10.1.1.1", "names": ["db", "db.lab"]},
                {"address": "fd00::1", "names": ["six"]}]
    once = written(HOSTS, hosts=declared)
    assert once == HOSTS + ("# tinycloud: begin\n10.1.1.1\tdb db.lab\nfd00::1\tsix\n"
                            "# tinycloud: end\n")
    assert written(once, hosts=declared[:1]) == HOSTS + (
        "# tinycloud: begin\n10.1.1.1\tdb db.lab\n# tinycloud: end\n")
    assert written(once, hosts=[]) == HOSTS
    assert written(once, hostname="old.lab", before="old") is None


def test_a_block_whose_end_is_gone_swallows_nothing() -> None:
    broken = "# tinycloud: begin\n10.9.9.9 mine\n"
    text = written(broken, hosts=[{"address": "10.1.1.1", "names": ["db"]}])
    assert text is not None and "10.9.9.9 mine\n" in text


@pytest.mark.parametrize("host", [
    {"address": "999.1.1.1", "names": ["db"]},
    {"address": "10.1.1.1", "names": []},
    {"address": "10.1.1.1", "names": ["a b"]},
    {"address": "10.1.1.1", "names": ["a\n6.6.6.6 bank"]},
])
def test_a_line_that_is_none_is_refused(host: dict[str, object]) -> None:
    with pytest.raises(Failure):
        written(HOSTS, hosts=[host])


foreign = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


@given(foreign)
def test_lines_of_others_survive_byte_for_byte(lines: list[str]) -> None:
    lines = [line for line in lines if "127.0.1.1" not in line and "tinycloud" not in line]
    text = "\n".join(["127.0.0.1 localhost", *lines, ""])
    result = written(text, hostname="web")
    assert result is not None
    assert result.replace("127.0.1.1\tweb\n", "", 1) == text


def test_the_hostname_is_the_short_one() -> None:
    assert texts(made(Hostname(), wish(hostname="web.lab"), guest())) == {"/etc/hostname": "web\n"}
    assert made(Hostname(), wish(hostname="web"), guest({"/etc/hostname": "web\n"})) == []
    assert made(Hostname(), wish(), guest()) == []
