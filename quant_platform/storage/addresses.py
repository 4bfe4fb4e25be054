"""Addresses of databases: what a PostgreSQL URL means, by libpq's own parser.

psycopg2, ADBC and psql read a URL by libpq itself; SQLAlchemy reads it by rules of its own, so that
it is given the parts where the two differ. What does not belong here: which database is used
(`database.py`), and which URLs a setting may hold (`settings/values.py`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from urllib.parse import quote, unquote, urlencode, urlsplit

_OF_A_SERVER = ("host", "hostaddr", "port", "service")

_READ_ALIKE = re.compile(r"[^%,]*")
"""Hosts and names that SQLAlchemy and libpq read alike: one host, nothing percent-encoded."""


def parameters(url: str) -> dict[str, str]:
    """What libpq makes of a URL: host, port, user, password, dbname and the options of its query.

    Raises
    ------
    psycopg2.ProgrammingError
        It is no PostgreSQL URL.
    """
    from psycopg2.extensions import parse_dsn

    return {name: str(value) for name, value in parse_dsn(url).items()}


def libpq_url(url: str) -> str:
    """Leave the name of a driver out of a URL."""
    return re.sub(r"^postgres(ql)?(\+psycopg2)?://", "postgresql://", url)


def sqlalchemy_url(url: str) -> str:
    """Write a URL as SQLAlchemy reads it, with the psycopg2 driver.

    To SQLAlchemy 2.1 a bare postgresql:// would mean another driver, and the percent signs of a
    socket's folder or of a database's name would be part of them.
    """
    bare = libpq_url(url)
    parts = urlsplit(bare)
    if _READ_ALIKE.fullmatch(parts.netloc.rpartition("@")[2] + parts.path):
        return bare.replace("postgresql", "postgresql+psycopg2", 1)
    read = parameters(bare)
    user, password = read.pop("user", ""), read.pop("password", None)
    login = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
    return f"postgresql+psycopg2://{login}@/?{urlencode(read, quote_via=quote)}"


def database_name(url: str) -> str:
    """Return the name of the database in a URL, empty where it names none."""
    from psycopg2 import ProgrammingError

    try:
        return parameters(url).get("dbname", "")
    except ProgrammingError:
        return unquote(urlsplit(url).path.lstrip("/"))


def beside(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    parts = urlsplit(url)
    # A name in the query would win over that in the path.
    rest = [option for option in parts.query.split("&") if not option.startswith("dbname=")]
    return parts._replace(path=f"/{quote(name, safe='')}", query="&".join(rest)).geturl()


def in_schema(url: str, schema: str | None) -> str:
    """Return the URL with `schema` as the only one of its sessions; None: the URL as it is."""
    if schema is None:
        return url
    parts = urlsplit(url)
    pairs = [option for option in parts.query.split("&") if option]
    # Of two settings of the same name, the last one holds.
    name = '"' + schema.replace('"', '""') + '"'
    path = "-csearch_path=" + re.sub(r"([\\\s])", r"\\\1", name)
    options = [unquote(pair[len("options=") :]) for pair in pairs if pair.startswith("options=")]
    rest = [pair for pair in pairs if not pair.startswith("options=")]
    query = "&".join([*rest, "options=" + quote(" ".join([*options, path]), safe="")])
    return parts._replace(query=query).geturl()


def on_one_server(one: str, other: str) -> bool:
    """Whether two URLs name the same server."""
    first, second = parameters(one), parameters(other)
    return all(first.get(name) == second.get(name) for name in _OF_A_SERVER)


SERVICE = "quant_platform"
"""Name of the entry in the file of services that `for_a_process_list` writes."""


@contextmanager
def for_a_process_list(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Split a URL into a connection string that anybody may see, and variables of the environment.

    Every user of a machine sees the arguments of a process; its environment is its owner's alone.
    The password of a client's key has no variable, so it stands in a private file meanwhile.
    """
    from psycopg2.extensions import make_dsn

    read = parameters(url)
    password, of_the_key = read.pop("password", None), read.pop("sslpassword", None)
    variables = {} if password is None else {"PGPASSWORD": password}
    if of_the_key is None:
        yield make_dsn(**read), variables
        return
    with NamedTemporaryFile("w", suffix=".conf") as file:  # of mode 0600
        file.write(f"[{SERVICE}]\nsslpassword={of_the_key}\n")
        file.flush()
        yield make_dsn(**read, service=SERVICE), variables | {"PGSERVICEFILE": file.name}
