from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.api import Assistant
from assistant.batch.conditions import changes, conditions_of, digest_of, key_of
from assistant.index import Index
from assistant.models.catalogue import CATALOGUE, DEFAULT_MODEL
from assistant.records import Filters, Turn
from assistant.rows import Request
from assistant.settings import Settings
from assistant.testing import HashingEmbedder

WHY = Request("Why?", (Turn("a", "b"),), Filters(venues=("ACL",)))
OTHERS = {
    "question": Request("Why?!", WHY.history, WHY.filters),
    "history": Request(WHY.question, (), WHY.filters),
    "turn": Request(WHY.question, (Turn("a", "c"),), WHY.filters),
    "filters": Request(WHY.question, WHY.history, Filters(authors=("ACL",))),
    "nothing but the question": Request(WHY.question),
}


def test_keys_are_the_same_for_the_same_and_have_32_digits() -> None:
    again = Request("Why?", (Turn("a", "b"),), Filters(venues=("ACL",)))
    assert key_of(WHY, "x") == key_of(again, "x")
    assert len(bytes.fromhex(key_of(WHY, "x"))) == 16


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_keys_differ_with_all_that_an_answer_depends_on(other: Request) -> None:
    assert key_of(other, "x") != key_of(WHY, "x")


def test_keys_differ_with_the_conditions() -> None:
    assert key_of(WHY, digest_of({"model": "a"})) != key_of(WHY, digest_of({"model": "b"}))


def test_half_a_character_has_a_key() -> None:
    assert key_of(Request("\ud83d"), "x") != key_of(Request("?"), "x")


def test_what_has_changed_is_told_by_name_and_both_values() -> None:
    before, now = {"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"}
    assert list(changes(before, now)) == ["a 1 -> unset", "c 3 -> 4", "d unset -> 5"]


def weights(index: Index, model: str) -> str:
    settings = Settings(model=model, api_key=SecretStr("secret"))
    conditions = conditions_of(Assistant(index, HashingEmbedder(), None, settings))
    assert "secret" not in repr(conditions)
    return conditions["weights"]


def test_a_model_of_the_catalogue_is_known_by_its_hash(index: Index) -> None:
    assert weights(index, DEFAULT_MODEL) == CATALOGUE[DEFAULT_MODEL].fingerprint


def test_a_server_is_known_by_its_address_without_the_password(index: Index) -> None:
    assert weights(index, "http://me:pa55@host:80/v1#large") == "http://host:80/v1#large"


def test_a_file_and_a_folder_are_known_by_what_they_hold(index: Index) -> None:
    file, folder = Path("m.gguf"), Path("folder")
    file.write_text("weights")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for named, changed in ((file, file), (folder, folder / "config.json")):
        first = weights(index, str(named))
        assert weights(index, str(named)) == first
        changed.write_text("other weights")
        assert weights(index, str(named)) != first
