"""Where the vendor is, and which links in its answers may be followed.

The key goes to one host only: that of the base URL. A link to a next page must name that host or
one of the vendor's own two, and of it only path and query are used.
"""

from urllib.parse import SplitResult, urlsplit

from quant_platform.errors import BadAnswerError, SettingsError

OWN_HOSTS = ("api.polygon.io", "api.massive.com")
"""The vendor's names before and since October 2025; both serve the same."""

_PORTS = {"http": 80, "https": 443}


class Address:
    """The base URL.

    Raises
    ------
    SettingsError
        It is no plain address; the message does not repeat it, for it may hold a secret.
    """

    def __init__(self, base_url: str) -> None:
        try:
            parts = urlsplit(base_url.strip())
            port = parts.port
        except ValueError:
            raise _no_address("it cannot be read") from None
        if parts.scheme not in _PORTS or not parts.hostname or not base_url.isascii():
            raise _no_address("it is no web address")
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise _no_address("it holds a user or a password")
        if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
            raise _no_address("it holds more than a host and a path")
        self.host = parts.hostname.lower()
        self.port = port or _PORTS[parts.scheme]
        self._prefix = parts.path.rstrip("/")
        self._root = f"{parts.scheme}://{parts.netloc}"

    @property
    def base_url(self) -> str:
        """The address without a trailing slash."""
        return self._root + self._prefix

    @property
    def service(self) -> str:
        """What a limit on requests is counted by: the same for both of the vendor's hosts."""
        return "polygon" if self.host in OWN_HOSTS else f"{self.host}:{self.port}"

    def url(self, path: str) -> str:
        """Full URL of a path, which may bring its query."""
        return self.base_url + path

    def path_of(self, link: object) -> str:
        """Path and query of a link to a next page, without any key in it.

        Raises
        ------
        BadAnswerError
            The link leads to another host.
        """
        parts = _split(link)
        if parts is None or not self._is_known(parts):
            raise BadAnswerError(
                "Polygon's answer links to a next page that is not on its own host",
                "It was not followed: the key is sent to no other host. Check POLYGON_BASE_URL",
            )
        path = parts.path
        if self._prefix and path.startswith(self._prefix + "/"):
            path = path.removeprefix(self._prefix)
        query = _without_key(parts.query)
        return f"{path}?{query}" if query else path

    def _is_known(self, parts: SplitResult) -> bool:
        if not parts.netloc:
            return not parts.scheme  # relative to the host that was asked
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
        own = parts.scheme == "https" and host in OWN_HOSTS and port == _PORTS["https"]
        return own or (host, port) == (self.host, self.port)


def _split(link: object) -> SplitResult | None:
    """Parts of a link that can be read and has no user in it."""
    if not isinstance(link, str) or not link.isascii() or not link.isprintable() or " " in link:
        return None
    try:
        parts = urlsplit(link)
        readable = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if readable and parts.path.startswith("/") and "@" not in parts.netloc else None


def _without_key(query: str) -> str:
    pairs = [pair for pair in query.split("&") if pair.partition("=")[0].lower() != "apikey"]
    return "&".join(pairs)


def _no_address(reason: str) -> SettingsError:
    return SettingsError(
        f"POLYGON_BASE_URL cannot be used: {reason}",
        "Write it like https://api.polygon.io; the key belongs in POLYGON_API_KEY alone",
    )
