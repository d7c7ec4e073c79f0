"""`open_fs`: text and bytes under one root, locally and elsewhere; nothing outside of it, clear refusals."""

import os
import pickle
import subprocess
import sys
import uuid

import pytest

import bonobo
from bonobo.errors import UsageError


@pytest.fixture(params=["folder", "memory"])
def fs(request, tmp_path):
    if request.param == "folder":
        return bonobo.open_fs(tmp_path)
    return bonobo.open_fs(f"memory://{uuid.uuid4()}", create=True)


def written(fs, path, text, **keywords):
    with fs.open(path, "w", **keywords) as file:
        file.write(text)
    return path


def test_text_is_utf8_and_keeps_its_line_ends(fs):
    written(fs, "a.txt", "é\r\nb\n")
    with fs.open("a.txt", "rb") as file:
        assert file.read() == b"\xc3\xa9\r\nb\n"
    with fs.open("a.txt") as file:
        assert list(file) == ["é\r\n", "b\n"]


def test_encodings_errors_and_line_ends_can_be_chosen(fs):
    written(fs, "a.txt", "é\n", encoding="latin-1", newline="\r\n")
    with fs.open("a.txt", "rb") as file:
        assert file.read() == b"\xe9\r\n"
    with fs.open("a.txt", encoding="ascii", errors="replace", newline=None) as file:
        assert file.read() == "�\n"


def test_modes_of_writing(fs):
    written(fs, "a.txt", "first")
    with fs.open("a.txt", "a") as file:
        file.write(", second")
    with fs.open("a.txt") as file:
        assert file.read() == "first, second"
    written(fs, "a.txt", "third")
    with fs.open("a.txt", "rt") as file:
        assert file.read() == "third"


def test_what_there_is(fs):
    fs.makedirs("b/c")
    fs.makedirs("b/c")
    written(fs, "a.txt", "")
    written(fs, "b/d.txt", "")
    assert fs.listdir() == fs.listdir(".") == fs.listdir("/") == ["a.txt", "b"]
    assert fs.listdir("b") == ["c", "d.txt"]
    assert fs.exists("b")
    assert fs.exists("a.txt")
    assert not fs.exists("c")
    assert fs.isdir("b")
    assert not fs.isdir("a.txt")
    assert fs.isfile("b/d.txt")
    assert not fs.isfile("b")
    fs.remove("b/d.txt")
    assert not fs.exists("b/d.txt")


def test_missing_files_are_missing(fs):
    with pytest.raises(FileNotFoundError):
        fs.open("no.txt")
    with pytest.raises(FileNotFoundError):
        fs.remove("no.txt")


@pytest.mark.parametrize("path", ["../a.txt", "..", "b/../../a.txt", "/../a.txt", "./.."])
def test_no_path_leads_out(fs, path):
    for call in (fs.open, fs.exists, fs.isfile, fs.isdir, fs.listdir, fs.makedirs, fs.remove):
        with pytest.raises(ValueError, match="out of the root"):
            call(path)


@pytest.fixture
def beside(tmp_path):
    """A root, and beside it what links within it lead to."""
    root = tmp_path / "root"
    (root / "within").mkdir(parents=True)
    (root / "within" / "a.txt").write_text("within")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "file").symlink_to(tmp_path / "secret.txt")
    (root / "folder").symlink_to(tmp_path)
    (root / "new").symlink_to(tmp_path / "new.txt")
    (root / "there").symlink_to("within")
    return root


@pytest.mark.parametrize("path", ["file", "folder", "folder/secret.txt", "folder/other.txt", "new"])
def test_no_link_leads_out(beside, path):
    fs = bonobo.open_fs(beside)
    calls = [fs.exists, fs.isfile, fs.isdir, fs.listdir, fs.makedirs, fs.remove]
    calls += [fs.open, lambda path: fs.open(path, "w"), lambda path: fs.open(path, "a")]
    for call in calls:
        with pytest.raises(ValueError, match="out of the root") as caught:
            call(path)
        assert str(beside.parent) not in str(caught.value)
    assert (beside.parent / "secret.txt").read_text() == "secret"
    assert not (beside.parent / "new.txt").exists()


def test_links_within_and_to_the_root_are_followed(beside, tmp_path):
    (tmp_path / "link").symlink_to(beside)
    for root in (beside, tmp_path / "link"):
        assert bonobo.open_fs(root).open("there/a.txt").read() == "within"


def test_the_root_of_all_is_a_root(tmp_path):
    fs = bonobo.open_fs("/")
    path = str(tmp_path / "a.txt")
    written(fs, path, "there")
    assert fs.open(path).read() == "there"
    assert fs.listdir(tmp_path) == ["a.txt"]
    assert fs.listdir() == sorted(os.listdir("/"))


def test_all_of_the_memory_is_a_root():
    folder = str(uuid.uuid4())
    for url in ("memory://", "memory:///"):
        fs = bonobo.open_fs(url)
        written(fs, f"{folder}/a.txt", "there")
        assert folder in fs.listdir()
        assert bonobo.open_fs(f"memory://{folder}").listdir() == ["a.txt"]


def test_paths_within_may_go_up_and_down(fs):
    written(fs, "/a.txt", "there")
    with fs.open("b/../a.txt") as file:
        assert file.read() == "there"


def test_the_working_directory_and_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    written(bonobo.open_fs(), "a.txt", "")
    assert bonobo.open_fs("~").listdir() == ["a.txt"]
    assert bonobo.open_fs(f"osfs://{tmp_path}").listdir() == ["a.txt"]
    os.mkdir(tmp_path / "b")
    monkeypatch.chdir("b")
    assert bonobo.open_fs().listdir() == []


def test_a_root_stays_where_it_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fs = bonobo.open_fs()
    monkeypatch.chdir("/")
    written(fs, "a.txt", "")
    assert (tmp_path / "a.txt").exists()


def test_folders_that_are_missing(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        bonobo.open_fs(tmp_path / "b")
    bonobo.open_fs(tmp_path / "b", create=True)
    assert (tmp_path / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no folder"):
        bonobo.open_fs(tmp_path / "file")

    for missing in (tmp_path / "file" / "b", "a\0b"):
        with pytest.raises(UsageError, match="cannot be made"):
            bonobo.open_fs(missing, create=True)


def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(UsageError, match="cannot be written"):
        bonobo.open_fs(tmp_path, writeable=True)
    bonobo.open_fs(tmp_path)


@pytest.mark.parametrize("url", ["nosuch://user:secret@host/b", "sftp://user:secret@host/b"])
def test_what_fsspec_does_not_know_is_refused_without_its_secrets(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(UsageError, match=url.partition("://")[0]) as caught:
        bonobo.open_fs(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("zip://::/nowhere/at/all.zip", "No such file or directory"),
        (f"zip://::{__file__}", "BadZipFile"),
        ("github://", "give the options"),
    ],
)
def test_what_cannot_be_opened_is_refused(url, reason):
    with pytest.raises(UsageError, match=f"^open_fs cannot open {url.partition('://')[0]}://: {reason}"):
        bonobo.open_fs(url)


def test_options_are_for_others(tmp_path):
    with pytest.raises(TypeError, match="anon"):
        bonobo.open_fs(tmp_path, anon=True)


def test_a_run_may_close_it_and_others_use_it_still(fs, run):
    @bonobo.use("fs")
    def write(*, fs):
        with fs.open("a.txt", "w") as file:
            file.write("written")

    for _ in range(2):
        assert run(bonobo.Graph(write), services={"fs": fs, "also": fs}).exit_code == 0
    with fs as again, again.open("a.txt") as file:
        assert file.read() == "written"


def test_it_travels_to_other_processes_and_says_nothing_of_its_root(tmp_path):
    fs = pickle.loads(pickle.dumps(bonobo.open_fs(tmp_path)))
    written(fs, "a.txt", "")
    assert (tmp_path / "a.txt").exists()
    assert repr(fs) == "<FileSystem LocalFileSystem>"


def test_importing_the_engine_does_not_import_fsspec():
    code = "import sys, bonobo; sys.exit('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
