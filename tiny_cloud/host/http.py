"""HTTP requests as downloads need them: proxies, redirects that never lose TLS, patience."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.response import BaseHTTPResponse

from tiny_cloud.errors import Failure

REDIRECTS = 5
TIMEOUT = urllib3.Timeout(connect=15, read=60)
"""Seconds; the second is for each read, not for the whole."""
RETRY = urllib3.Retry(
    total=None, connect=1, read=0, redirect=0, other=0, status=3,
    status_forcelist=(429, 500, 502, 503, 504), backoff_factor=0.5,
    raise_on_status=False, respect_retry_after_header=False,
)
_MOVED = (301, 302, 303, 307, 308)


@contextmanager
def get(url: str, headers: Mapping[str, str]) -> Iterator[BaseHTTPResponse]:
    """The answer behind all redirects, its body unread. Raises Failure or urllib3's HTTPError."""
    for _ in range(REDIRECTS + 1):
        _require_http(url)
        with _pool(url) as pool:
            answer = pool.request(
                "GET", url, preload_content=False, redirect=False, retries=RETRY, timeout=TIMEOUT,
                headers={"User-Agent": "tinycloud", "Accept-Encoding": "identity", **headers},
            )
            try:
                location = answer.headers.get("Location")
                if answer.status not in _MOVED or location is None:
                    yield answer
                    return
            finally:
                answer.close()
        url = _follow(url, location)
    raise Failure(f"{url} is the end of more than {REDIRECTS} redirects",
                  hint="write the final address into the manifest")


def _follow(url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise Failure(f"{url} redirects to {target}, which is not encrypted",
                      hint="write the address that you trust into the manifest")
    return target


def _require_http(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"{url} is no address to download from", hint="use https, http or file")


def _pool(url: str) -> urllib3.PoolManager:
    """Through the proxy that the environment names for this host, if it does."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}")
    return urllib3.PoolManager()
