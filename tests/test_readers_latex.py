from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.readers.latex import bibtex_to_text, latex_to_text
from assistant.text import plain


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (
            r"Schr\"odinger, Erd\H{o}s, na\"{\i}ve, Gar\c{c}on, \v{S}koda, \'{E}cole",
            "Schrödinger, Erdős, naïve, Garçon, Škoda, École",
        ),
        (r"{\AA}ngstr{\"o}m \o re Stra{\ss}e Stra\ss e", "Ångström øre Straße Straße"),
        (r"\emph{in \textbf{vivo}} {\it et al.}", "in vivo et al."),
        (r"\textbf{91.5\%} of {\bf R\&D}", "91.5% of R&D"),
        (r"100\% of R\&D, a\_b, \#1, \$5", "100% of R&D, a_b, #1, $5"),
        ("from 5% to 10%", "from 5% to 10%"),
        ("costs $5 million and $10 million", "costs $5 million and $10 million"),
        (
            r"$\alpha$-helix, $10^{-3}$, $p<0.05$, $\mathcal{O}(n \log n)$",
            "α-helix, 10^-3, p<0.05, O(n log n)",
        ),
        (r"$x^{n+1}$ and $\hat{x}$ stay, $\frac{1}{2}$ goes", r"$x^{n+1}$ and $\hat{x}$ stay, 1/2 goes"),
        (r"$\sim 10$ GeV, ~10 mg, 5~mg, about ~5", "∼ 10 GeV, ~10 mg, 5 mg, about ~5"),
        ("``quoted'' --- pages 1--2, a -- b", "“quoted” — pages 1–2, a -- b"),
        (r"\cite{a}, \unknown{b} and \unk", r"\cite{a}, \unknown{b} and \unk"),
        (r"see \url{http://a.b/c} or \href{http://a.b}{this}", "see http://a.b/c or this"),
        (r"sets \{a, b\} and {c}", "sets {a, b} and {c}"),
        ("<i>x</i> &amp; y", "x & y"),
        ("unclosed {, $ and \\", "unclosed {, $ and \\"),
    ],
)
def test_latex_is_decoded(latex: str, text: str) -> None:
    assert latex_to_text(latex) == text
    assert plain(text) == text


def test_bibtex_loses_the_braces_that_protect_capitals() -> None:
    assert bibtex_to_text(r"{BERT} for {NLP}: \cite{a} \{b\}") == r"BERT for NLP: \cite{a} {b}"


LATEX = st.lists(
    st.sampled_from(
        r"\ { } $ ~ ` ' - -- % & \alpha \frac \sqrt \'e \"{o} \emph{ {\it < > &lt; ^ _ a 1".split()
    )
    | st.text(max_size=3),
    max_size=25,
).map("".join)


@given(LATEX)
def test_what_is_decoded_is_plain_text(latex: str) -> None:
    for decode in (latex_to_text, bibtex_to_text):
        try:
            text = decode(latex)
        except ValueError:
            continue
        assert plain(text) == text


@pytest.mark.parametrize("part", ["{", "\\", "$", "$a ", "\\'", "{\\it ", "\\emph{", "``", "~", "\\frac{a}"])
def test_long_runs_of_one_thing_end(part: str) -> None:
    assert len(latex_to_text(part * 20_000)) <= 20_000 * len(part)
