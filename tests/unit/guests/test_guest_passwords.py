import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host import passwords


@pytest.mark.parametrize(("method", "prefix"), [("yescrypt", "$y$j9T$"), ("sha512", "$6$")])
def test_a_hash_verifies_its_own_secret_only(method: passwords.Method, prefix: str) -> None:
    made = passwords.hash_password("sésame", method)
    assert made.startswith(prefix)
    assert passwords.verify("sésame", made)
    assert not passwords.verify("sesame", made)
    assert passwords.is_hash(made) and passwords.is_cheap(made)


def test_salts_differ() -> None:
    assert len({passwords.hash_password("x", "sha512") for _ in range(8)}) == 8


def test_a_known_hash() -> None:
    """As ``openssl passwd -6 -salt saltstring`` makes it."""
    known = ("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJues"
             "I68u4OTLiBFdcbYEdFCoEOfaS35inz1")
    assert passwords.verify("Hello world!", known)


@pytest.mark.parametrize("secret", ["", "two\nlines", "nul\0", "x" * 600])
def test_what_cannot_be_a_password_is_refused(secret: str) -> None:
    with pytest.raises(Failure):
        passwords.hash_password(secret)


@pytest.mark.parametrize("locked", ["*", "!", "", "*0", "*1", "!$6$salt$hash", "$nope$x"])
def test_a_locked_account_fits_no_secret(locked: str) -> None:
    assert not passwords.verify("secret", locked)


def test_a_hash_that_costs_hours_is_not_cheap() -> None:
    assert not passwords.is_cheap(f"$6$rounds=999999999$salt${'a' * 86}")
    assert not passwords.is_cheap("$1$salt$hash")


@pytest.mark.parametrize("text", ["plain", "$6$a:b", "$6$a\nroot::0", "*", "", "$6$ü$x"])
def test_what_is_no_hash(text: str) -> None:
    assert not passwords.is_hash(text)
