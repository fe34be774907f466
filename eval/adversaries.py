"""Scripted systems that know the gold: the oracle, and those that win one measure by cheating.

Each answers a gold question with what it is told to do. A scorer under which the oracle is not perfect, or
under which a cheat is trusted, is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eval.measures.correctness import COPIED_FREELY, nugget_scores
from eval.measures.quotes import LONGEST, SHORTEST
from eval.normalise import sentences, words
from eval.records import AnswerSentence, Corpus, Evidence, FinalAnswer, GoldItem, GoldValue, SystemAnswer

System = Callable[[GoldItem, Corpus], SystemAnswer]

_PRIOR = 0.55  # the constant confidence of the majority system
_DEPTH = 10


def oracle(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The gold answer with papers, evidence and quotes; the correction, or silence, where there is none."""
    if not item.answerable:
        return _corrected(item, corpus) if item.correction else abstains(item, corpus)
    said = _trimmed(item, _evidenced(item, corpus))
    return _answer(item, corpus, said, gold_final(item), confidence=1.0)


def abstains(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """Always abstain, with a plain refusal."""
    text = "The abstracts do not say."
    return SystemAnswer(
        item.id, "abstained", text, sentences=(AnswerSentence(text),), reason="not_in_abstracts"
    )


def never_abstains(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The oracle where there is an answer; where there is none, the first sentence of a paper."""
    if item.answerable:
        return oracle(item, corpus)
    paper_id = _topic(item, corpus)
    first = sentences(corpus.abstracts[paper_id])[0]
    said = (AnswerSentence(first, (paper_id,)),)
    return _answer(item, corpus, said, FinalAnswer("text", first), confidence=1.0)


def echo(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The whole abstract of the best paper, each sentence citing and quoting it; no final answer."""
    paper_id = _topic(item, corpus)
    said = tuple(
        AnswerSentence(sentence, (paper_id,), ((paper_id, sentence),) if _quotable(sentence) else ())
        for sentence in sentences(corpus.abstracts[paper_id])
    )
    return _answer(item, corpus, said, None)


def cites_all(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The oracle's answer, each sentence citing all ten papers retrieved."""
    shown = _retrieved(item, corpus)
    said = tuple(AnswerSentence(part.text, shown) for part in oracle(item, corpus).sentences)
    return _answer(item, corpus, said, gold_final(item))


def invents_ids(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The oracle's answer, citing papers that do not exist."""
    said = tuple(AnswerSentence(part.text, ("invented-1",)) for part in oracle(item, corpus).sentences)
    return _answer(item, corpus, said, gold_final(item))


def sprays(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """Every candidate at once: all numbers of the abstract, all labels, many words, all papers."""
    paper_id = _topic(item, corpus)
    abstract = words(corpus.abstracts[paper_id])
    candidates = {
        "boolean": "yes no maybe",
        "number": " ".join(word for word in abstract if word[0].isdigit()),
        "list": " ".join(corpus.abstracts),
    }
    spray = candidates.get(item.answer_type, " ".join(abstract))
    final = FinalAnswer(item.answer_type, spray, ids=tuple(corpus.abstracts))
    return _answer(item, corpus, (AnswerSentence(spray, (paper_id,)),), final)


def shuffles_papers(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The oracle's answer with every paper replaced by the one half a corpus further on."""
    ids = sorted(corpus.abstracts)
    other = {paper_id: ids[(n + len(ids) // 2) % len(ids)] for n, paper_id in enumerate(ids)}
    right = oracle(item, corpus)
    if not item.answerable:
        return abstains(item, corpus)
    said = tuple(
        AnswerSentence(part.text, tuple(other[cite] for cite in part.cites)) for part in right.sentences
    )
    return _answer(item, corpus, said, gold_final(item))


def majority(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """Always yes, always equally sure."""
    final = FinalAnswer("boolean", "Yes", label="yes")
    return _answer(item, corpus, (AnswerSentence("Yes."),), final, confidence=_PRIOR)


def quotes_abstract(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The oracle's answer, quoting the whole abstract in support."""
    paper_id = _topic(item, corpus)
    whole = ((paper_id, corpus.abstracts[paper_id]),)
    said = tuple(AnswerSentence(part.text, part.cites, whole) for part in oracle(item, corpus).sentences)
    return _answer(item, corpus, said, gold_final(item))


def parrots(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    """The question given back as the answer, citing the best paper."""
    said = (AnswerSentence(item.question, (_topic(item, corpus),)),)
    return _answer(item, corpus, said, FinalAnswer(item.answer_type, item.question))


def gold_final(item: GoldItem) -> FinalAnswer:
    """The bare gold answer."""
    gold = item.gold or GoldValue()
    number = f"{gold.low:g} to {gold.high:g}" if gold.low is not None else f"{gold.value!r}"
    if gold.value is None and gold.low is None:
        number = gold.aliases[0] if gold.aliases else ""
    else:
        number = f"{number} {gold.unit or ''}".strip()
    text = {"number": number, "boolean": gold.label or "", "short": (*gold.aliases, "")[0]}
    return FinalAnswer(
        item.answer_type, text.get(item.answer_type, ""), gold.value, gold.unit, gold.label, gold.ids
    )


def _answer(
    item: GoldItem,
    corpus: Corpus,
    said: Sequence[AnswerSentence],
    final: FinalAnswer | None,
    confidence: float = 0.5,
) -> SystemAnswer:
    shown = _retrieved(item, corpus)
    return SystemAnswer(
        item.id,
        "answered",
        " ".join(part.text for part in said),
        final,
        tuple(said),
        confidence,
        retrieved=tuple((paper_id, float(_DEPTH - rank)) for rank, paper_id in enumerate(shown)),
        context_text={paper_id: corpus.abstracts[paper_id] for paper_id in shown},
    )


def _evidenced(item: GoldItem, corpus: Corpus) -> tuple[AnswerSentence, ...]:
    """Each evidence as a sentence that cites and quotes its paper; without any, what the nuggets want."""
    if not item.evidence:
        wanted = " ".join(group[0] for nugget in item.nuggets for group in nugget.all_of)
        papers = tuple(group[0] for group in item.gold_papers)
        return (AnswerSentence(f"{wanted} {gold_final(item).text}".strip(), papers),)
    return tuple(_quoting(evidence) for evidence in item.evidence)


def _trimmed(item: GoldItem, said: tuple[AnswerSentence, ...]) -> tuple[AnswerSentence, ...]:
    """No more words of the evidence than may be copied freely, taken from the ends that no nugget is in."""
    texts = [part.text for part in said]
    while len(words(" ".join(texts))) > COPIED_FREELY:
        shorter = [[*texts[:n], text.rpartition(" ")[0], *texts[n + 1 :]] for n, text in enumerate(texts)]
        kept = [
            option for option in shorter if nugget_scores(item.nuggets, (), " ".join(option))["V_strict"] == 1
        ]
        if not kept:
            break
        texts = kept[0]
    return tuple(replace(part, text=text) for part, text in zip(said, texts, strict=True))


def _quoting(evidence: Evidence) -> AnswerSentence:
    quoted = ((evidence.paper_id, evidence.quote),) if _quotable(evidence.quote) else ()
    return AnswerSentence(evidence.quote, (evidence.paper_id,), quoted)


def _corrected(item: GoldItem, corpus: Corpus) -> SystemAnswer:
    return _answer(item, corpus, _evidenced(item, corpus), FinalAnswer("text"))


def _quotable(text: str) -> bool:
    return SHORTEST <= len(text.split()) <= LONGEST


def _topic(item: GoldItem, corpus: Corpus) -> str:
    """The paper that a good retriever ranks first: a gold one, else the one the question is about."""
    papers = [group[0] for group in item.gold_papers] + [evidence.paper_id for evidence in item.evidence]
    candidates = [paper_id for paper_id in (*papers, item.cluster) if paper_id in corpus.abstracts]
    return (*candidates, min(corpus.abstracts))[0]


def _retrieved(item: GoldItem, corpus: Corpus) -> tuple[str, ...]:
    """Ten papers, the gold ones first."""
    gold = [group[0] for group in item.gold_papers] + list(item.acceptable_papers)
    return tuple(dict.fromkeys([*gold, _topic(item, corpus), *corpus.abstracts]))[: max(_DEPTH, len(gold))]
