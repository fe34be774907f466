from __future__ import annotations

import pytest

from assistant.expansion import find_expansion, written_out
from assistant.fit import RankedSentence, SourceSentence
from assistant.records import Paper

SPARSE = "Sparse Modular Activation"
LARGE = "large language models"

LONG_FORMS: dict[str, tuple[str, str, str | None]] = {
    "initials": ("SMA", "We use Sparse Modular Activation (SMA).", SPARSE),
    "words before are left out": ("RM", "A new Recurrent Machine (RM).", "Recurrent Machine"),
    "hyphens": ("MoE", "It is a Mixture-of-Experts (MoE) model.", "Mixture-of-Experts"),
    "letters inside words": ("PoTMs", "We use post-training models (PoTMs).", "post-training models"),
    "first letter after a hyphen": ("TLM", "A post-training large model (TLM).", "post-training large model"),
    "first letter inside a word": ("AM", "A giant machine (AM).", "A giant machine"),  # not gi-a-nt
    "first letter nowhere": ("XM", "A giant machine (XM).", None),
    "letters in another order": ("MG", "A giant machine (MG).", None),
    "digits": ("3DGS", "We use 3D Gaussian Splatting (3DGS).", "3D Gaussian Splatting"),
    "plural in the brackets": ("LLM", "We use large language models (LLMs).", LARGE),
    "plural asked": ("LLMs", "A large language model (LLM).", "large language model"),
    "plural of both": ("LLMs", "We use large language models (LLMs).", LARGE),
    "other case": ("pet", "A Parameter-Efficient Tuning (PET).", "Parameter-Efficient Tuning"),
    "quoted short form": ("SMA", "We use Sparse Modular Activation (“SMA”).", SPARSE),
    "quoted long form": ("VoG", "We use “variance of gradients” (VoG).", "variance of gradients"),
    "spaces in the brackets": ("SMA", "We use Sparse Modular Activation ( SMA ).", SPARSE),
    "second brackets": ("VL", "An approach (new) to vision and language (VL).", "vision and language"),
    "own brackets": ("MrT5", "We introduce MrT5 (MergeT5) here.", "MergeT5"),
    "own brackets with a long form": ("SMA", "We use SMA (Sparse Modular Activation).", SPARSE),
    "own brackets of a plural": ("LLMs", "We use LLMs (large language models).", LARGE),
    "own brackets in the singular": ("LLMs", "We use LLMs (large language model).", "large language model"),
    "own brackets hold something else": ("MrT5", "We introduce MrT5 (see below).", None),
    "brackets of another": ("MoE", "We use Sparse Modular Activation (SMA) and MoE.", None),
    "brackets of a longer form": ("LLM", "We use large multimodal language models (MLLM).", None),
    "not in brackets": ("SMA", "We use Sparse Modular Activation, SMA.", None),
    "brackets twice": ("SMA", "It is sparse (SMA) (SMA).", None),
    "brackets at the start": ("SMA", "(SMA) is sparse.", None),
    "brackets in brackets": ("SMA", "It is (as Sparse Modular Activation (SMA)).", SPARSE),
    # Two letters reach over min(2 + 5, 2 * 2) = 4 words.
    "too many words before": ("ML", "A model that is just too large (ML).", None),
    "words within reach": ("ML", "A model that is large (ML).", "model that is large"),
    "no letters": ("--", "It is (--).", None),
    "nothing asked": ("", "It is ( ).", None),
    "only plural": ("s", "It is (s).", None),
    "two letters s": ("SS", "It is a sequence (s).", None),
    "nothing there": ("SMA", "", None),
}


@pytest.mark.parametrize(("short", "text", "expected"), LONG_FORMS.values(), ids=LONG_FORMS)
def test_long_form_by_the_brackets(short: str, text: str, expected: str | None) -> None:
    assert written_out(short, text) == expected


def ranked(*texts: str) -> list[RankedSentence]:
    """Sentences in order of fit, each of a paper of its own."""
    papers = [Paper(f"p{n}", "", text) for n, text in enumerate(texts)]
    return [RankedSentence(SourceSentence(paper, 0, len(paper.abstract), 0), 0.0, {}) for paper in papers]


def test_best_sentence_that_writes_it_out_is_found() -> None:
    sentences = ranked("SMA is used.", "Sparse Modular Activation (SMA).", "Slow Moving Average (SMA).")
    assert find_expansion("SMA", sentences) == (sentences[1], SPARSE)


@pytest.mark.parametrize("texts", [(), ("SMA is used.", "So is MoE (SMA is not).")])
def test_none_is_found_where_none_writes_it_out(texts: tuple[str, ...]) -> None:
    assert find_expansion("SMA", ranked(*texts)) is None


@pytest.mark.parametrize("piece", ["a ", "1 ", "((((", "A-A-", "(a) ", "(SMA) ", "SMA (a) ", "a b c (SMA) "])
def test_a_long_text_is_read_like_a_short_one(piece: str) -> None:
    text = (piece * 50_000)[:50_000]
    assert written_out("SMA", text) == written_out("SMA", piece * 4)
    assert written_out(text, text) is None
