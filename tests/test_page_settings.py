from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.page.settings_file import keep
from assistant.settings import Settings

FILE = Path("assistant.toml")
WRITTEN = """# Ours, since May.
papers = 8   # more than they need

model   = "none"
# The end"""


def test_a_file_is_made_where_there_is_none() -> None:
    assert keep({"papers": 9, "strictness": "strict"}) == FILE.resolve()
    assert FILE.read_text(encoding="utf-8") == 'papers = 9\nstrictness = "strict"\n'
    assert (Settings.load().papers, Settings.load().strictness) == (9, "strict")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_all_but_the_changed_keys_stays_as_it_was_written(end: str) -> None:
    FILE.write_bytes(WRITTEN.replace("\n", end).encode())
    keep({"papers": 9, "theme": "dark"})
    expected = WRITTEN.replace("papers = 8", "papers = 9") + '\ntheme = "dark"\n'
    assert FILE.read_bytes().decode().replace("\r\n", "\n") == expected
    assert FILE.read_bytes().startswith(
        f"# Ours, since May.{end}papers = 9   # more than they need{end}".encode()
    )


def test_a_file_keeps_its_mode_and_a_link_its_file(tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text("papers = 8\n", encoding="utf-8")
    (tmp_path / "shared.toml").chmod(0o640)
    FILE.symlink_to(tmp_path / "shared.toml")
    keep({"papers": 9})
    assert FILE.is_symlink()
    assert (tmp_path / "shared.toml").read_text(encoding="utf-8") == "papers = 9\n"
    assert (tmp_path / "shared.toml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("before", "changes", "message"),
    [
        ("papers = 8\n", {"papers": 0}, "assistant.toml, key papers: 0 is not possible: "),
        ("paper = 8\n", {"papers": 9}, "assistant.toml, key paper: unknown setting"),
        ("papers = \n", {"papers": 9}, "assistant.toml is not valid TOML: "),
    ],
    ids=["an impossible value", "a fault of the file's own", "not TOML"],
)
def test_a_file_is_left_as_it_is_where_it_would_be_faulty(
    before: str, changes: dict[str, int], message: str
) -> None:
    FILE.write_text(before, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"^{message}"):
        keep(changes)
    assert FILE.read_text(encoding="utf-8") == before
    assert list(Path().iterdir()) == [FILE]


def test_a_file_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("assistant.page.settings_file.write_atomically", full)
    with pytest.raises(SettingsError, match=r"assistant.toml can't be written: No space left on device"):
        keep({"papers": 9})
