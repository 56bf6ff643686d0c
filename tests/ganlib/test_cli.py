"""A linha de comando: fala português até a última palavra, recusa antes de tocar em nada, e continua de onde parou."""

import argparse
import ast
import inspect
import json
import re
import resource
import signal
import threading
from contextlib import contextmanager
from dataclasses import fields

import matplotlib

matplotlib.use("Agg")

import pytest
import torch
from matplotlib.image import imread

from ganlib import (
    CheckpointError,
    Config,
    Speed,
    Training,
    __version__,
    checkpoints,
    cli,
    data,
    info,
    options,
    progress,
)
from ganlib.arguments import PORTUGUESE, in_portuguese
from ganlib.distributed import Ranks
from ganlib.folder import Folder

TINY = ["--hidden", "4", "--batch", "8", "--log-every", "5", "--save-every", "10", "--device", "cpu"]
SMALL = Config(hidden=(4,), batch=8, log_every=5)


@pytest.fixture
def call(capsys):
    """Chama a linha de comando neste processo: o código de saída, stdout e stderr."""

    def run(*argv):
        capsys.readouterr()
        try:
            code = cli.main([str(a) for a in argv])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def train(call, tmp_path):
    """``python -m ganlib train`` numa pasta do teste."""
    return lambda *argv: call("train", *TINY, "--out", tmp_path / "t", *argv)


def contents(folder) -> dict:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def newest(folder) -> dict:
    return checkpoints.read(checkpoints.newest_first(folder / "pontos")[0])


def same(a: dict, b: dict) -> bool:
    """Se dois estados são iguais bit a bit: pesos, média, otimizadores e gerador."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


# O português

# O que o argparse só diz a quem programa o parser.
FOR_PROGRAMMERS = (
    "conflicting", "not defined", "invalid argument for positionals", "must be optional", "is not callable",
    "cannot merge", "invalid option string", "dest= is required", "conflict_resolution",
    "cannot have multiple subparser", 'argument "-" with mode', "%(heading)s:",
)


def test_every_sentence_of_argparse_that_a_user_may_see_has_a_translation():
    said = set()
    for node in ast.walk(ast.parse(inspect.getsource(argparse))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
            said |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    missing = {s for s in said - PORTUGUESE.keys() if not any(known in s for known in FOR_PROGRAMMERS)}
    assert "expected one argument" in said
    assert not missing


def test_translations_keep_the_fields_of_the_sentence():
    def slots(text):
        return sorted(re.findall(r"%(?:\(\w+\))?[sr]", text))

    for english, portuguese in PORTUGUESE.items():
        assert {s[:-1] for s in slots(portuguese)} == {s[:-1] for s in slots(english)}, english


def test_outside_the_program_argparse_speaks_as_before():
    with in_portuguese():
        assert "uso: " in argparse.ArgumentParser(prog="x").format_usage()
    assert argparse.ArgumentParser(prog="x").format_usage().startswith("usage: ")


@pytest.mark.parametrize("argv", [["--help"], ["train", "--help"], ["info", "--help"]])
def test_help_is_in_portuguese_to_the_last_word(call, argv):
    code, out, err = call(*argv)
    assert (code, err) == (0, "")
    assert out.startswith("uso: python -m ganlib")
    assert not re.search(r"(?i)\b(usage|options|show|exit|the|and|default|error|required|choose|with|message)\b", out)
    assert "None" not in out and "%(" not in out


def test_help_says_the_default_that_config_has(call):
    out = " ".join(call("train", "--help")[1].split())
    assert f"taxa de aprendizado (padrão: {Config().lr})" in out
    assert "larguras escondidas da rede mlp (padrão: 128 128)" in out
    assert "perda (padrão: non_saturating): hinge, least_squares" in out


def test_version_is_the_one_of_the_library(call):
    assert call("--version")[:2] == (0, f"ganlib {__version__}\n")


# As opções e o Config


def test_every_field_of_config_and_speed_has_an_option_with_its_default():
    parser = argparse.ArgumentParser()
    options.add(parser)
    chosen = vars(parser.parse_args([]))
    assert {f.name for f in fields(Config)} - {"speed", "device"} <= chosen.keys()
    assert {f.name for f in fields(Speed)} <= chosen.keys()
    assert options.config(argparse.Namespace(**chosen), "cpu") == Config()


def test_every_option_reaches_its_field():
    parser = argparse.ArgumentParser()
    options.add(parser)
    line = """--data grid --loss hinge --network document --latent 3 --hidden 5 6 7 --models 2 --real-label 0.9
        --fake-label 0.1 --penalty r1 --penalty-weight 2.5 --clip 0.01 --instance-noise 0.2 --instance-noise-steps 9
        --batch 12 --lr 3e-4 --d-lr 1e-4 --betas 0 0.9 --optimizer rmsprop --d-steps 1 --update extragradient
        --consensus-weight 4 --ema 0.99 --seed -3 --log-every 7 --no-device-data --no-freeze --fast-matmul
        --channels-last --bf16 --cuda-graphs --threads 1"""
    got = options.config(parser.parse_args(line.split()), "cpu")
    assert got == Config(
        data="grid", loss="hinge", network="document", latent=3, hidden=(5, 6, 7), models=2, real_label=0.9,
        fake_label=0.1, penalty="r1", penalty_weight=2.5, clip=0.01, instance_noise=0.2, instance_noise_steps=9,
        batch=12, lr=3e-4, d_lr=1e-4, betas=(0.0, 0.9), optimizer="rmsprop", d_steps=1, update="extragradient",
        consensus_weight=4.0, ema=0.99, seed=-3, log_every=7, device="cpu",
        speed=Speed(device_data=False, freeze=False, fast_matmul=True, channels_last=True, bf16=True, cuda_graphs=True),
    )
    untouched = {"d_steps", "speed", "device"}  # d_steps=1: o único que a regra extragradient aceita
    assert all(vars(got)[f.name] != vars(Config())[f.name] for f in fields(Config) if f.name not in untouched)


@pytest.mark.parametrize(
    ("gpus", "choice", "processes", "device"),
    [(0, "auto", 1, "cpu"), (1, "auto", 1, "cuda"), (1, "auto", 2, "cpu"), (2, "auto", 2, "cuda"), (1, "cpu", 1, "cpu"),
     (2, "cuda", 2, "cuda")],
)
def test_auto_is_the_gpu_when_each_process_has_one(monkeypatch, gpus, choice, processes, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert options.device(choice, processes) == device


def test_fewer_gpus_than_processes_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="2 processos pedem 2 GPUs, e aqui há 1"):
        options.device("cuda", 2)


# O que é recusado: código 2, uma frase, nada tocado


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "falta o argumento COMANDO"),
        (["treina"], "o comando 'treina' não existe|'treina' não existe; escolha entre"),
        (["train", "--loss"], "em --loss: falta o valor"),
        (["train", "--hidden"], "em --hidden: falta ao menos um valor"),
        (["train", "--betas", "0.5"], "em --betas: espero 2 valores"),
        (["train", "--loss", "minmax"], "em --loss: 'minmax' não existe; escolha entre '?hinge'?"),
        (["train", "--losss", "minimax"], "não conheço o argumento --losss minimax"),
        (["train", "--los", "minimax"], "não conheço o argumento --los minimax"),
        (["train", "--bf16=1"], "em --bf16: não recebe um valor; veio '1'"),
        (["train", "--batch", "muitos"], "em --batch: 'muitos' não é um número inteiro"),
        (["train", "--lr", "0,001"], "em --lr: '0,001' não é um número; o separador decimal aqui é o ponto"),
        (["train", "--lr", "inf"], "em --lr: deve ser um número finito; recebi inf"),
        (["train", "--steps", "0"], "em --steps: deve ser um inteiro positivo; recebi 0"),
        (["train", "--seed", "9" * 30], "em --seed: 9+ não cabe em 64 bits"),
        (["train", "--lr", "-1"], "lr deve ser positivo; recebi -1.0"),
        (["train", "--ema", "2"], "ema deve estar entre 0 e 1"),
        (["train", "--cuda-graphs"], "cuda_graphs só existe em GPU"),
        (["train", "--loss", "hinge", "--real-label", "0.9"], "a perda 'hinge' não tem rótulos para suavizar"),
        (["train", "--update", "consensus", "--d-steps", "5"], "use d_steps=1"),
        (["info", "--steps", "3"], "não conheço o argumento --steps 3"),
    ],
    ids=lambda v: " ".join(v) or "nada" if isinstance(v, list) else "",
)
def test_a_bad_request_is_one_sentence_and_code_2(call, argv, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*argv, *(["--device", "cpu"] if argv[:1] == ["train"] and "--betas" not in argv else []))
    assert (code, out) == (2, "")
    assert re.search(said, err), err
    assert err.count("\n") == 1 and err.startswith("python -m ganlib") and "--help" in err
    assert not re.search(r"(?i)error|invalid|expected|traceback", err)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="há uma GPU")
def test_a_gpu_where_there_is_none_is_refused(call):
    code, _, err = call("train", "--device", "cuda")
    assert code == 2
    assert "o PyTorch não encontra uma GPU; use --device auto ou cpu" in err


def test_a_used_folder_is_refused_before_anything_is_touched(train, tmp_path):
    assert train("--steps", 10)[0] == 0
    before = contents(tmp_path / "t")
    code, _, err = train("--steps", 20, "--seed", 1)
    assert code == 2
    assert "já tem um treinamento (config.json, metricas.csv, pontos, amostras.png)" in err and "--resume" in err
    assert contents(tmp_path / "t") == before


def test_the_folder_of_another_run_is_refused_even_with_resume(train, tmp_path):
    assert train("--steps", 10)[0] == 0
    before = contents(tmp_path / "t")
    code, _, err = train("--steps", 20, "--resume", "--seed", 1)
    assert code == 1
    assert "é de outro treinamento: diferem seed" in err and err.count("\n") == 1
    for file in (tmp_path / "t" / "pontos").iterdir():
        file.unlink()
    code, _, err = train("--steps", 20, "--resume", "--seed", 1)
    assert (code, err.count("\n")) == (1, 1)
    assert "é de outro treinamento: diferem seed" in err
    assert contents(tmp_path / "t") == {k: v for k, v in before.items() if not k.startswith("pontos")}


def test_a_folder_with_someone_elses_files_is_not_overwritten(train, tmp_path):
    folder = tmp_path / "t"
    folder.mkdir()
    for name, text in (("config.json", '{"name": "outro programa"}'), ("metricas.csv", "nome,nota\nAna,10\n")):
        (folder / name).write_text(text)
        assert train("--steps", 5)[0] == 2
        code, _, err = train("--steps", 5, "--resume")
        assert code == 1 and f"{name} não é da ganlib" in err
        assert contents(folder) == {name: text.encode()}
        (folder / name).unlink()


# O que fica na pasta


def test_what_is_written_is_what_the_loop_gives(train, tmp_path):
    code, out, err = train("--steps", 23, "--ema", 0.9, "--penalty", "r1")
    assert (code, out) == (0, "")
    folder = tmp_path / "t"
    run = Training(Config(hidden=(4,), batch=8, log_every=5, ema=0.9, penalty="r1"))
    rows = list(run.steps(23))
    header, *lines = (folder / "metricas.csv").read_text().splitlines()
    assert header.split(",") == list(rows[0])
    assert [[float(v) for v in line.split(",")] for line in lines] == [list(row.values()) for row in rows]
    assert [row["step"] for row in rows] == [5, 10, 15, 20, 23]
    assert [f.name for f in checkpoints.newest_first(folder / "pontos")] == ["passo-000000023.pt", "passo-000000020.pt"]
    assert same(newest(folder), run.state())
    about = json.loads((folder / "config.json").read_text())
    assert about["config"] == json.loads(json.dumps(run.config.comparable() | {"data": "ring"}))
    assert (about["steps"], about["device"], about["ganlib"]) == (23, "cpu", __version__)
    assert imread(folder / "amostras.png").ndim == 3
    assert "Começo do zero" in err and "Pronto, no passo 23" in err and "CPU" in err


def test_several_models_have_a_column_each(train, tmp_path):
    assert train("--steps", 10, "--models", 3)[0] == 0
    header, *lines = [line.split(",") for line in (tmp_path / "t" / "metricas.csv").read_text().splitlines()]
    assert header[:4] == ["step", "d_loss_0", "d_loss_1", "d_loss_2"]
    rows = list(Training(Config(hidden=(4,), batch=8, log_every=5, models=3)).steps(10))
    for line, row in zip(lines, rows, strict=True):
        for k in range(3):
            assert float(line[header.index(f"grad_norm_{k}")]) == row["grad_norm"][k]


def test_resuming_leaves_the_folder_of_an_undisturbed_run(train, call, tmp_path):
    folder = tmp_path / "t"
    assert train("--steps", 20, "--models", 2, "--ema", "0.9")[0] == 0
    # Como se um processo tivesse morrido adiante: linhas a mais, a última pela metade, e parciais.
    with (folder / "metricas.csv").open("a") as file:
        file.write((folder / "metricas.csv").read_text().splitlines()[-1].replace("20,", "25,", 1) + "\n30,0.1,0.")
    (folder / "pontos" / "passo-000000030.pt.abcd0123.parcial").write_bytes(b"metade")
    (folder / "amostras.png.abcd0123.parcial").write_bytes(b"metade")
    (folder / "config.json.minha-copia").write_text("{}")
    code, _, err = train("--steps", 50, "--models", 2, "--ema", "0.9", "--resume")
    assert code == 0
    assert re.search(r"Continuo do passo 20, de .*passo-000000020\.pt", err)
    whole = tmp_path / "inteiro"
    assert call("train", *TINY, "--out", whole, "--steps", 50, "--models", 2, "--ema", "0.9")[0] == 0
    (folder / "config.json.minha-copia").unlink()
    ours, theirs = contents(folder), contents(whole)
    assert ours.keys() == theirs.keys()
    assert ours["metricas.csv"] == theirs["metricas.csv"]
    assert same(newest(folder), newest(whole))


def test_a_torn_checkpoint_is_put_aside_and_the_one_before_is_used(train, tmp_path):
    folder = tmp_path / "t"
    assert train("--steps", 20)[0] == 0
    done = newest(folder)
    torn = folder / "pontos" / "passo-000000020.pt"
    torn.write_bytes(torn.read_bytes()[:-10])
    code, _, err = train("--steps", 20, "--resume", "--keep", 1)
    assert code == 0
    assert "danificado foi posto de lado" in err and "Continuo do passo 10" in err
    assert same(newest(folder), done)
    assert (folder / "pontos" / "danificado-passo-000000020.pt").exists()


def test_resume_with_nothing_there_starts_from_zero(train):
    code, _, err = train("--steps", 5, "--resume")
    assert code == 0 and "Começo do zero" in err


def test_a_finished_run_is_only_drawn_again(train, tmp_path):
    assert train("--steps", 10)[0] == 0
    before = contents(tmp_path / "t")
    (tmp_path / "t" / "amostras.png").unlink()
    assert train("--steps", 10, "--resume")[0] == 0
    assert contents(tmp_path / "t") == before


def test_a_newer_damaged_checkpoint_never_costs_a_good_one(tmp_path):
    """Com ``keep=1``, contar o danificado entre os guardados apagaria o único que serve."""
    run = Training(SMALL)
    list(run.steps(3))
    (tmp_path / "passo-000000009.pt").write_bytes(b"danificado")
    run.save_in(tmp_path, keep=1)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["passo-000000003.pt", "passo-000000009.pt"]
    assert Training(SMALL).resume(tmp_path).name == "passo-000000003.pt"


def test_processes_that_see_different_folders_stop(tmp_path):
    class Apart(Ranks):
        def average(self, tensors):
            for t in tensors:
                t += 5  # o outro processo leu um ponto dez passos à frente

    run = Training(SMALL)
    run.ranks = Apart(1, 2)
    with pytest.raises(CheckpointError, match="este processo continua do passo 0 e outro, não: todos precisam ver"):
        Folder(tmp_path).open(run, 10)


# O que falha no caminho: código 1, uma frase, o último ponto continua bom


def test_divergence_says_the_step_and_what_was_saved(train):
    code, _, err = train("--steps", 10, "--lr", 1e30)
    assert code == 1
    assert "o treinamento divergiu" in err and "no passo 1;" in err and "nada foi salvo" in err


def test_data_that_cannot_be_had_is_said(call, tmp_path, monkeypatch):
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path))
    (tmp_path / "mnist_784.npz").write_bytes(b"nada")
    code, _, err = call("train", "--data", "mnist", "--out", tmp_path / "t")
    assert code == 1 and err.count("\n") == 1
    assert "está danificado" in err and not (tmp_path / "t").exists()


@contextmanager
def files_up_to(size: int):
    """Nenhum arquivo deste processo passa de ``size`` bytes, como num disco quase cheio."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_the_run_and_keeps_the_last_checkpoint(train, tmp_path):
    assert train("--steps", 10)[0] == 0
    good = newest(tmp_path / "t")
    with files_up_to(4096):
        code, _, err = train("--steps", 30, "--resume")
    assert code == 1
    last = err.splitlines()[-1]
    assert "não consigo gravar em" in last and "o arquivo passa do tamanho permitido" in last
    assert "o último ponto salvo é" in last and "passo-000000010.pt" in last and "--resume" in last
    assert same(newest(tmp_path / "t"), good)
    assert [f.name for f in (tmp_path / "t" / "pontos").iterdir()] == ["passo-000000010.pt"]
    assert train("--steps", 30, "--resume")[0] == 0


@pytest.mark.parametrize("out", ["arquivo", "arquivo/t"])
def test_a_file_where_the_folder_should_be_is_said(call, tmp_path, out):
    (tmp_path / "arquivo").write_text("meu")
    code, _, err = call("train", *TINY, "--out", tmp_path / out)
    assert code == 1
    assert "há um arquivo onde devia haver uma pasta; nada foi salvo ainda" in err and err.count("\n") == 1
    assert (tmp_path / "arquivo").read_text() == "meu"


def test_memory_and_a_lost_process_are_said_and_a_real_bug_is_not_hidden(train, monkeypatch):
    def broken(message):
        def make(*a, **k):
            raise RuntimeError(message)

        return make

    monkeypatch.setitem(data.DATA, "ring", broken("DefaultCPUAllocator: can't allocate memory: you tried …"))
    code, _, err = train()
    assert code == 1 and "a memória acabou" in err
    monkeypatch.setitem(data.DATA, "ring", broken("[…/gloo/transport/tcp/pair.cc:537] Connection reset by peer"))
    code, _, err = train()
    assert code == 1 and "outro processo do torchrun parou" in err
    monkeypatch.setitem(data.DATA, "ring", broken("um erro nosso"))
    with pytest.raises(RuntimeError, match="um erro nosso"):
        train()


# Ctrl-C


@pytest.fixture
def press(monkeypatch):
    """Aperta Ctrl-C ``times`` vezes quando o treinamento passa do passo ``at``."""

    def arm(at, times=1):
        @contextmanager
        def watcher(run, steps):
            pressed = threading.Event()

            def watch(run, now, rows):
                if run.step >= at and not pressed.is_set():
                    pressed.set()
                    for _ in range(times):
                        signal.raise_signal(signal.SIGINT)

            yield watch

        monkeypatch.setattr(progress, "on_terminal", watcher)

    return arm


def test_ctrl_c_saves_between_two_steps_and_says_how_to_go_on(train, call, press, monkeypatch, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    press(at=13)
    code, _, err = train("--steps", 40)
    assert code == 130
    step = newest(tmp_path / "t")["step"]
    assert 13 <= step < 40
    said = err.splitlines()[-1]
    assert f"passo-{step:09d}.pt: para continuar dele, o mesmo comando com --resume" in said and "erro:" not in said
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    assert train("--steps", 40, "--resume")[0] == 0
    assert call("train", *TINY, "--out", tmp_path / "inteiro", "--steps", 40)[0] == 0
    assert same(newest(tmp_path / "t"), newest(tmp_path / "inteiro"))
    assert (tmp_path / "t" / "metricas.csv").read_bytes() == (tmp_path / "inteiro" / "metricas.csv").read_bytes()


def test_a_second_ctrl_c_stops_at_once(train, press, tmp_path):
    press(at=13, times=2)
    code, _, err = train("--steps", 40)
    assert code == 130
    assert newest(tmp_path / "t")["step"] == 10
    assert "passo-000000010.pt: para continuar dele" in err


def test_ctrl_c_before_the_first_step_says_so(train, monkeypatch):
    def interrupted(*a, **k):
        raise KeyboardInterrupt

    monkeypatch.setitem(data.DATA, "ring", interrupted)
    code, _, err = train()
    assert (code, err) == (130, "Interrompido antes do primeiro passo\n")


# info


def test_info_measures_each_switch_or_says_why_it_is_refused(call, monkeypatch):
    monkeypatch.setattr(info, "SECONDS", 1e-3)
    monkeypatch.setattr(info, "ROUNDS", 1)
    code, out, err = call("info", *TINY[:4], "--device", "cpu")
    assert (code, err) == (0, "")
    assert torch.__version__ in out and __version__ in out
    parameters = sum(p.numel() for p in Training(SMALL).g_params)
    assert f"G com {parameters} parâmetros" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    for name in ("device_data", "freeze", "fast_matmul", "bf16"):
        assert re.search(r"\d+,\d\d×  (compensa|atrapalha|não faz diferença)", lines[name])
    assert "recusado: cuda_graphs só existe em GPU" in lines["cuda_graphs"]
    assert "recusado: channels_last só faz sentido" in lines["channels_last"]
    assert "total" in out and "KiB" in out


def test_a_slower_switch_is_told_from_a_faster_one(monkeypatch):
    """Com um relógio de mentira, em que o passo com ``freeze`` custa a metade do passo sem."""
    monkeypatch.setattr(info, "_time", lambda run, n: n * (0.1 if run.speed.freeze else 0.2))
    assert info.gain(Training(SMALL), "freeze") == "2,00×  compensa (ligado por padrão)"
    monkeypatch.setattr(info, "_time", lambda run, n: n * (0.2 if run.speed.bf16 else 0.1))
    assert info.gain(Training(SMALL), "bf16") == "0,50×  atrapalha"


def test_threads_are_set(train):
    before = torch.get_num_threads()
    try:
        assert train("--steps", 1, "--threads", 1)[0] == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
