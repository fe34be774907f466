from __future__ import annotations

import pytest

from assistant.names import mentions, names, normalised, normalised_names, own_names, spells_out

NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "capital inside": ("We run LongGen and vLLM.", ("LongGen", "vLLM")),
    "acronyms": ("BEIR needs no KV cache.", ("BEIR", "KV")),
    "plural acronyms": ("It tunes LLMs.", ("LLMs",)),
    "digits": ("We run GPT-4, T5 and Llama-2-7B.", ("GPT-4", "T5", "Llama-2-7B")),
    "digits in front": ("We render with 3DGS.", ("3DGS",)),
    "decimals": ("We run TinyLLaMA-1.1B.", ("TinyLLaMA-1.1B",)),
    "hyphens": ("We run YOLOE-v8-S.", ("YOLOE-v8-S",)),
    "slash": ("We run Mixer-B/16.", ("Mixer-B/16",)),
    "plus": ("We run SmoothQuant+ and GeneFace++.", ("SmoothQuant+", "GeneFace++")),
    "LaTeX's superscript": ("We run S^{2}FT.", ("S^{2}FT",)),
    "number formats": ("We use INT8 and W4A16.", ("INT8", "W4A16")),
    "in brackets and quotes": ("It is “LongGen” (RIM).", ("LongGen", "RIM")),
    "stray brace": ("We use {ASDiv-A, SVAMP}.", ("ASDiv-A", "SVAMP")),
    "each once, in order": ("KV, then BEIR, then KV.", ("KV", "BEIR")),
    "at the end of a sentence": ("We run LongGen.", ("LongGen",)),
    "possessive": ("LongGen's cache", ("LongGen",)),
    "after a dash of hyphens": ("It is new --LongGen.", ("LongGen",)),
}


@pytest.mark.parametrize(("text", "expected"), NAMES.values(), ids=NAMES)
def test_names_in_order(text: str, expected: tuple[str, ...]) -> None:
    assert names(text) == expected


NO_NAMES = {
    "first word": "Training is costly. Decoding is not.",
    "compound at the start": "Next-token prediction, Mixture-of-Experts.",
    "stop words": "IT IS SO",
    "one letter": "A plan. B too.",
    "quantities": "1.4x, 10-20%, 7B, 128K, 12h, 80GB, 11G, 5ms, 3-fold, 1,234, 720p and 1e-4",
    "quantities with nouns": "8-GPU, 4-bit and 2-layer",
    "unit alone": "How many GB is it?",
    "dimensions": "2D, 3D, 3D-aware and 64times64",
    "ordinals": "1st, 2nd, 3rd and 4TH",
    "LaTeX's commands": r"$N$ and \textBF and times100",
    "address": "See https://github.com/Albert-Ma/PROP now.",
    "nothing": "",
}


@pytest.mark.parametrize("text", NO_NAMES.values(), ids=NO_NAMES)
def test_words_that_are_no_names(text: str) -> None:
    assert names(text) == ()


NORMALISED = {
    "S^{2}FT": "s2ft",
    "YOLOE-v8-S": "yoloev8s",
    "SmoothQuant+": "smoothquant+",
    "Mixer-B/16": "mixerb16",
    "GPT-3.5": "gpt35",
    "straße": "strasse",
    "-/.": "",
}


@pytest.mark.parametrize(("name", "expected"), NORMALISED.items(), ids=NORMALISED)
def test_one_spelling_of_a_name(name: str, expected: str) -> None:
    assert normalised(name) == expected


def test_names_in_one_spelling_lose_a_plural_s() -> None:
    assert normalised_names("LLMs, an LLM, GPT-4 and CLS") == {"llm", "gpt4", "cls"}


MENTIONS = [
    ("It is LongGen.", "LongGen", True),
    ("It is longgen.", "LongGen", True),
    ("It is Long-Gen.", "LongGen", True),
    ("It is long gen.", "LongGen", True),
    ("It is S$^{2}$FT.", "S^{2}FT", True),
    ("It is S2FT.", "S^{2}FT", True),
    ("the yoloe v8 S detector", "YOLOE-v8-S", True),
    ("YOLOE-v8-S", "YOLO", False),
    ("YOLOE-v8-S", "v8-S", True),
    ("MyLongGen", "LongGen", False),
    ("LongGenerator", "LongGen", False),
    ("MyLongGen, then LongGen", "LongGen", True),
    ("LLMs are large.", "LLM", True),
    ("An LLM is large.", "LLMs", True),
    ("SmoothQuant is fast.", "SmoothQuant+", False),
    ("Llama-3.2-11B-Vision-Instruct", "Llama-3.2-11B-Vision-Instruct", True),
    ("OpenLLMs/Linear", "OpenLLMs/Linear", True),
    ("Anything.", "--", False),
    ("", "LongGen", False),
]


@pytest.mark.parametrize(("text", "name", "expected"), MENTIONS)
def test_mention_is_whole_words_in_any_spelling(text: str, name: str, expected: bool) -> None:
    assert mentions(text, name) is expected


SPELT = [
    ("It tunes large language models.", "LLM", True),
    ("A Large-Language-Model is tuned.", "LLMs", True),
    ("It has a key-value cache.", "KV", True),
    ("Very large language models", "LLM", True),
    ("It is robust.", "IR", False),
    ("Large models of language", "LLM", False),
    ("Long genes", "LongGen", False),
    ("A b c d e f g", "ABCDEFG", False),
    ("", "LLM", False),
    ("Large language models", "L", False),
]


@pytest.mark.parametrize(("text", "name", "expected"), SPELT)
def test_an_acronym_is_spelt_out_by_words_side_by_side(text: str, name: str, expected: bool) -> None:
    assert spells_out(text, name) is expected


OWN: dict[str, tuple[str, str, set[str]]] = {
    "before the colon": ("LongGen: Long Contexts", "", {"longgen"}),
    "plain words before the colon": ("Tutel: Mixtures at Scale", "", {"tutel"}),
    "two plain words": ("Recycled Attention: Less Work", "", {"recycledattention"}),
    "a term of three words": ("Dynamic Sparse Learning: Less Work", "", {"dynamicsparselearning"}),
    "a term of five words": ("Very Fast Dynamic Sparse Learning: Less Work", "", set()),
    "sentence before the colon": ("A Little Goes Far: Long Contexts", "", set()),
    "a phrase before the colon": ("Scaling LoRA with MoE: A Study", "", set()),
    "three words before the colon": ("Tutel for MoE: A Study", "", {"moe"}),
    "subject of the title": ("ModernBERT is More Efficient than BERT", "", {"modernbert"}),
    "subject of the title, of a kind": ("LLMs are Large", "", set()),
    "no colon": ("Scaling LoRA", "", set()),
    "proposed": ("T", "We propose LongGen, which is fast.", {"longgen"}),
    "introduced with an article": ("T", "This paper introduces the RecLoRA method.", {"reclora"}),
    "dubbed": ("T", "A method dubbed F3D-Gaus.", {"f3dgaus"}),
    "called, in quotes": ("T", "A method called “MoM”.", {"mom"}),
    "in brackets": ("T", "We introduce Sparse Modular Activation (SMA) for it.", {"sma"}),
    "in brackets after a comma": ("T", "We introduce a paradigm, Dynamic Learning (DSL).", {"dsl"}),
    "brackets of an apposition": ("T", "We present LongGen, the first Language Model (LLM).", {"longgen"}),
    "proposed elsewhere": ("T", "It was proposed in language processing (NLP).", set()),
    "what it is compared with": ("T", "A popular one is GPT-4, and others are LLMs (large).", set()),
    "no name": ("T", "We propose a method.", set()),
}


@pytest.mark.parametrize(("title", "abstract", "expected"), OWN.values(), ids=OWN)
def test_own_names_of_a_paper(title: str, abstract: str, expected: set[str]) -> None:
    assert own_names(title, abstract) == expected
