import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiny_cloud.errors import Problems
from tiny_cloud.libvirt_xml import Forward, Interface, Source
from tiny_cloud.libvirt_xml.cards import ARGUMENT, COMMANDLINE, Card, place, read, write

USER = Source("user")
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=12)


def words(root: etree._Element) -> list[str]:
    return [item.get("value", "") for item in root.iterfind(f"{COMMANDLINE}/{ARGUMENT}")]


def card(name: str, function: int = 4, *forwards: Forward, model: str = "virtio") -> Card:
    return Card(name, "52:54:00:00:00:01", model, function, forwards)


def interface(name: str) -> Interface:
    return Interface(name, "52:54:00:00:00:01", "virtio", USER, (Forward(2222, 22),))


def test_what_qemu_is_told() -> None:
    root = etree.Element("domain")
    forwards = (Forward(2222, 22), Forward(53, 5353, "udp", "0.0.0.0"))
    write(root, "pc-q35-7.2", [card("eth0", 4, *forwards)])
    assert words(root) == [
        "-netdev",
        "user,id=tinycloud-eth0,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp:0.0.0.0:53-:5353",
        "-device",
        "virtio-net-pci,netdev=tinycloud-eth0,mac=52:54:00:00:00:01,bus=pcie.0,addr=0x1f.4",
    ]
    write(root, "pc", [card("eth0", 7, Forward(2222, 22), model="e1000")])
    assert words(root)[3] == (
        "e1000,netdev=tinycloud-eth0,mac=52:54:00:00:00:01,bus=pci.0,addr=0x1.7")


def test_other_peoples_arguments_and_variables_stay() -> None:
    root = etree.fromstring(
        "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:commandline>"
        "<q:arg value='-netdev'/><q:arg value='user,id=theirs'/><q:arg value='-no-hpet'/>"
        "<q:env name='A' value='b'/></q:commandline></domain>")
    before = etree.tostring(root)
    write(root, "q35", [card("eth0")])
    assert words(root)[:3] == ["-netdev", "user,id=theirs", "-no-hpet"]
    assert [item.name for item in read(root)] == ["eth0"]
    write(root, "q35", [])
    assert etree.tostring(root) == before


def test_the_last_card_takes_the_command_line_with_it() -> None:
    root = etree.Element("domain")
    write(root, "q35", [card("eth0")])
    write(root, "q35", [])
    assert len(root) == 0


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_no_value_becomes_an_option(names: list[tuple[str, str]]) -> None:
    """Commas, equals signs and all: what is written is what is read."""
    cards = tuple(Card(name, mac, "virtio", 4 + at, (Forward(1 + at, 22),))
                  for at, (name, mac) in enumerate(names))
    root = etree.Element("domain")
    write(root, "q35", cards)
    assert read(root) == cards


def test_cards_that_stay_keep_their_function() -> None:
    assert [item.function for item in place([interface("a"), interface("b")], {})] == [4, 5]
    placed = place([interface("b"), interface("c"), interface("d")], {"a": 4, "b": 5})
    assert [(item.name, item.function) for item in placed] == [("b", 5), ("c", 4), ("d", 6)]


def test_forwards_edited_by_hand_show_as_drift() -> None:
    root = etree.Element("domain")
    write(root, "q35", [card("eth0", 4, Forward(2222, 22))])
    argument = root.findall(f"{COMMANDLINE}/{ARGUMENT}")[1]
    argument.set("value", argument.get("value", "").replace(":2222-", ":ssh-"))
    assert read(root)[0].forwards != (Forward(2222, 22),)


@pytest.mark.parametrize(("host", "expected"), [
    (2222, Forward(2222, 22)),
    ("2222", Forward(2222, 22)),
    ("0.0.0.0:2222", Forward(2222, 22, address="0.0.0.0")),
])
def test_a_forward_in_the_manifests_words(host: str | int, expected: Forward) -> None:
    assert Forward.of(host, 22) == expected


def test_a_forward_as_a_field() -> None:
    assert Forward.of(2222, 22).text() == '{"guest":22,"host":"127.0.0.1:2222","protocol":"tcp"}'


def test_a_port_that_is_none() -> None:
    with pytest.raises(Problems, match=r"'127\.0\.0\.1:ssh' is no port"):
        Forward.of("127.0.0.1:ssh", 22)
