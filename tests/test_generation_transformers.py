"""The transformers engine, with a model small enough to be written by hand."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import GenerationError, MissingExtraError
from assistant.generation import transformers as engine
from assistant.generation.base import Delta
from assistant.generation.transformers import TransformersModel
from assistant.records import Message, Usage

WORDS = ["[UNK]", "<eos>", "Assistant:", "the", "answer", "is", "here", "tick"]
# What follows each word: "Assistant:" gives "the answer is here", and "tick" goes on for ever.
NEXT = {"Assistant:": "the", "the": "answer", "answer": "is", "is": "here", "here": "<eos>", "tick": "tick"}
LAST_CONTENT = "{{ messages[-1].content }}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that writes the word after the last one, by NEXT, and has no chat template."""
    torch = pytest.importorskip("torch", reason="needs the extra torch")
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    size = len(WORDS)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=size,
        intermediate_size=size,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.model.layers.parameters():
            weight.zero_()  # so that each layer passes on what it gets
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.zero_()
        for word, following in NEXT.items():
            model.lm_head.weight[WORDS.index(following), WORDS.index(word)] = 1
    # A publisher's settings, which greedy decoding has to do without.
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=5.0, repetition_penalty=9.0, eos_token_id=[1]
    )
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    return tmp_path


def save_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="<eos>").save_pretrained(
        folder
    )


def with_template(folder: Path, template: str) -> TransformersModel:
    (folder / "chat_template.jinja").write_text(template)
    return TransformersModel(folder)


def text_and_usage(deltas: list[Delta]) -> tuple[str, Usage | None]:
    return "".join(delta.text for delta in deltas), deltas[-1].usage


def still_generating() -> bool:
    return any(thread.name == "transformers-generation" for thread in threading.enumerate())


@pytest.mark.torch
def test_a_model_without_template_gets_lines_with_roles(folder: Path) -> None:
    model = TransformersModel(folder)
    messages = [Message("system", "the"), Message("user", "answer here")]
    # "System: the", "User: answer here" and "Assistant:" are 2 + 3 + 1 words; written are 4 and the end.
    expected = ("the answer is here", Usage(6, 5, truncated=False))
    assert text_and_usage(list(model.stream(messages, max_tokens=20))) == expected


@pytest.mark.torch
def test_the_chat_template_makes_the_prompt(folder: Path) -> None:
    turns = "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}"
    model = with_template(folder, turns + "{% if add_generation_prompt %}is{% endif %}")
    messages = [Message("system", "the"), Message("user", "the")]
    # "system the user the is" are 5 words; "here" and the end are written.
    expected = ("here", Usage(5, 2, truncated=False))
    assert text_and_usage(list(model.stream(messages, max_tokens=20))) == expected


@pytest.mark.torch
def test_the_publishers_sampling_and_penalties_are_left_out_and_the_limit_is_reported(folder: Path) -> None:
    model = with_template(folder, LAST_CONTENT)
    deltas = list(model.stream([Message("user", "tick")], max_tokens=3))
    assert text_and_usage(deltas) == ("tick tick tick", Usage(1, 3, truncated=True))


@pytest.mark.torch
def test_an_answer_that_ends_exactly_at_the_limit_is_not_truncated(folder: Path) -> None:
    deltas = list(TransformersModel(folder).stream([Message("user", "the")], max_tokens=5))
    assert text_and_usage(deltas)[1] == Usage(3, 5, truncated=False)


@pytest.mark.torch
def test_closing_the_iterator_stops_the_generation(folder: Path) -> None:
    model = with_template(folder, LAST_CONTENT)
    stream = model.stream([Message("user", "tick")], max_tokens=1_000_000)
    assert next(stream).text.startswith("tick")
    assert still_generating()
    stream.close()
    assert not still_generating()


@pytest.mark.torch
def test_callers_in_several_threads_are_queued(folder: Path) -> None:
    model = TransformersModel(folder)
    answers: list[str] = []

    def ask() -> None:
        answers.append(text_and_usage(list(model.stream([Message("user", "the")], max_tokens=9)))[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["the answer is here"] * 4


@pytest.mark.torch
def test_name_window_and_tokens_are_the_models(folder: Path) -> None:
    model = TransformersModel(folder)
    assert (model.name, model.context_window) == (folder.name, 64)
    assert model.count_tokens("the answer is nowhere") == 4


@pytest.mark.torch
def test_a_fault_while_generating_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformersModel(folder)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(model._model, "generate", fail)
    expected = f"^{folder.name} could not answer: CUDA out of memory.$"
    with pytest.raises(GenerationError, match=expected):
        list(model.stream([Message("user", "the")], max_tokens=9))


@pytest.mark.torch
def test_a_template_that_refuses_the_messages_is_one_line(folder: Path) -> None:
    model = with_template(folder, "{{ raise_exception('System role not supported') }}")
    with pytest.raises(GenerationError, match=r"could not answer: System role not supported$"):
        list(model.stream([Message("system", "the")], max_tokens=9))


@pytest.mark.torch
def test_a_folder_without_weights_is_an_error(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(GenerationError, match=rf"^{folder} can't be loaded: "):
        TransformersModel(folder)


@pytest.mark.torch
def test_damaged_weights_are_an_error(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(GenerationError, match=rf"^{folder} can't be loaded: "):
        TransformersModel(folder)


@pytest.mark.torch
def test_an_encoder_is_refused_instead_of_filled_with_random_weights(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    BertModel(config).save_pretrained(folder)
    with pytest.raises(GenerationError, match=rf"^{folder} is no model that writes text: it lacks "):
        TransformersModel(folder)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"^the model a/b needs the extra 'torch': pip install"):
        TransformersModel("a/b")


def test_a_torch_that_is_there_but_broken_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import a_part_that_is_gone")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="a_part_that_is_gone"):
        TransformersModel("a/b")
