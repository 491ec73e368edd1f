"""Downloads, from a server on this machine: whole, cut short, wrong, endless."""

from __future__ import annotations

import hashlib
import http.server
import sys
import threading

import published
import pytest
from published import cifar10_files, cifar100_files, mnist_files, tar_gz

from fastlin.datasets import DatasetError, fetch, fetch_cifar10, fetch_cifar100, fetch_fashion_mnist, fetch_mnist

pytest.importorskip("pooch")

TEN, HUNDRED = "cifar-10-binary.tar.gz", "cifar-100-binary.tar.gz"


class Server:
    """Serves `files`, counts what is asked for, and spoils what `how` says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.how = ""
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                server.asked.append(name)
                content = server.files.get(name)
                if content is None or server.how == "missing":
                    self.send_error(404)
                    return
                self.send_response(200)
                if server.how != "unsized":
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if server.how in ("cut short", "unsized"):
                    content = content[: len(content) // 2]
                elif server.how == "wrong":
                    content = content[:-1] + bytes([content[-1] ^ 1])
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/some/folder"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    published.shrink(monkeypatch)
    server = Server()
    archives = {TEN: tar_gz(cifar10_files()[0]), HUNDRED: tar_gz(cifar100_files()[0], "cifar-100-binary")}
    server.files = {**archives, **mnist_files()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in server.files.items()}
    monkeypatch.setattr(fetch, "CIFAR10", {TEN: sums[TEN]})
    monkeypatch.setattr(fetch, "CIFAR100", {HUNDRED: sums[HUNDRED]})
    for table in ("MNIST", "FASHION_MNIST"):
        monkeypatch.setattr(fetch, table, {name: sums[name] for name in mnist_files()})
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.mark.parametrize("end", ["", "/"])
def test_downloads_once_into_the_folder_that_loaders_read(tmp_path, monkeypatch, server, end):
    monkeypatch.setenv("FASTLIN_DATA", str(tmp_path / "new"))
    for get, files, folder in [
        (fetch_cifar10, [TEN], ""), (fetch_cifar100, [HUNDRED], ""), (fetch_mnist, list(mnist_files()), "mnist"),
        (fetch_fashion_mnist, list(mnist_files()), "fashion-mnist"),
    ]:  # fmt: skip
        server.asked.clear()
        for _ in range(2):
            data = get(mirror=server.url + end, progress=False)
            assert data.X_train.ndim == 4 and len(data.y_test) == len(data.X_test) > 0
        assert server.asked == files
        for name in files:
            assert (tmp_path / "new" / folder / name).read_bytes() == server.files[name]
    assert len(list((tmp_path / "new").iterdir())) == 4  # nothing else is left
    assert fetch_cifar100(labels="coarse").class_names[0] == "group 0"


def test_a_folder_and_a_bar_of_ones_own(tmp_path, capsys, server):
    fetch_cifar10(tmp_path, mirror=server.url, progress=True)
    assert [path.name for path in tmp_path.iterdir()] == [TEN]
    assert "100%" in capsys.readouterr().err


def test_only_what_is_missing_is_downloaded(tmp_path, server):
    names = list(mnist_files())
    for name in names[:2]:
        (tmp_path / name).write_bytes(server.files[name])
    fetch_mnist(tmp_path, mirror=server.url, progress=False)
    assert server.asked == names[2:]


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("cut short", (OSError, DatasetError), f"/some/folder/{TEN} (cannot be downloaded|is not the published file)"),
        ("unsized", DatasetError, f"/some/folder/{TEN} is not the published file: SHA256 hash"),
        ("wrong", DatasetError, f"/some/folder/{TEN} is not the published file: SHA256 hash"),
        ("missing", OSError, f"/some/folder/{TEN} cannot be downloaded: 404"),
        ("endless", DatasetError, f"/some/folder/{TEN} is larger than 1000 bytes"),
    ],
)
def test_a_download_that_fails_leaves_nothing(tmp_path, monkeypatch, server, how, error, message):
    server.how = how
    if how == "endless":
        monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    with pytest.raises(error, match=message):
        fetch_cifar10(tmp_path, mirror=server.url, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_fails_keeps_those_before_it(tmp_path, server):
    names = list(mnist_files())
    content = server.files.pop(names[2])
    with pytest.raises(OSError, match=names[2]):
        fetch_mnist(tmp_path, mirror=server.url, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[:2])
    server.files[names[2]] = content
    server.asked.clear()
    fetch_mnist(tmp_path, mirror=server.url, progress=False)
    assert server.asked == names[2:]


def test_nobody_answers(tmp_path, server):
    server.http.server_close()
    with pytest.raises(OSError, match=f"{TEN} cannot be downloaded"):
        fetch_cifar10(tmp_path, mirror=server.url, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_without_pooch_it_says_how_to_get_it(tmp_path, monkeypatch, server):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"cifar-10-binary.tar.gz is not in '.*pip install 'fastlin\[data\]'"):
        fetch_cifar10(tmp_path, mirror=server.url)
    published.write_folder(tmp_path, {TEN: server.files[TEN]})
    assert fetch_cifar10(tmp_path).name == "cifar10"  # nothing to download, nothing needed


def test_every_published_file_has_a_checksum():
    import fastlin.datasets.fetch as real

    for table in (real.CIFAR10, real.CIFAR100, real.MNIST, real.FASHION_MNIST):
        for name, sha256 in table.items():
            assert name.endswith(".gz") and len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")
