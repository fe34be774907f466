"""Whether an answer cites the papers that answer, and whether each sentence is supported by what it cites."""

from __future__ import annotations

from collections.abc import Sequence

from eval.claims import cited, claims
from eval.measures.support import Support, support
from eval.records import AnswerSentence, Corpus, GoldItem, SystemAnswer


def paper_precision(item: GoldItem, answer: SystemAnswer) -> float:
    """|C ∩ (G ∪ Ac)| / |C|, 0 where nothing is cited (the id overlap of ScholarQABench)."""
    papers = cited(answer)
    right = {paper_id for group in item.gold_papers for paper_id in group} | set(item.acceptable_papers)
    return sum(paper_id in right for paper_id in papers) / len(papers) if papers else 0.0


def paper_recall(item: GoldItem, answer: SystemAnswer) -> float:
    """Share of the groups of gold papers of which one paper is cited."""
    papers = set(cited(answer))
    return sum(bool(papers & set(group)) for group in item.gold_papers) / len(item.gold_papers)


def paper_f1(item: GoldItem, answer: SystemAnswer) -> float:
    """Harmonic mean of the two."""
    precision, recall = paper_precision(item, answer), paper_recall(item, answer)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def sentence_recall(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> float:
    """ALCE's citation recall, rules for NLI: share of the claims that all they cite, all valid, support.

    Source: Gao et al., Enabling large language models to generate text with citations, EMNLP 2023. An
    answer without claims has recall 0: silence does not leave the mean.
    """
    parts = claims(answer, corpus)
    return sum(is_supported(part, item, corpus) for part in parts) / len(parts) if parts else 0.0


def sentence_precision(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> float:
    """ALCE's citation precision: share of all emitted citations that their supported claim can't spare.

    A citation is spared where alone it does not support the claim and the others do. Unlike ALCE, invalid
    ids and citations of unsupported claims stay in the denominator.
    """
    emitted = [(part, paper_id) for part in claims(answer, corpus) for paper_id in part.cites]
    needed = [
        is_supported(part, item, corpus) and _is_needed(paper_id, part, item, corpus)
        for part, paper_id in emitted
    ]
    return sum(needed) / len(needed) if needed else 0.0


def validity(answer: SystemAnswer, corpus: Corpus) -> float:
    """Share of the emitted ids, quotes' included, that are in the corpus."""
    ids = _emitted(answer)
    return sum(paper_id in corpus.abstracts for paper_id in ids) / len(ids)


def groundedness(answer: SystemAnswer) -> float:
    """Share of the emitted ids that the model was shown."""
    ids = _emitted(answer)
    return sum(paper_id in answer.context_text for paper_id in ids) / len(ids)


def cites_anything(answer: SystemAnswer) -> bool:
    """Whether any id was emitted."""
    return bool(_emitted(answer))


def is_supported(part: AnswerSentence, item: GoldItem, corpus: Corpus) -> bool:
    """Whether a claim cites something, all of it valid, and is supported by all of it together."""
    valid = bool(part.cites) and all(paper_id in corpus.abstracts for paper_id in part.cites)
    return valid and support_by(part.cites, part.text, item, corpus).supported


def support_by(papers: Sequence[str], text: str, item: GoldItem, corpus: Corpus) -> Support:
    """The support of a claim by papers; unknown ids support nothing."""
    known = [paper_id for paper_id in papers if paper_id in corpus.abstracts]
    return support(text, [source(paper_id, corpus) for paper_id in known], item.question)


def source(paper_id: str, corpus: Corpus) -> str:
    """A paper's text: its title as a sentence of its own, and its abstract."""
    return f"{corpus.titles.get(paper_id, '')}\n{' '.join(corpus.abstracts[paper_id].split())}"


def _is_needed(paper_id: str, part: AnswerSentence, item: GoldItem, corpus: Corpus) -> bool:
    others = [other for other in part.cites if other != paper_id]
    alone = support_by((paper_id,), part.text, item, corpus).supported
    return alone or not support_by(others, part.text, item, corpus).supported


def _emitted(answer: SystemAnswer) -> list[str]:
    return [
        paper_id
        for sentence in answer.sentences
        for paper_id in (*sentence.cites, *(paper for paper, _ in sentence.quotes))
    ]
