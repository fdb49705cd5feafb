"""URL duplicates: pages that were fetched twice, found by the canonical form of their address."""

from urllib.parse import quote

import idna
import polars as pl

from parlance.errors import SchemaError

COLUMNS = ["id", "source", "url", "created_at"]

# Parameters that say how a visitor came, or which visit it is; none of them chooses the page.
TRACKING = (
    r"utm_\w+|mtm_\w+|pk_\w+|hsa_\w+|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|yclid|ysclid|twclid|ttclid|li_fat_id"
    r"|igsh|igshid|mc_cid|mc_eid|_ga|_gl|_hsenc|_hsmi|__hs\w+|mkt_tok|vero_id|vero_conv|oly_anon_id|oly_enc_id|rb_clickid"
    r"|s_cid|wickedid|phpsessid|jsessionid|aspsessionid\w*|cfid|cftoken"
)
INDEX_PAGES = r"(?:index|default)\.(?:html?|xhtml|shtml|phps?|php\d|aspx?|jspx?|cfm|cgi|pl)"

_UNRESERVED = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, 2.3
_PARTS = r"(?i)^(?:https?:)?//([^/?#]*)([^?#]*)(?:\?([^#]*))?"
_AUTHORITY = r"^(?:.*@)?(\[[0-9A-Fa-f:.]+\]|[^:\[\]@]*)(?::([0-9]*))?$"
_HOST = r"^(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$"
_BYTE = "\0"  # stands for the % of an escape while stray ones are escaped; control characters are gone by then


def canonical(urls: pl.Series) -> pl.Series:
    """The address that equal pages share, as `//host:port/path?query`; null for what is no http(s) address.

    Scheme, user, `www.`, default ports and fragment do not count; the host is in lower case and in its ASCII form
    (IDNA). Escapes that need none are undone and the others written in capitals (RFC 3986, 6.2.2), dot segments,
    doubled and trailing slashes, index pages and session ids leave the path. The query loses parameters that only
    track (`TRACKING`) or are empty, and is sorted. Paths keep their case. An address without a scheme must begin
    with `//`. The canonical form of a canonical form is itself.

    >>> canonical(pl.Series(["HTTP://www.Example.com:80/a/../%7Eb/index.html?utm_source=x&b=2&a=1#top"])).item()
    '//example.com/~b?a=1&b=2'
    >>> canonical(pl.Series(["https://bücher.example/", "mailto:ada@example.org", None])).to_list()
    ['//xn--bcher-kva.example', None, None]
    """
    if urls.dtype == pl.Null:
        urls = urls.cast(pl.String)
    if urls.dtype != pl.String:
        raise SchemaError(f"urls must be strings, got a column of {urls.dtype}")
    clean = pl.col("url").str.replace_all(r"[\x00-\x1f\x7f]", "").str.strip_chars()
    parts = pl.DataFrame({"url": urls}).select(
        authority=clean.str.extract(_PARTS, 1),
        path=clean.str.extract(_PARTS, 2),
        query=clean.str.extract(_PARTS, 3),
    )
    host, port = parts["authority"].str.extract(_AUTHORITY, 1), parts["authority"].str.extract(_AUTHORITY, 2)
    columns = {"host": _hosts(host), "port": port, "path": _paths(parts["path"]), "query": _queries(parts["query"])}
    number = pl.col("port").str.strip_chars_start("0")
    is_plain = number.is_null() | number.is_in(["", "80", "443"])
    return pl.DataFrame(columns).select(
        url=pl.lit("//")
        + pl.col("host")
        + pl.when(is_plain).then(pl.lit("")).otherwise(":" + number)
        + pl.col("path")
        + pl.when(pl.col("query") == "").then(pl.lit("")).otherwise("?" + pl.col("query"))
    )["url"]


def hosts(urls: pl.Series) -> pl.Series:
    """The host of each address as `canonical` writes it; null where that is null.

    >>> hosts(pl.Series(["https://www.example.com:8080/a", "x"])).to_list()
    ['example.com', None]
    """
    authority = urls.cast(pl.String).str.replace_all(r"[\x00-\x1f\x7f]", "").str.strip_chars().str.extract(_PARTS, 1)
    return _hosts(authority.str.extract(_AUTHORITY, 1)).alias(urls.name)


def url_duplicates(frame: pl.DataFrame, *, eligible: pl.Expr | None = None) -> pl.DataFrame:
    """The members of every cluster of two or more rows with one canonical URL, by cluster, survivor first.

    `frame` has `id`, `source`, `url` and `created_at`; its other columns, such as a partition, are given back after
    `id`, `source`, `cluster`, `keep` and `matched_id`. The survivor is the first by: `eligible` (a boolean expression
    over `frame`; null counts as false), then the newest `created_at`, unknown times last, then the smallest id and
    source. The newest, as Llama 3 does (Grattafiori et al. 2024, 3.1.1): a page that was fetched twice was edited in
    between, if anything, and what it says now stands. The cluster is named by the survivor's id; the survivor has no
    `matched_id`. Rows without an http(s) address are in no cluster. The result does not depend on the order of rows.

    >>> captures = pl.DataFrame({
    ...     "id": ["a", "b"], "source": ["crawl", "dump"], "created_at": [1, 2],
    ...     "url": ["http://example.com/", "https://www.example.com/index.html"],
    ... })
    >>> url_duplicates(captures).rows()
    [('b', 'dump', 'b', True, None), ('a', 'crawl', 'b', False, 'b')]
    """
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise SchemaError(f"rows lack columns {missing}; needed: {COLUMNS}")
    passed = [name for name in frame.columns if name not in COLUMNS]
    passes = pl.lit(True) if eligible is None else eligible.fill_null(False)
    ranked = (
        frame.with_columns(_fails=~passes, _url=canonical(frame["url"]))
        .filter(pl.col("_url").is_not_null() & (pl.len().over("_url") > 1))
        .sort("_fails", "created_at", "id", "source", *passed, descending=_descending(passed), nulls_last=True)
    )
    survivor = pl.col("id").first().over("_url")
    keep = pl.int_range(pl.len()).over("_url") == 0
    return (
        ranked.with_columns(cluster=survivor, keep=keep)
        .with_columns(matched_id=pl.when(~pl.col("keep")).then("cluster"))
        .sort("cluster", "_url", maintain_order=True)
        .select("id", "source", "cluster", "keep", "matched_id", *passed)
    )


def _descending(passed: list[str]) -> list[bool]:
    return [False, True, False, False, *(False for _ in passed)]


def _hosts(hosts: pl.Series) -> pl.Series:
    plain = hosts.str.to_lowercase()
    foreign = plain.filter(plain.str.contains(r"[^\x00-\x7f]").fill_null(False)).unique()
    if len(foreign):
        ascii_names = pl.Series([_ascii(host) for host in foreign], dtype=pl.String)
        plain = plain.replace_strict(foreign, ascii_names, default=plain)
    plain = plain.str.strip_chars_end(".").str.replace(r"^(?:www\.)+([^.]+\..+)$", "$1")
    return plain.set(~plain.str.contains(_HOST).fill_null(False), None)


def _ascii(host: str) -> str | None:
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return None


def _paths(paths: pl.Series) -> pl.Series:
    plain = _escaped(paths.str.replace_all("\\", "/", literal=True))
    plain = plain.str.replace_all(r"(?i);(?:jsessionid|phpsessid)=[^/;]*", "").str.replace_all(r"/{2,}", "/")
    dotted = plain.str.contains(r"/\.{1,2}(?:/|$)").fill_null(False).arg_true()
    if len(dotted):
        resolved = [_without_dots(path) for path in plain.gather(dotted)]
        plain = plain.scatter(dotted, pl.Series(resolved, dtype=pl.String))
    return plain.str.replace(rf"(?i)(?:/(?:{INDEX_PAGES})?)+$", "")


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def _queries(queries: pl.Series) -> pl.Series:
    plain = _escaped(queries.fill_null(""))
    rows = plain.str.contains(".", literal=False).fill_null(False).arg_true()
    parameter = pl.element()
    tracks = parameter.str.contains(rf"(?i)^(?:{TRACKING})(?:=|$)")
    kept = plain.gather(rows).str.split("&").list.eval(parameter.filter((parameter != "") & ~tracks).sort())
    return plain.scatter(rows, kept.list.join("&"))


def _escaped(texts: pl.Series) -> pl.Series:
    """`texts` with the escapes that they need, in capitals, and no others."""
    plain = texts.str.replace_all(r"%([0-9A-Fa-f]{2})", f"{_BYTE}$1").str.replace_all("%", "%25", literal=True)
    plain = plain.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    foreign = plain.str.contains(r"[^\x00-\x7f]").fill_null(False).arg_true()
    if not len(foreign):
        return plain
    ascii_only = [quote(text, safe=_ASCII) for text in plain.gather(foreign)]
    return plain.scatter(foreign, pl.Series(ascii_only, dtype=pl.String))


def _written(byte: int) -> str:
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"


_ASCII = "".join(map(chr, range(128)))
_ESCAPES = {
    f"{_BYTE}{high}{low}": _written(int(high + low, 16))
    for high in "0123456789abcdefABCDEF"
    for low in "0123456789abcdefABCDEF"
} | {char: _written(ord(char)) for char in ' "<>\\^`{|}'}
