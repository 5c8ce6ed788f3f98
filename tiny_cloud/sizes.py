"""Sizes as people write them, in bytes: IEC units, so that ``10GiB`` and ``10G`` are the same.

Decimal units (``10GB``) are refused rather than guessed at: disk makers, libvirt and qemu-img
each read them in their own way.
"""

import re
from fractions import Fraction
from functools import lru_cache

UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
LARGEST = 2**63 - 1
"""What libvirt and qemu-img hold a size in."""

# Nineteen digits are the longest a 63-bit number has; more would only cost time.
_SIZE = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,19}))?([A-Za-z]*)", re.ASCII)
_IEC = re.compile(r"([KMGTP]?)(?:iB)?|B", re.ASCII)
_SHARE = re.compile(r"([1-9][0-9]?|100)%(VG|FREE|ORIGIN)", re.ASCII)
_DECIMAL = re.compile(r"([KMGTP])B", re.ASCII | re.IGNORECASE)


@lru_cache(1 << 10)
def parse_size(text: str | int) -> int:
    """Bytes of ``10GiB``, ``10G``, ``1.5GiB``, ``512B`` or a plain number (bytes).

    Raises ValueError with a sentence that says what to write instead.
    """
    if isinstance(text, int):
        size = text
    else:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ValueError("a size is a number and a unit, such as 10GiB or 512MiB")
        whole, fraction, unit = match.groups()
        exact = Fraction(f"{whole}.{fraction or 0}") * 1024 ** _power(unit, whole)
        if exact.denominator != 1:
            raise ValueError("a size is a whole number of bytes; use a smaller unit")
        size = exact.numerator
    if not 0 <= size <= LARGEST:
        raise ValueError(f"a size lies between 0 and {LARGEST} bytes")
    return size


def share_of(text: str) -> tuple[int, str]:
    """Percent and of what: ``20%VG`` as lvcreate(8) has it, ``50%FREE``, ``10%ORIGIN``.

    Raises ValueError with a sentence that says what to write instead.
    """
    match = _SHARE.fullmatch(text)
    if match is None:
        raise ValueError("a share is a percentage from 1 to 100 of VG, FREE or ORIGIN, as in 20%VG")
    return int(match[1]), match[2]


def is_share(value: object) -> bool:
    return isinstance(value, str) and "%" in value


def format_size(size: int) -> str:
    """The shortest exact form: ``10GiB``, ``1536MiB``, ``1000B`` (sizes in bytes)."""
    for unit, power in reversed(UNITS.items()):
        if size and power and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}iB"
    return f"{size}B"


def about(size: int) -> str:
    """To one decimal, for people: ``425.4MiB``."""
    power = max(0, min((size.bit_length() - 1) // 10, len(UNITS) - 1))
    unit = list(UNITS)[power]
    return f"{size / 1024**power:.1f}{unit}iB" if power else f"{size}B"


def _power(unit: str, number: str) -> int:
    match = _IEC.fullmatch(unit)
    if match is not None:
        return UNITS[match[1] or ""]
    decimal = _DECIMAL.fullmatch(unit)
    if decimal is not None:
        raise ValueError(f"{unit} counts in thousands; write {number}{decimal[1].upper()}iB")
    nearest = unit[:1].upper()
    if nearest in UNITS and unit.lower() in {nearest.lower(), f"{nearest.lower()}ib"}:
        raise ValueError(f"{unit} is no unit; write {number}{nearest}iB")
    raise ValueError(f"{unit} is no unit; write KiB, MiB, GiB, TiB or PiB")
