"""The data folder: refused when it is not ours, removed only when it is."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.launcher import env
from config.launcher.faults import StartError
from config.launcher.place import ROOT, Place


def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StartError, match="not Walker's"):
        Place(tmp_path).make()


def test_reset_of_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StartError, match="not made by Walker"):
        Place(tmp_path).reset()
    assert (tmp_path / "thesis.txt").exists()


def test_reset_removes_data_and_secrets(place: Place) -> None:
    env.own_secrets(place)
    (place.stand_ins["platform"] / "store").write_text("x")
    place.reset()
    assert {entry.name for entry in place.path.iterdir()} == {"made-by-walker"}


def test_secrets_are_readable_by_their_owner_only(place: Place) -> None:
    env.own_secrets(place)
    assert stat.S_IMODE(place.secrets.stat().st_mode) == 0o600


def test_secrets_stay_the_same_between_starts(place: Place) -> None:
    assert env.own_secrets(place) == env.own_secrets(place)


def test_damaged_secrets_are_a_sentence_not_new_keys(place: Place) -> None:
    place.secrets.write_text("{")
    with pytest.raises(StartError, match="damaged"):
        env.own_secrets(place)


def test_file_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="is a file"):
        Place(tmp_path / "file").make()


def test_read_only_disk_is_a_sentence() -> None:
    with pytest.raises(StartError, match="cannot write to the data folder"):
        Place(Path("/proc/walker/data")).make()


def test_second_start_on_one_folder_is_told_who_runs(place: Place) -> None:
    with place.held():
        code = (
            "import pathlib, sys; from config.launcher.place import Place\n"
            "with Place(pathlib.Path(sys.argv[1])).held(): pass"
        )
        second = subprocess.run(
            [sys.executable, "-c", code, place.path], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert "already runs" in second.stderr


def test_lock_of_a_dead_process_is_free(place: Place) -> None:
    with place.held():
        pass
    assert not place.is_held()


def test_too_little_room_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.launcher.place._ROOM_TO_BEGIN", 10**12)
    with pytest.raises(StartError, match="MB free; Walker needs"):
        Place(tmp_path / "data").make()
    assert not (tmp_path / "data").exists()
