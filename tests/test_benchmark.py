"""The benchmark: its limits, answers, bars, pages and exit codes. Shapes are small, and peers are left at home."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from fastlin import cli, config, functional
from fastlin._core import peaks
from fastlin.benchmark import answers, bars, cases, images, peers, report, rows, run, verdicts
from fastlin.benchmark.cases import Case
from fastlin.benchmark.limits import Limits
from fastlin.benchmark.rows import ALONE, Found, Part, Row

SMALL = Case("softmax_loss", 128, 64, 10)
# At a lower level the twin alone is timed beside fastlin: importing a peer takes longer than all there is to measure.
LEVEL = run.levels()[-1] if run.levels() else None
FACTS = {
    "cpu": "some", "cpus": 2, "load": 0.1, "load_after": 0.2, "simd": "avx2", "threads": 1, "busy_cores": 1.0,
    "compiler": "GCC", "python": "3", "numpy": "2", "fastlin": "0",
}  # fmt: skip
ROOF = Limits(1e10, {"float32": 1e11, "float64": 5e10})


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """No peer is installed."""
    monkeypatch.setattr(peers, "installed", lambda package: False)


@pytest.fixture(scope="module")
def measured() -> Found:
    """A part, measured in a child process as the command does."""
    return run.measure(Part([SMALL], level=LEVEL, quick=True))


# Limits


def test_the_kernels_that_measure_compute_what_they_say(simd_level: str) -> None:
    data = np.random.default_rng(0).integers(0, 256, 5 << 20, dtype=np.uint8)
    wanted = int(np.bitwise_xor.reduce(data.view(np.uint32)))
    assert peaks.read(data, 1) == peaks.read(data, 2) == wanted
    for arithmetic in ("float32", "float64"):
        # Each sum ends at 1, the fixed point of s / 2 + 1 / 2; a round is four steps of each, two operations a lane.
        sums = peaks.flops(arithmetic) / 8
        assert peaks.multiply_add(arithmetic, 50, 1) == sums
        assert peaks.multiply_add(arithmetic, 50, 2) == 2 * sums
    with pytest.raises(ValueError, match="no arithmetic here"):
        peaks.multiply_add("float8", 1, 1)


def test_limits_are_sane(measured: Found) -> None:
    found = measured.limits
    assert set(found.peak) >= {"float32", "float64"}
    assert all(value > 0 for value in (found.bandwidth, *found.peak.values()))
    # Twice as many lanes; measured, on a machine that others use too.
    assert 1.4 < found.peak["float32"] / found.peak["float64"] < 2.8
    assert 0 <= measured.disagreement < 1


def test_a_limit_is_the_larger_of_arithmetic_and_memory() -> None:
    assert ROOF.seconds(1e11, 1e9, "float32") == pytest.approx(1.0)
    assert ROOF.seconds(1e11, 1e9, "float64") == pytest.approx(2.0)
    assert ROOF.seconds(1e9, 1e10, "float32") == pytest.approx(1.0)
    assert np.isnan(ROOF.seconds(1e9, 1.0, "amx_bf16"))
    other = Limits(2e10, {"float32": 0.9e11, "float64": 5e10})
    assert ROOF.best(other) == Limits(2e10, {"float32": 1e11, "float64": 5e10})
    assert ROOF.disagreement(other) == pytest.approx(0.5)


# Answers


@pytest.mark.parametrize("case", [case.shrunk() for case in run.ALL_CASES], ids=lambda case: case.group)
def test_fastlin_and_the_twin_answer_rightly(case: Case) -> None:
    if case.op.startswith("visual_words"):
        case = case._replace(n=2)
    if case.op in cases.IMAGE_OPS and not images.can_run(case):
        pytest.skip("this machine has no bfloat16 products")
    for name in ("fastlin", "numpy"):
        assert answers.check(case, name, peers.call(case, name, 1)()) >= 0


@pytest.mark.parametrize("case", [SMALL, Case("sgd_epoch", 64, 16, 3, batch=32), Case("predict", 64, 16, 3)])
def test_a_wrong_answer_is_not_timed(monkeypatch: pytest.MonkeyPatch, at_home: None, case: Case) -> None:
    right = getattr(functional, case.op)

    def wrong(*arguments: Any, **options: Any) -> Any:
        result = right(*arguments, **options)
        if case.op == "predict":
            return (result + 1) % case.c
        return result._replace(loss=result.loss * 1.001)

    monkeypatch.setattr(functional, case.op, wrong)
    row = rows.measure_case(case, Part([case], quick=True))
    assert list(row.seconds) == ["numpy"] and len(row.wrong) == 1
    assert case.group in row.wrong[0] and "fastlin's" in row.wrong[0] and "not timed" in row.wrong[0]
    found = Found(Part([case]), FACTS, ROOF, 0.0, [row])
    assert "## Wrong answers" in report.page([found])
    assert report.as_json([found])["parts"][0]["rows"][0]["wrong"] == row.wrong


def test_wrong_features_are_not_timed() -> None:
    case = Case("hog", 4, 3072, 0, "uint8")
    features = peers.call(case, "fastlin", 1)()
    assert answers.check(case, "fastlin", features) < 1e-5
    with pytest.raises(AssertionError, match="hog"):
        answers.check(case, "fastlin", features + 0.01)


# Cases and bars


def test_the_bars_are_of_the_losses_that_are_measured() -> None:
    for op in ("softmax_loss", "hinge_loss"):
        assert {case.shape for case in run.ALL_CASES if case.op == op} == set(bars.LOSSES)
    assert {case.batch for case in run.ALL_CASES if case.op == "sgd_epoch"} == set(bars.EPOCH)
    assert len(bars.LOSSES) == 13
    assert {shape.dtype for shape in bars.LOSSES} == {"float32", "uint8", "float16", "float64"}
    assert len(set(run.ALL_CASES)) == len(run.ALL_CASES)


def row_of(case: Case, limit: float = 0.7, **seconds: float) -> Row:
    names = {"alone": ALONE}
    return Row(case, {names.get(name, name): value for name, value in seconds.items()}, limit, 0.0, [])


def verdicts_of(part: Part, *rows: Row) -> dict[str, bool]:
    found = Found(part, FACTS, ROOF, 0.0, list(rows))
    return {f"{verdict.case.dtype} {verdict.what}": verdict.met for _, verdict in verdicts.judge([found])}


def test_every_case_meets_its_bars_or_misses_them() -> None:
    loss = Case("softmax_loss", 50000, 3072, 10)
    good = row_of(loss, fastlin=0.9, numpy=2.8)
    assert verdicts_of(Part([loss]), good) == {"float32 NumPy / fastlin": True, "float32 share of the limit": True}
    slow = row_of(loss, fastlin=1.0, numpy=3.0)
    assert not any(verdicts_of(Part([loss]), slow).values())
    # A lower level has the ratios alone; a shrunk shape has no bar, and so has what was not timed.
    assert verdicts_of(Part([loss], level="avx2"), slow) == {"float32 NumPy / fastlin": False}
    assert verdicts_of(Part([loss], level="baseline"), row_of(loss, fastlin=1.0, numpy=0.98)) == {
        "float32 NumPy / fastlin": True
    }
    assert verdicts_of(Part([loss], quick=True), slow) == {} == verdicts_of(Part([loss]), row_of(loss, numpy=1.0))
    call = Case("hinge_loss", 32, 16, 3)
    assert verdicts_of(Part([call]), row_of(call, fastlin=4e-6, numpy=40e-6)) == {
        "float32 NumPy / fastlin": True, "float32 a call": False,
    }  # fmt: skip
    classes = Case("predict", 50000, 3072, 10, "uint8")
    assert verdicts_of(Part([classes]), row_of(classes, fastlin=1.0, numpy=3.9)) == {"uint8 NumPy / fastlin": False}


def test_bars_of_an_epoch() -> None:
    loss, epoch = Case("softmax_loss", 50000, 3072, 10), Case("sgd_epoch", 50000, 3072, 10, batch=256)
    bytes_ = epoch._replace(dtype="uint8")
    found = verdicts_of(
        Part([]), row_of(loss, fastlin=1.0), row_of(epoch, fastlin=1.2, numpy=4.0, torch=7.0, sklearn=5.0),
        row_of(bytes_, fastlin=1.3, numpy=4.0),
    )  # fmt: skip
    assert found == {
        "float32 share of the limit": False, "float32 NumPy / fastlin": True, "float32 PyTorch / fastlin": False,
        "float32 scikit-learn / fastlin": True, "float32 epoch / full-batch pass": True,
        "uint8 NumPy / fastlin": False, "uint8 uint8 / float32": False,
    }  # fmt: skip


def test_bars_of_threads() -> None:
    loss, call = Case("softmax_loss", 50000, 3072, 10), Case("softmax_loss", 32, 16, 3)
    part = Part([], threads=2)
    for case, seconds, met in ((loss, 0.5, True), (loss, 0.6, False), (call, 1.02, True), (call, 1.1, False)):
        assert verdicts_of(part, row_of(case, fastlin=seconds, alone=1.0)) == {"float32 one thread / fastlin": met}
    for seconds, met in ((1.4, True), (1.6, False)):
        assert verdicts_of(part._replace(others=2), row_of(loss, fastlin=seconds, alone=1.0)) == {
            "float32 one thread / fastlin": met
        }
    epoch = Case("sgd_epoch", 50000, 3072, 10, batch=256)
    assert verdicts_of(part, row_of(epoch, fastlin=1.0, alone=1.5, numpy=3.6, torch=5.0)) == {
        "float32 one thread / fastlin": True, "float32 NumPy / fastlin": True, "float32 PyTorch / fastlin": False,
    }  # fmt: skip


# A run


def test_a_part_is_measured_in_a_process_of_its_own(measured: Found) -> None:
    (row,) = measured.rows
    assert set(row.seconds) >= {"fastlin", "numpy"} and row.wrong == []
    assert 0 < row.share <= 1.2 and row.limit > 0 and 0 <= row.difference < 1e-5
    assert measured.facts["threads"] == 1 and measured.facts["simd"] == (LEVEL or config.simd_level())
    # BLAS took the limit that the environment sets: a large product keeps one core busy, no more.
    assert measured.facts["busy_cores"] < 1.3
    assert measured.part.cases == [SMALL]


def test_parts_of_a_run() -> None:
    whole = run.parts()
    assert whole[0].cases == list(run.ALL_CASES) and whole[0].threads == 1 and whole[0].level is None
    assert {part.level for part in whole} == {None, *run.levels()}
    assert all(part.quick for part in run.parts(quick=True))
    (part,) = run.parts(threads=1, only="32x16x3")
    assert {case.op for case in part.cases} == {"softmax_loss", "hinge_loss"}
    for options, message in (
        ({"only": "no such case"}, "--only is 'no such case'; wanted is a part of: softmax_loss"),
        ({"threads": 0}, r"--threads is 0; wanted is 1\.\."),
        ({"threads": 10**6}, "--threads is 1000000"),
        ({"level": "avx1024"}, "--level is 'avx1024'"),
    ):
        with pytest.raises(ValueError, match=message):
            run.parts(**options)
    if run.levels():
        (part,) = run.parts(level=run.levels()[0], only="x10")
        assert part.level == run.levels()[0]
        with pytest.raises(ValueError, match=r"--threads is 2 with --level|--threads is 2; wanted"):
            run.parts(threads=2, level=run.levels()[0])


def test_a_level_keeps_numpy_from_wider_instructions() -> None:
    variables = run._level_variables("avx2")
    assert variables["FASTLIN_SIMD"] == "avx2" and variables["OPENBLAS_CORETYPE"] == "Haswell"
    assert re.fullmatch(r"((AVX512\w*|X86_V4) ?)*", variables["NPY_DISABLE_CPU_FEATURES"])
    assert run._level_variables(None) == {}


# The command


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch, measured: Found) -> list[Part]:
    """The command gets what one child found, whatever it asks for; the parts it asks for."""
    asked: list[Part] = []

    def measure(part: Part) -> Found:
        asked.append(part)
        return measured._replace(part=part)

    monkeypatch.setattr(run, "measure", measure)
    return asked


def test_the_command_writes_json_and_markdown(tmp_path: Any, canned: list[Part], capsys: Any) -> None:
    page, data = tmp_path / "b.md", tmp_path / "b.json"
    arguments = ["bench", "--threads", "1", "--only", "softmax_loss | float32 | 128x64x10"]
    assert cli.main([*arguments, "--quick", "--json", str(data), "--markdown", str(page)]) == 0
    assert canned == [Part([SMALL], quick=True)]
    out, err = capsys.readouterr()
    assert err == "" and out == page.read_text()
    tables = [line for line in out.splitlines() if line.startswith("|")]
    assert any(line.startswith("| softmax_loss | float32 | 128x64x10 |") for line in tables)
    # Every table has as many cells in each line as in its header.
    for block in re.findall(r"(?m)(?:^\|.*\n)+", out):
        assert len({line.count("|") for line in block.splitlines()}) == 1
    assert "a quick look" in out and "GB/s" in out and "## Bars" not in out
    (part,) = json.loads(data.read_text())["parts"]
    assert part["quick"] is True and part["limits"]["bandwidth"] > 0 and part["bars"] == []
    (row,) = part["rows"]
    seconds = row["seconds"]
    assert 0 < row["share"] <= 1.2 and row["ratio"] == pytest.approx(seconds["numpy"] / seconds["fastlin"])


def test_the_exit_code_tells_of_bars_and_of_wrong_answers(
    monkeypatch: pytest.MonkeyPatch, canned: list[Part], measured: Found, capsys: Any
) -> None:
    arguments = ["bench", "--threads", "1", "--only", "softmax_loss | float32 | 128x64x10"]
    row = measured.rows[0]
    for ratio, check, code in ((100.0, True, 0), (1.0, True, 1), (1.0, False, 0)):
        slow = row._replace(seconds={"fastlin": 1.0, "numpy": ratio})
        monkeypatch.setattr(run, "measure", lambda part, slow=slow: measured._replace(part=part, rows=[slow]))
        assert cli.main([*arguments, *(["--check"] if check else [])]) == code
        out = capsys.readouterr().out
        assert ("1 of 1 are met" in out) == (ratio == 100.0) == ("**NumPy" not in out)
    wrong = row._replace(wrong=["it is wrong"])
    monkeypatch.setattr(run, "measure", lambda part: measured._replace(part=part, rows=[wrong]))
    assert cli.main(arguments) == 1
    assert "- it is wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "no such case"], "--only is 'no such case'"),
        (["--quick", "--check"], "--check is given with --quick"),
        (["--threads", "0"], "--threads is 0"),
        (["--level", "avx9"], "--level is 'avx9'"),
    ],
)
def test_bad_options(capsys: Any, options: list[str], message: str) -> None:
    assert cli.main(["bench", *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1


def test_a_busy_machine_is_told(measured: Found) -> None:
    quiet = measured._replace(facts=measured.facts | {"load": 0.0}, disagreement=0.01)
    assert "was busy" not in report.page([quiet])
    assert "was busy" in report.page([quiet._replace(facts=measured.facts | {"load": 3.0})])
    assert "differ by up to 20 %" in report.page([quiet._replace(disagreement=0.2)])
