"""The harness as the page calls it: a run of the assistant that is open, and its report in short."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.api import Assistant
from assistant.batch.conditions import conditions_of, digest_of
from assistant.errors import PageError
from assistant.page.evaluation import Failure, Figure, Report
from assistant.progress import Progress
from assistant.storage import write_atomically

if TYPE_CHECKING:
    from eval.experiments import Material
    from eval.runs import Run

_PAGE = "report.html"


class Harness:
    """Evaluates an assistant; the libraries that it needs are imported once it does."""

    def evaluate(
        self,
        assistant: Assistant,
        gold: Path | None,
        runs: Path,
        *,
        limit: int | None = None,
        progress: Progress,
    ) -> Report:
        """Ask the questions of `gold`, or of the dev split, and report; see `assistant.page.evaluation`.

        Raises:
            AssistantError: a gold question is faulty.
        """
        from eval.experiments import GOLD, Configuration, perform, read_material
        from eval.gold import GoldError
        from eval.runs import fingerprint, read_run

        try:
            material = read_material(gold or GOLD, assistant.index.folder)
        except GoldError as error:
            raise PageError(str(error)) from error
        what = f"{digest_of(conditions_of(assistant))} {fingerprint(material.files)} {limit}"
        folder = _folder(runs, hashlib.sha256(what.encode()).hexdigest()[:12])
        perform(
            material, Configuration({}), folder, limit=limit, resume=True, opened=assistant, progress=progress
        )
        return _reported(read_run(folder), material)


def _folder(runs: Path, digest: str) -> Path:
    """The folder of the last such run where that was not finished, else a new one."""
    from eval.runs import is_finished

    unfinished = [folder for folder in sorted(runs.glob(f"*-{digest}")) if not is_finished(folder)]
    return unfinished[-1] if unfinished else runs / f"{datetime.now():%Y%m%d-%H%M%S}-{digest}"


def _reported(found: Run, material: Material) -> Report:
    from eval.comparison import outcome
    from eval.document import with_interval
    from eval.headline import PRIMARY, headline, mean
    from eval.report import html, run_document
    from eval.report.cases import expected

    items = material.chosen(found.manifest["split"], found.manifest["limit"])
    document = run_document(found.manifest, items, found.answers, found.scores, material.corpus)
    write_atomically(found.folder / _PAGE, html(document).encode())
    by_id = {item.id: item for item in items}
    counted = headline(found.scores)
    failures = []
    for score in counted:
        if score.failure:
            item, answer = by_id[score.id], found.answers.get(score.id)
            said = (answer.text or answer.reason) if answer else ""
            failures.append(
                Failure(item.question, outcome(score.trusted, score.failure), said, expected(item))
            )
    figures = (Figure(measure.label, *with_interval(mean(counted, measure.of))) for measure in PRIMARY)
    return Report(len(counted), tuple(figures), tuple(failures), found.folder, found.folder / _PAGE)
