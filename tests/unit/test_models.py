"""Speech models: found by their shape, added whole or not at all, and compared with how they were added."""

from __future__ import annotations

import hashlib
import json
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest

from hotline import doctor, model_commands, models
from hotline.errors import ModelError
from hotline.setting_sections import Transcription
from tests.trial import Trial

VOSK = ("am/final.mdl", "conf/mfcc.conf", "graph/HCLr.fst", "graph/Gr.fst")
WHISPER = ("model.bin", "config.json", "tokenizer.json")


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    return tmp_path / "var"


def shaped(folder: Path, names: tuple[str, ...] = VOSK) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def packed(file: Path, *names: str) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return file


def test_the_model_of_an_engine_is_the_known_one_before_others(var: Path) -> None:
    assert models.find(Transcription()) is None
    shaped(var / "models" / "a-model")
    shaped(var / "models" / "vosk-model-small-cn-0.22")
    shaped(var / "models" / "w", WHISPER)
    shaped(var / "models" / "half", VOSK[:2])
    assert [model.name for model in models.installed()] == ["vosk-model-small-cn-0.22", "a-model", "w"]
    found = (
        models.find(Transcription()),
        models.find(Transcription(engine="whisper")),
        models.find(Transcription(model="a-model")),
    )
    assert [one and one.name for one in found] == ["vosk-model-small-cn-0.22", "w", "a-model"]
    assert models.find(Transcription(engine="none")) is None
    assert models.find(Transcription(model="w")) is None, "it is no model of vosk's"
    elsewhere = shaped(var / "elsewhere")
    assert models.find(Transcription(model=str(elsewhere))) == models.Model(name="elsewhere", engine="vosk", folder=elsewhere)


def test_a_model_is_added_from_its_zip_file_and_every_change_to_it_is_told(var: Path, tmp_path: Path) -> None:
    source = packed(tmp_path / "mandarin.zip", *(f"mandarin/{name}" for name in (*VOSK, "README")))
    manifest = models.add(source)
    assert manifest.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    (model,) = models.installed()
    assert (model.name, model.engine, models.check(model)) == ("mandarin", "vosk", [])
    before = models.fingerprint(model)
    (model.folder / "README").unlink()
    (model.folder / "am" / "final.mdl").write_text("am/final.mdX")
    (model.folder / "more").write_text("")
    assert models.check(model) == ["README: missing", "more: was not there", "am/final.mdl: changed"]
    assert models.fingerprint(model) != before


def test_a_model_is_added_from_a_folder_under_another_name(var: Path, tmp_path: Path) -> None:
    models.add(shaped(tmp_path / "source", WHISPER), name="base")
    assert sorted(path.name for path in (var / "models").iterdir()) == ["base"]
    with pytest.raises(ModelError, match="there already"):
        models.add(tmp_path / "source", name="base")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil"])
def test_a_zip_file_that_leads_elsewhere_is_refused_and_leaves_nothing(var: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="leads elsewhere"):
        models.add(packed(tmp_path / "m.zip", *VOSK, name))
    assert list((var / "models").iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


def test_a_link_in_a_zip_file_is_refused(var: Path, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("am/final.mdl")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelError, match="leads elsewhere"):
        models.add(tmp_path / "m.zip")
    assert list((var / "models").iterdir()) == []


def test_what_is_no_model_or_not_the_right_file_is_refused(var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = packed(tmp_path / "m.zip", *VOSK)
    (tmp_path / "torn.zip").write_bytes(good.read_bytes()[:-30])
    for arguments, why in (
        ({"source": packed(tmp_path / "other.zip", "a", "b")}, "is no model"),
        ({"source": tmp_path / "torn.zip"}, "not a ZIP file"),
        ({"source": good, "sha256": "0" * 64}, "its SHA-256 is"),
        ({"source": good, "name": "../m"}, "a model's name"),
    ):
        with pytest.raises(ModelError, match=why):
            models.add(**arguments)
    monkeypatch.setattr(models, "MOST_BYTES", 10)
    with pytest.raises(ModelError, match="are no model"):
        models.add(good)
    assert not (var / "models").exists() or list((var / "models").iterdir()) == []


def test_the_commands_tell_people_and_programs_what_there_is(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").write_text("")
    assert model_commands._list(Namespace(json=False)) == 0
    said = capsys.readouterr().out
    assert "vosk-model-small-cn-0.22.zip" in said and "没有 vosk 模型" in said
    source = packed(tmp_path / "vosk-model-small-cn-0.22.zip", *VOSK)
    assert model_commands._add(Namespace(source=source, name="", sha256="", json=False)) == 0
    assert model_commands._check(Namespace(name="", json=False)) == 0
    capsys.readouterr()
    assert model_commands._list(Namespace(json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["chosen"]["name"] == found["installed"][0]["name"] == "vosk-model-small-cn-0.22"
    (var / "models" / "vosk-model-small-cn-0.22" / "conf" / "mfcc.conf").write_text("?")
    assert model_commands._check(Namespace(name="", json=True)) == 1
    assert json.loads(capsys.readouterr().out) == {"vosk-model-small-cn-0.22": ["conf/mfcc.conf: changed"]}
    with pytest.raises(ModelError):
        model_commands._check(Namespace(name="another", json=False))


def test_the_doctor_warns_of_an_engine_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(tmp_path / "an installation")
    for name, value in trial.environment.items():
        monkeypatch.setenv(name, value)
    assert "model" not in {one.check for one in doctor.warn()}
    trial.config.write_text(trial.config.read_text().replace('engine = "none"', 'engine = "vosk"'))
    (warning,) = [one for one in doctor.warn() if one.check == "model"]
    assert "hotline models" in warning.en and "hotline models" in warning.zh
    shaped(trial.var / "models" / "m")
    assert "model" not in {one.check for one in doctor.warn()}
