import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.sizes import LARGEST, about, format_size, parse_size


@pytest.mark.parametrize(("text", "size"), [
    ("10GiB", 10 * 2**30), ("10G", 10 * 2**30), ("1.5GiB", 1536 * 2**20), ("512MiB", 2**29),
    ("3K", 3072), ("2TiB", 2**41), ("1P", 2**50), ("512B", 512), ("512", 512), (512, 512), ("0", 0),
    ("0.5K", 512),
])
def test_parses(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "words"), [
    ("10GB", "GB counts in thousands; write 10GiB"),
    ("10mb", "mb counts in thousands; write 10MiB"),
    ("10g", "g is no unit; write 10GiB"),
    ("10gib", "gib is no unit; write 10GiB"),
    ("10 GiB", "a size is a number and a unit"),
    ("10XiB", "XiB is no unit; write KiB, MiB, GiB, TiB or PiB"),
    ("1.3KiB", "whole number of bytes"),
    ("-1G", "a size is a number and a unit"),
    ("", "a size is a number and a unit"),
    ("\N{ARABIC-INDIC DIGIT ONE}G", "a size is a number and a unit"),
    ("9999999P", "a size lies between"),
    (-1, "a size lies between"),
    ("9" * 1_000_000, "a size is a number and a unit"),
])
def test_refuses(text: str | int, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_size(text)


@pytest.mark.parametrize(("size", "text"), [
    (10 * 2**30, "10GiB"), (1536 * 2**20, "1536MiB"), (1000, "1000B"), (0, "0B"), (2**50, "1PiB"),
    (LARGEST, "9223372036854775807B"),
])
def test_formats(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(("size", "text"), [
    (0, "0B"), (1023, "1023B"), (1024, "1.0KiB"), (446_300_160, "425.6MiB"), (2**41, "2.0TiB"),
    (2**60, "1024.0PiB"),
])
def test_about(size: int, text: str) -> None:
    assert about(size) == text


@given(st.integers(0, LARGEST))
def test_what_is_formatted_is_parsed_back(size: int) -> None:
    assert parse_size(format_size(size)) == size
