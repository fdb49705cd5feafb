from pathlib import Path

import pytest
import yaml

from parlance.crawling.settings import BOUNDS, CrawlList, read
from parlance.errors import ConfigError

LEAST = {"seeds": ["https://site.example/"], "contact": "crawler@team.example"}


def listed(tmp_path: Path, **settings: object) -> CrawlList:
    path = tmp_path / "crawl.yaml"
    path.write_text(yaml.safe_dump(LEAST | settings), encoding="utf-8")
    return read(str(path))


def test_defaults_are_polite(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert found.allowed_hosts == ("site.example",)
    assert found.full_user_agent == "ParlanceBot/0.1 (+crawler@team.example)"
    assert (found.obey_robots, found.delay_s, found.concurrency_per_host) == (True, 1.0, 1)
    assert found.respect == ("noindex", "noai", "tdm_reservation")
    assert not found.allow_private


def test_hosts_of_seeds_and_sitemaps(tmp_path: Path) -> None:
    found = listed(tmp_path, sitemaps=["http://maps.example:8080/s.xml"])
    assert found.allowed_hosts == ("maps.example", "site.example")
    assert listed(tmp_path, hosts=["*.example"]).allowed_hosts == ("*.example",)


@pytest.mark.parametrize("name", BOUNDS)
def test_both_sides_of_each_bound(tmp_path: Path, name: str) -> None:
    least, most = BOUNDS[name]
    for value in (least, most):
        assert getattr(listed(tmp_path, **{name: value}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ConfigError, match=f"{name} is {value}; allowed: "):
            listed(tmp_path, **{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": []}, "neither seeds nor sitemaps"),
        ({"seeds": "https://site.example/"}, "seeds is 'https://site.example/'; allowed: a list of texts"),
        ({"seeds": ["ftp://site.example/"]}, "'ftp://site.example/' is no address"),
        ({"seeds": ["https://"]}, "'https://' is no address"),
        ({"seeds": ["https://site.example:port/"]}, "is no address"),
        ({"contact": "nobody"}, "contact is 'nobody'"),
        ({"user_agent": "two words"}, "user_agent is 'two words'"),
        ({"respect": ["noimageai"]}, "respect has \\['noimageai'\\]"),
        ({"dept": 3}, "unknown settings \\['dept'\\]; known: "),
        ({"depth": "3"}, "depth is '3'; allowed: int"),
        ({"depth": True}, "depth is True; allowed: int"),
        ({"obey_robots": 1}, "obey_robots is 1; allowed: bool"),
        ({"connect_to": {"https://site.example": "somewhere"}}, "'somewhere' is no address"),
        ({"connect_to": {"https://site.example/a": "http://127.0.0.1:1"}}, "is no address"),
        ({"connect_to": ["a"]}, "connect_to is"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        listed(tmp_path, **settings)


def test_contact_is_needed_and_the_file_too(tmp_path: Path) -> None:
    (tmp_path / "crawl.yaml").write_text("seeds: [https://site.example/]", encoding="utf-8")
    with pytest.raises(ConfigError, match="contact is None; needed"):
        read(str(tmp_path / "crawl.yaml"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read(str(tmp_path / "absent.yaml"))
    (tmp_path / "crawl.yaml").write_text("- a", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds list"):
        read(str(tmp_path / "crawl.yaml"))
