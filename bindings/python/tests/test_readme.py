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
    assert len(blocks) == 1
    done = subprocess.run(
        [sys.executable, "-c", blocks[0]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "sent" in done.stdout


def test_the_blocking_operations_are_derived() -> None:
    here = Path(derive_blocking.__file__).parent / "crm_engine" / "_operations.py"
    assert here.read_text(encoding="utf-8") == derive_blocking.derived()
