"""Pieces of XML of the user's own: parsed warily, found again however libvirt writes them."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tiny_cloud.libvirt_xml.graft import canonical
from tiny_cloud.libvirt_xml.parts import fragments, snippet

WATCHDOG = "<watchdog model='ib700' action='none'/>"
DOMAIN = """<domain><name>x</name><devices>
<disk device='disk'><source file='/a'/></disk>
<watchdog model='i6300esb' action='reset'><address slot='3'/></watchdog>
</devices></domain>"""


def piece(xml: str, target: str = "devices", operation: str = "append") -> dict[str, str]:
    return {"xml": xml, "target": target, "operation": operation}


def written(*pieces: dict[str, str], xml: str = DOMAIN, former: Any = None) -> etree._Element:
    root = etree.fromstring(xml)
    fragments.write(root, {"xml": list(pieces)}, former or {})
    return root


def test_what_is_appended_stands_beside_its_like_and_only_once() -> None:
    once = written(piece(WATCHDOG))
    assert once.xpath("//watchdog/@model") == ["i6300esb", "ib700"]
    again = written(piece(WATCHDOG), xml=etree.tostring(once, encoding="unicode"))
    assert canonical(again) == canonical(once)


def test_what_is_there_with_more_to_it_is_there() -> None:
    there = written(piece("<watchdog action='reset' model='i6300esb'/>"))
    assert there.xpath("count(//watchdog)") == 1.0


@pytest.mark.parametrize(("ours", "theirs"), [
    ("<size unit='MiB'>4</size>", "<size unit='KiB'>4096</size>"),
    ("<address bus='0x0A'/>", "<address bus='10'/>"),
    ("<m><a>ON</a></m>", "<m><b/><a> on </a></m>"),
])
def test_libvirts_spelling_is_the_same(ours: str, theirs: str) -> None:
    root = written(piece(ours), xml=f"<domain><devices>{theirs}</devices></domain>")
    assert len(root[0]) == 1


@pytest.mark.parametrize(("ours", "theirs"), [
    ("<size unit='MiB'>4</size>", "<size unit='KiB'>4</size>"),
    ("<m a='1'/>", "<m a='2'/>"),
    ("<m><a/><a/></m>", "<m><a/></m>"),
    ("<m/><m/>", "<m/>"),
])
def test_another_value_is_another_piece(ours: str, theirs: str) -> None:
    root = written(piece(ours), xml=f"<domain><devices>{theirs}</devices></domain>")
    assert len(root[0]) > 1


def test_a_missing_target_is_made_and_dot_is_the_domain() -> None:
    root = written(piece("<relaxed state='on'/>", "features/hyperv"), piece("<genid/>", "."))
    assert root.xpath("features/hyperv/relaxed/@state") == ["on"]
    assert root.find("genid") is not None


def test_arguments_of_qemu_stay_together() -> None:
    pair = "<qemu:arg value='-global'/><qemu:arg value='a.b=1'/>"
    root = written(piece(pair, "qemu:commandline"), piece(pair.replace("=1", "=2"),
                                                          "qemu:commandline"))
    values = root.xpath("q:commandline/q:arg/@value", namespaces={"q": snippet.QEMU})
    assert values == ["-global", "a.b=1", "-global", "a.b=2"]


def test_what_replaces_keeps_the_place_and_only_that_of_the_same_model() -> None:
    same = written(piece("<watchdog model='i6300esb' action='none'/>", "devices/watchdog",
                         "replace"))
    assert same.xpath("//watchdog/@action") == ["none"] and same.xpath("//watchdog/address")
    other = written(piece(WATCHDOG, "devices/watchdog", "replace"))
    assert other.xpath("//watchdog/@model") == ["ib700"]
    assert not other.xpath("//watchdog/address")


def test_what_libvirt_rewrote_counts_once_it_was_applied() -> None:
    declared = {"xml": [piece("<shmem name='a'><role>x</role></shmem>")]}
    root = etree.fromstring("<domain><devices><shmem name='b'><role>y</role></shmem></devices>"
                            "</domain>")
    assert fragments.present(root, declared, {}) == {}
    former = fragments.fields(declared)
    assert fragments.present(root, declared, former) == former
    assert len(written(*declared["xml"], xml=etree.tostring(root, encoding="unicode"),
                       former=former)[0]) == 1


def test_what_is_not_declared_any_more_goes_if_it_is_ours_word_for_word() -> None:
    former = fragments.fields({"xml": [piece(WATCHDOG)]})
    root = written(piece(WATCHDOG))
    assert fragments.present(root, {}, former) == former
    fragments.forget(root, former)
    assert root.xpath("//watchdog/@model") == ["i6300esb"]
    fragments.forget(root, former)
    assert root.xpath("//watchdog/@model") == ["i6300esb"], "somebody else's"


def test_the_order_of_the_list_and_of_attributes_means_nothing() -> None:
    one, two = piece(WATCHDOG), piece("<watchdog action='none' model='ib700' ></watchdog>")
    assert fragments.fields({"xml": [one]}) == fragments.fields({"xml": [two]})


@pytest.mark.parametrize(("item", "says"), [
    (piece("<a"), "cannot be used"),
    (piece("words"), "must be an element"),
    (piece("<a/>words"), "must be an element"),
    (piece("<a/><b/>"), "must have one name"),
    (piece("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "document type"),
    (piece("<a>&b;</a>"), "cannot be used"),
    (piece("<a><![CDATA[x]]></a>"), "document type or CDATA"),
    (piece("</piece><piece>"), "cannot be used"),
    (piece("<name>other</name>", "."), "cannot touch <name>"),
    (piece("<x/>", "metadata"), "cannot touch <metadata>"),
    (piece("<memory>1</memory>", "."), "the field memory is for that"),
    (piece("<devices/>", "devices", "replace"), "as a whole cannot be replaced"),
    (piece("<disk/>", "devices/disk", "replace"), "as a whole cannot be replaced"),
    (piece("<rng/>", "devices/video", "replace"), "one element of that name"),
    (piece("<rng><alias name='ua-disk-root'/></rng>"), "would pass for ours"),
])
def test_what_is_refused(item: dict[str, str], says: str) -> None:
    assert says in str(snippet.mistakes(item))


def test_what_is_accepted() -> None:
    assert snippet.mistakes(piece("<!-- why --><vsock model='virtio'/>")) is None
    assert snippet.mistakes(piece("<rng/>", "devices/rng", "replace")) is None


def test_depth_and_entities_do_no_harm() -> None:
    for text in ("<a>" * 5000, "<a>" * 5000 + "</a>" * 5000):
        assert "cannot be used" in str(snippet.mistakes(piece(text)))
