"""The report and the commands plot and report."""

from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from pngs import decode_png

import fastlin
from fastlin import cli, plotting
from fastlin.datasets import Dataset
from fastlin.plotting import report_html, write_report

pytest.importorskip("matplotlib")

HOSTILE = (
    '<script>alert("x")</script>', "a & b \"quoted\" 'too'", "$\\frac{1}{", "</td></table><img src=http://x>", "_"
)  # fmt: skip


class Page(HTMLParser):
    """The elements of a page, what they say, and whether all that is opened is closed."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def small():
    data = fastlin.datasets.load_fashion_mnist_small()
    names = data.class_names
    data = Dataset("small", data.X_train[:400], data.y_train[:400], data.X_test[:200], data.y_test[:200], names, "hwc")
    return fastlin.SoftmaxClassifier(max_iter=3, random_state=0).fit(data.X_train, data.y_train), data


@pytest.fixture(scope="module")
def page(small):
    return report_html(*small)


def test_the_report_has_all_its_parts(small, page):
    model, data = small
    found = Page(page)
    assert not found.open
    text = " ".join(found.text)
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == ["Data", "Settings", "Training", "Templates", "Confusion", "Worst mistakes", "Checks", "Speed"]
    assert f"{model.score(data.X_test, data.y_test):.2%}" in text
    assert "SoftmaxClassifier on small" in text and "400 to train on, 200 to test" in text
    assert "max_iter" in text and "rows/s" in text and "sanity of SoftmaxClassifier" in text and "All passed." in text
    for name in data.class_names:
        assert name in text


def test_the_report_stands_alone(page):
    found = Page(page)
    assert not found.of("script") and not found.of("link") and not found.of("iframe")
    assert "http:" not in page and "https:" not in page and "@import" not in page and "url(" not in page
    assert any(meta.get("http-equiv") == "Content-Security-Policy" for meta in found.of("meta"))
    assert {meta.get("name") for meta in found.of("meta")} >= {"viewport"}
    for image in found.of("img"):
        source = image["src"]
        assert source.startswith("data:image/png;base64,")
        png = base64.b64decode(source.partition(",")[2], validate=True)
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(image["alt"]) > 10 and int(image["width"]) > 0 and int(image["height"]) > 0


def test_the_report_shows_the_right_pictures(small, page):
    model, data = small
    pictures = {image["alt"]: base64.b64decode(image["src"].partition(",")[2]) for image in Page(page).of("img")}
    shown = plotting.template_images(model)
    for name, pixels in zip(data.class_names, shown.pixels, strict=True):
        assert np.array_equal(decode_png(pictures[f"Template of class {name}"]), pixels)
    worst = plotting.worst_mistakes(model, data.X_test, data.y_test)
    for row in worst.rows:
        (png,) = (png for alt, png in pictures.items() if alt.startswith(f"Row {row}: "))
        assert np.array_equal(decode_png(png), data.X_test[row])


def test_hostile_names_are_text(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (100, 4, 4, 1), dtype=np.uint8)
    labels = np.array(HOSTILE)[np.arange(100) % 5]
    model = fastlin.SoftmaxClassifier(max_iter=1, random_state=0, class_weight={HOSTILE[0]: 2.0}).fit(X, labels)
    write_report(model, Dataset("<b>data</b> & more", X, labels), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    y = np.arange(100) % 5
    # With a weight for a class the settings differ in their words alone.
    other = fastlin.SoftmaxClassifier(max_iter=1, random_state=0, class_weight={0: 2.0}).fit(X, y)
    plain = report_html(other, Dataset("data", X, y))
    found = Page(page)
    assert not found.open and not found.of("script") and not found.of("b")
    assert {tag for tag, _ in found.elements} == {tag for tag, _ in Page(plain).elements}
    assert all(set(attributes) <= {"src", "width", "height", "alt"} for attributes in found.of("img"))
    text = "".join(found.text)
    assert "<b>data</b> & more" in text and HOSTILE[1] in text
    assert HOSTILE[0][:13] in text and HOSTILE[0][-10:] in text  # long names lose their middle, and are still text


def test_a_name_that_is_no_unicode_is_in_the_page_all_the_same(small, tmp_path):
    """As of a folder whose name is not UTF-8: Python has its bytes as lone surrogates."""
    model, data = small
    write_report(model, dataclasses.replace(data, name="caf\udce9"), tmp_path / "r.html", checks=False)
    assert "caf?" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_names_are_on_one_line_and_not_long():
    from fastlin.plotting._figure import name_text

    assert name_text(" two\n lines\t") == "two lines" and name_text(7) == "7"
    assert name_text("bell\x07") == "bell\ufffd"
    assert name_text("x" * 24) == "x" * 24
    assert name_text("a" * 20 + "b" * 20) == "a" * 13 + "\u2026" + "b" * 10


def test_rows_that_are_no_images(small):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    X = rng.normal(size=(120, 5)) + y[:, None]
    page = report_html(fastlin.SVMClassifier(random_state=0).fit(X, y), Dataset("rows", X, y), checks=False)
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == ["Data", "Settings", "Training", "Weights", "Confusion", "Worst mistakes", "Speed"]
    assert "all its rows, those trained on perhaps among them" in page
    points, labels = fastlin.datasets.make_xor(200)
    flat = report_html(
        fastlin.SoftmaxClassifier(random_state=0).fit(points, labels), Dataset("xor", points, labels), checks=False
    )
    assert any("The plane of both features" in image["alt"] for image in Page(flat).of("img"))


def test_a_report_without_mistakes_and_checks_that_cannot_be_asked():
    X = np.array([[0.0, 0.0], [1.0, 1.0], [0.1, 0.0]])
    y = np.array([0, 1, 0])
    page = report_html(fastlin.SoftmaxClassifier(random_state=0).fit(X, y), Dataset("three", X, y))
    assert "There are none" in page and "could not be asked of this data" in page


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Dataset("d", np.ones((3, 28, 28, 1), np.uint8), None), "d has no labels; wanted is y beside X"),
        (Dataset("d", np.ones((2, 28, 28, 1), np.uint8), np.array([0, 77])), "77, which is not among the classes"),
        (Dataset("d", np.ones((0, 28, 28, 1), np.uint8), np.zeros(0, int)), "d has no rows"),
    ],
)
def test_wrong_data_writes_nothing(small, tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        write_report(small[0], data, tmp_path / "r.html")
    with pytest.raises(TypeError, match=r"data is ndarray; wanted is a fastlin\.datasets\.Dataset"):
        write_report(small[0], data.X_train, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


# The commands


@pytest.fixture(scope="module")
def files(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    model, data = small
    model.save(folder / "m.npz")
    np.savez(folder / "d.npz", X_train=data.X_train, y_train=data.y_train, X_test=data.X_test, y_test=data.y_test)
    points = fastlin.datasets.load("ring")
    fastlin.SoftmaxClassifier(random_state=0).fit(points.X_train, points.y_train).save(folder / "ring.npz")
    return folder


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        ["templates", "m.npz"], ["templates", "m.npz", "fashion-mnist-small", "--scale", "class"],
        ["templates", "m.npz", "--plain"], ["curves", "m.npz", "--panels", "rate,loss"], ["weights", "m.npz"],
        ["confusion", "m.npz", "d.npz", "--counts"], ["worst", "m.npz", "d.npz", "-n", "3"],
        ["evidence", "m.npz", "d.npz", "--row", "5"], ["regions", "ring.npz", "ring"], ["losses"],
        ["penalties", "--l1-ratio", "0.2"],
    ],
)  # fmt: skip
def test_plot_writes_a_picture(files, tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(files)
    out = tmp_path / "o.png"
    assert run("plot", *arguments, "-o", out) == 0, capsys.readouterr().err
    assert out.read_bytes().startswith(b"\x89PNG") and len(out.read_bytes()) > 1000
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["templates", "m.npz", "-o", "x.jpg"], "ends with '.jpg'; wanted is a name in .png, .svg, .pdf"),
        (["templates", "m.npz", "--plain", "-o", "x.svg"], "wanted is a name that ends with .png"),
        (["templates", "ring.npz", "-o", "x.png"], "wanted is the shape of the images"),
        (["templates", "none.npz", "-o", "x.png"], "'none.npz': No such file"),
        (["curves", "m.npz", "--panels", "noise", "-o", "x.png"], "panels holds 'noise'"),
        (["evidence", "m.npz", "d.npz", "--row", "200", "-o", "x.png"], "--row is 200; wanted is 0..199"),
        (["losses", "--dpi", "0", "-o", "x.png"], "--dpi is 0"),
        (["worst", "m.npz", "d.npz", "-n", "-1", "-o", "x.png"], "-n is -1"),
        (["losses", "-o", "nowhere/x.png"], "nowhere/x.png"),
    ],
)
def test_plot_refuses_in_a_line(files, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(files)
    assert run("plot", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1
    assert not (files / arguments[-1]).exists()


def test_report_writes_the_page(files, tmp_path, capsys):
    out = tmp_path / "r.html"
    assert run("report", files / "m.npz", files / "d.npz", "-o", out, "--worst", 2, "--no-checks", "--threads", 1) == 0
    assert re.fullmatch(rf"report written to {re.escape(str(out))}, 0\.\d MB\n", capsys.readouterr().out)
    page = out.read_text(encoding="utf-8")
    assert "<h2>Checks</h2>" not in page
    assert len([image for image in Page(page).of("img") if image["alt"].startswith("Row ")]) == 2


def test_report_refuses_in_a_line(files, tmp_path, capsys):
    assert run("report", files / "m.npz", "ring", "-o", tmp_path / "r.html") == 2
    assert "X has 2 features" in capsys.readouterr().err
    assert run("report", files / "m.npz", files / "d.npz", "-o", tmp_path / "r.html", "--worst", -1) == 2
    assert "--worst is -1; wanted is an integer >= 1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    before = (files / "m.npz").read_bytes()
    assert run("report", files / "m.npz", files / "d.npz", "-o", files / "m.npz") == 2
    assert "the file of MODEL, which would be lost" in capsys.readouterr().err
    assert (files / "m.npz").read_bytes() == before
