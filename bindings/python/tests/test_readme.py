"""The README's Python, exactly as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import derive_blocking


def readme() -> str:
    """The README of the repository."""
    return Path(os.environ["CRM_README"]).read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    section = readme().split("\n## From Python\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    # One after the other on one file: the second one is told of what the first one did.
    first, second = (run(block, tmp_path) for block in blocks)
    assert "sent True" in first
    lines = [line.split() for line in second.splitlines()]
    assert [line[2] for line in lines] == ["created", "approved", "claimed", "begun", "sent"]
    assert {line[1] for line in lines} == {"message"}


def run(block: str, folder: Path) -> str:
    """What a program of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_blocking_operations_are_derived() -> None:
    here = Path(derive_blocking.__file__).parent / "crm_engine" / "_operations.py"
    assert here.read_text(encoding="utf-8") == derive_blocking.derived()
