"""Personal data: what is found and what only looks like it; masks hide all of it and keep offsets right."""

import re
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import pii
from parlance.errors import ConfigError

# Put together here, so that no scanner takes them for keys that leaked.
GITHUB = "ghp_" + "a1B2" * 9
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
SLACK = "xoxb-" + "123456789012-abcdefABCDEF"
SLACK_BROWSER = "xoxc-" + "123456789012-123456-abcdef"
SLACK_COOKIE = "xoxd-" + "abc%2Fdef1234567890%3D"
SLACK_APP = "xapp-" + "1-A0123-1234567890-abcdef0123"
SLACK_HOOK = "hooks.slack.com/services/" + "T00000000/" + "B00000000/" + "XXXXXXXXXXXXXXXXXXXXXXXX"
GITHUB_FINE = "github_pat_" + "11ABCDEFG0_" + "a1B2" * 12
GITLAB = "glpat-" + "abcdefghij_klmnop-qrst"
HUGGING_FACE = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"
NPM = "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789"
OPENAI = "sk-" + "proj-abcdefghij_klmnopqrst1234567890"
ANTHROPIC = "sk-" + "ant-api03-abcdefghijklmnopqrstuv"
SENDGRID = "SG." + "abcdefghijklmnopqrstuv." + "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"
GOOGLE_CLIENT = "GOCSPX-" + "abcdefghijklmnopqrstuvwxyz12"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
STRIPE = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
GOOGLE = "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc+/=\n-----END RSA PRIVATE KEY-----"

FOUND = [
    ("email", "write to {} today", "ann.lee+hr@mail.example.co.uk"),
    ("email", "<mailto:{}|Ann>", "ann@example.com"),
    ("email", "Grüße an {}.", "jürgen@example.de"),
    ("email", "{}--thanks", "ann@example.com"),
    ("phone", "call {} now", "+44 20 7946 0123"),
    ("phone", "call {}", "+1 415-555-0142"),
    ("phone", "call {}.", "(415) 555-2671"),
    ("phone", "ring {}", "020 7183 8750"),
    ("phone", "全角 {}", "＋81 3-1234-5678"),
    ("ip", "host {}:8080", "192.168.17.4"),
    ("ip", "from {}.", "8.8.8.8"),
    ("ip", "接続先は{}です", "192.168.17.4"),
    ("ip", "[{}]:443", "2001:db8::8a2e:370:7334"),
    ("ip", "{} is down", "::ffff:192.0.2.128"),
    ("ip", "connect to {}: refused", "2001:db8::1"),
    ("ip", "64 bytes from {}: icmp_seq=1", "2001:db8:0:0:0:0:0:1"),
    ("ip", "{}:down", "2001:db8::1"),
    ("ip", "[IPv6:{}]", "2001:db8::1"),
    ("ip", "node:{} is up", "2001:db8::1"),
    ("card", "pay with {}, please", "4111 1111 1111 1111"),
    ("card", "pay with {} 123", "4111-1111-1111-1111"),
    ("card", "amex {}", "3782 822463 10005"),
    ("card", "{}", "5500005555555559"),
    ("card", "paid 2024 {}", "4111 1111 1111 1111"),
    ("card", "pay 4242 {}", "4111 1111 1111 1111"),
    ("card", "{}", "4111\u00a01111\u00a01111\u00a01111"),
    ("iban", "to {} BIC COBADEFF", "DE89 3704 0044 0532 0130 00"),
    ("iban", "to {}.", "GB29NWBK60161331926819"),
    ("iban", "Ref RE24 IBAN {}", "DE89 3704 0044 0532 0130 00"),
    ("iban", "RE24 {}", "DE89370400440532013000"),
    ("iban", "{}", "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000"),
    ("iban", "{}", "DE89-3704-0044-0532-0130-00"),
    ("iban", "konto {} danke dir", "de89 3704 0044 0532 0130 00"),
    ("iban", "{} or another one", "NO93 8601 1117 947"),
    ("secret", "use {}", GITHUB),
    ("secret", "use {}", AWS),
    ("secret", "use {}", SLACK),
    ("secret", "use {}", SLACK_BROWSER),
    ("secret", "use {}", SLACK_COOKIE),
    ("secret", "use {}", SLACK_APP),
    ("secret", "POST https://{}", SLACK_HOOK),
    ("secret", "use {}", GITHUB_FINE),
    ("secret", "use {}", GITLAB),
    ("secret", "use {}", HUGGING_FACE),
    ("secret", "use {}", NPM),
    ("secret", "use {}", OPENAI),
    ("secret", "use {}", ANTHROPIC),
    ("secret", "use {}", SENDGRID),
    ("secret", "use {}", GOOGLE_CLIENT),
    ("secret", "use {}", STRIPE),
    ("secret", "use {}", GOOGLE),
    ("secret", "Bearer {}", JWT),
    ("secret", "key:\n{}\nend", KEY),
    ("secret", "cut off: {}", KEY[:50]),
    ("secret", "password={}", "hunter2"),
    ("secret", "DB_PASSWORD = '{}'", "s3cr3t!x"),
    ("secret", '"api_key": "{}"', "abc123def"),
    ("secret", "aws_secret_access_key = {}", AWS_SECRET),
    ("secret", "export AWS_SECRET_ACCESS_KEY={}", AWS_SECRET),
    ("secret", "SECRET_KEY='{}'", "django-insecure-abc123"),
    ("secret", "AccountKey={};", "abc123/x=="),
    ("secret", "PGPASSWORD={} psql", "hunter2"),
    ("secret", "Authorization: Bearer {}", "abcdef0123456789abcdef"),
    ("secret", "'Authorization': 'Basic {}'", "dXNlcjpwYXNz" + "d29yZA=="),
    ("secret", "postgres://admin:{}@db.internal/x", "pa55"),
    ("secret", "postgres://admin:{}@db.example.com/x", "p@ss@5"),
    ("secret", "http://ann:{}@db.example.com?mail=x@y", "p@ss:"),
]


@pytest.mark.parametrize(("kind", "frame", "value"), FOUND)
def test_found(kind: str, frame: str, value: str) -> None:
    text = frame.format(value)
    start = text.index(value)
    assert pii.find(pl.Series([text])).to_list() == [[{"start": start, "end": start + len(value), "kind": kind}]]
    assert pii.mask(text, pii.find(pl.Series([text]))[0].to_list())[0] == frame.format(f"<{kind.upper()}>")


@pytest.mark.parametrize("wrapper", ["_{}_", "{}_", "{}-", "*{}*", "~{}~", "`{}`"])
@pytest.mark.parametrize(("kind", "frame", "value"), FOUND)
def test_found_within_markup(kind: str, frame: str, value: str, wrapper: str) -> None:
    text = frame.format(wrapper.format(value))
    masked, _ = pii.mask(text, pii.find(pl.Series([text]))[0].to_list())
    # Of what may be part of a password the mask takes more.
    bare = [re.sub("[_*~`-]", "", one) for one in (masked, frame.format(f"<{kind.upper()}>"))]
    assert bare[0] == bare[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version 4.18.2 of 2026-10-05",
        "at 12:30:45, or 9:15",
        "package containers-1.6.0.1, lib_1.6.0.1_amd64.deb, v2.3.4.5, version 10.4.2.1, base >=4.14.3.0",
        "999.1.1.1 and 1.2.3.4.5",
        "std::vector<int> a[1::2] Foo::bar dead::beef ::",
        "std::f32::EPSILON core::f64 a::f32::d64 ab1::de2::x main.c:123:45: error, 2024:10:05:12:30:45: up",
        "00:1A:2B:3C:4D:5E",
        "card 4111 1111 1111 1112",
        "id 1606406400.123456 or 1606406400000",
        "DE89 3704 0044 0532 0130 02",
        "order 16/092002726 of 2013-12-21-24",
        "@ann and user@host and a@b",
        "password: please reset it",
        "password=<your password>",
        "https://example.com/a:b@c",
        "sk-learn and xoxb- and AKIA",
        "hf_hub_download of npm_config_registry, SG.Main.view, secret: see below",
        "the bearer of bad news, Authorization: Bearer <token>, basic authentication",
        "aws_access_key_id = see 1Password; secretary: x1, pwd: /home, $OLDPWD=/home/x1",
        "<EMAIL> <SECRET> password=<SECRET>",
        "row 2275 3 4 11 15 of 17",
    ],
)
def test_only_looks_like_it(text: str) -> None:
    assert pii.find(pl.Series([text])).to_list() == [[]]


def test_the_longest_of_overlapping_spans_wins() -> None:
    text = "password=!10.1.1.1! and 10.1.1.1"
    found = [(text[span["start"] : span["end"]], span["kind"]) for span in pii.find(pl.Series([text]))[0]]
    assert found == [("!10.1.1.1!", "secret"), ("10.1.1.1", "ip")]


def test_a_user_in_an_address_may_be_an_email() -> None:
    text = "smtp://ann@example.com:pa55@mail.example.com"
    assert pii.mask(text, pii.find(pl.Series([text]))[0].to_list())[0] == "smtp://<EMAIL>:<SECRET>@mail.example.com"


def test_offsets_are_code_points() -> None:
    text = "👩‍💻🎉 ann@example.com"
    (span,) = pii.find(pl.Series([text]))[0]
    assert text[span["start"] : span["end"]] == "ann@example.com"


def test_regions_are_a_setting() -> None:
    texts = pl.Series(["ruf 030 901820 an"])
    assert pii.find(texts).list.len().to_list() == [0]
    assert pii.find(texts, regions=["DE"]).list.len().to_list() == [1]
    with pytest.raises(ConfigError, match="XX"):
        pii.find(texts, regions=["XX"])


def test_nothing_gives_no_rows_and_null_gives_no_spans() -> None:
    assert pii.find(pl.Series([], dtype=pl.String)).to_list() == []
    found = pii.find(pl.Series("text", [None, "a"], dtype=pl.String))
    assert (found.name, found.dtype, found.to_list()) == ("text", pii.SPANS, [[], []])


texts = st.lists(
    st.sampled_from([value for _, _, value in FOUND])
    | st.sampled_from([" ", "\n", ".", ":", "=", "@", "-", "+", "/", "password=", "://u:", "<EMAIL>", "0", "4", "1.2"])
    | st.text(max_size=4),
    max_size=8,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_nothing_is_found_in_masked_text(text: str) -> None:
    spans = pii.find(pl.Series([text]))[0].to_list()
    masked, _ = pii.mask(text, spans)
    assert pii.find(pl.Series([masked]))[0].to_list() == []


@settings(max_examples=50, deadline=None)
@given(st.lists(texts, max_size=5))
def test_spans_are_in_order_apart_and_independent_of_the_batch(batch: list[str]) -> None:
    series = pl.Series(batch, dtype=pl.String)
    found = pii.find(series).to_list()
    assert found == [pii.find(series[i : i + 1]).to_list()[0] for i in range(len(series))]
    for text, spans in zip(batch, found, strict=True):
        borders = [offset for span in spans for offset in (span["start"], span["end"])]
        assert borders == sorted(borders)
        assert all(0 <= span["start"] < span["end"] <= len(text) for span in spans)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), text=texts)
def test_offsets_keep_what_is_not_masked(data: st.DataObject, text: str) -> None:
    spans = pii.find(pl.Series([text]))[0].to_list()
    borders = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    ranges = [(0, 0), *zip([0, *borders], [*borders, len(text)], strict=True)]
    masked, moved = pii.mask(text, spans, ranges)
    for (start, end), (new_start, new_end) in zip(ranges, moved, strict=True):
        assert 0 <= new_start <= new_end <= len(masked)
        if all(span["end"] <= start or end <= span["start"] for span in spans):
            assert masked[new_start:new_end] == text[start:end]
    # Adjoining ranges still adjoin, and together hold all of the text.
    assert "".join(masked[start:end] for start, end in moved) == masked


def test_a_border_inside_a_span_goes_to_its_end() -> None:
    span: pii.Span = {"start": 2, "end": 6, "kind": "ip"}
    masked, moved = pii.mask("ab1234cd", [span], [(0, 4), (4, 8), (2, 6), (3, 5), (6, 8), (0, 2)])
    assert masked == "ab<IP>cd"
    assert moved == [(0, 6), (6, 8), (2, 6), (6, 6), (6, 8), (0, 2)]


@pytest.mark.parametrize(
    "spans",
    [
        [{"start": 0, "end": 9, "kind": "ip"}],
        [{"start": 0, "end": 2, "kind": "name"}],
        [{"start": 2, "end": 2, "kind": "ip"}],
        [{"start": 0, "end": 3, "kind": "ip"}, {"start": 2, "end": 4, "kind": "ip"}],
        [{"start": -1, "end": 3, "kind": "ip"}],
    ],
    ids=["outside", "kind", "empty", "overlap", "negative"],
)
def test_spans_that_do_not_fit_are_refused(spans: list[pii.Span]) -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        pii.mask("abcd", spans)


HOSTILE = [
    "a@",
    "a.",
    "@a.",
    "1",
    "1 ",
    "1.",
    "1-",
    "+1",
    "ab:",
    ":1",
    "4111 ",
    "4111 1111 1111 1111 ",
    "DE89 ",
    "DE89 A B C ",
    "AB12" + "A" * 40 + "_ ",
    "0123456789ABCDEF" * 4 + "\n",
    "A",
    "password=",
    "password : ",
    "-----BEGIN PRIVATE KEY-----\n",
    "://a:",
    "://a:@",
    "eyJ.",
    "-eyJ",
    "-eyJ" + "a" * 4096,
    "sk-",
    "ghp_",
    "github_pat_",
    "AKIA",
    "xoxb-",
    "sk_live_",
    "AIza",
    "SG.",
    "SG.abcdefghijklmnopqrstuv.",
    "secret_",
    "bearer ",
    "authorization: basic ",
    "://a:@b@",
    "hooks.slack.com/services/",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_time_grows_with_the_text_and_no_faster(text: str) -> None:
    # Each takes well below a second; quadratic work or backtracking takes minutes.
    series = pl.Series([text * (40_000 // len(text)) + "@"])
    start = time.process_time()
    assert pii.find(series).list.len().item() >= 0
    assert time.process_time() - start < 10
