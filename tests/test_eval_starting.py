from __future__ import annotations

import sys

import pytest

from assistant.errors import AssistantError
from eval import starting


def test_what_a_process_says_last_is_read() -> None:
    assert starting._run([sys.executable, "-c", "print(1); print(2)"]) == "2"


def test_a_process_that_fails_is_told_of() -> None:
    with pytest.raises(AssistantError, match="a process ended with exit code 3: gone wrong"):
        starting._run([sys.executable, "-c", "import sys; print('gone wrong', file=sys.stderr); sys.exit(3)"])


def test_a_port_that_nobody_serves_does_not_answer() -> None:
    assert not starting._answers(f"http://127.0.0.1:{starting._free_port()}/")
