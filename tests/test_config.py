"""Where a project's root is."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalsuite.config import load_config


@pytest.mark.parametrize("mark", ["golden", ".git", "pyproject.toml"])
def test_a_project_without_settings_is_found_from_below(tmp_path: Path, mark: str) -> None:
    (tmp_path / "tests" / "evals").mkdir(parents=True)
    if mark == "pyproject.toml":
        (tmp_path / mark).write_text("")
    else:
        (tmp_path / mark).mkdir()
    assert load_config(tmp_path / "tests" / "evals").root == tmp_path


def test_a_folder_that_happens_to_be_called_golden_does_not_hide_the_project(
    tmp_path: Path,
) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "tests" / "golden").mkdir(parents=True)
    assert load_config(tmp_path / "tests").root == tmp_path
