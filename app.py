"""`python app.py` serves the page on 127.0.0.1, port GRADIO_SERVER_PORT or 7860."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from assistant.api import Assistant
from assistant.errors import AssistantError, SettingsError

if TYPE_CHECKING:
    from assistant.page.evaluation import Evaluator

_PORT_VARIABLE = "GRADIO_SERVER_PORT"
_EVALUATING = ("eval", "ir_measures", "scipy", "sklearn")


def main() -> int:
    """Serve until Ctrl-C; an error of ours becomes one line on stderr and exit code 1."""
    try:
        port = _port()
        opened = [Assistant.open()]
        # Gradio takes seconds to import; the model loads meanwhile.
        from assistant.page.page import serve

        serve(opened.pop(), port, _evaluator())
    except AssistantError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _evaluator() -> Evaluator | None:
    """The evaluation harness, where it and what it needs are installed: it is not part of the wheel."""
    if not all(map(find_spec, _EVALUATING)):
        return None
    from eval.evaluator import Harness

    return Harness()


def _port() -> int:
    given = os.environ.get(_PORT_VARIABLE, "7860")
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise SettingsError(f"environment variable {_PORT_VARIABLE}: {given!r} is not a port (1 to 65535)")
    return int(given)


if __name__ == "__main__":
    sys.exit(main())
