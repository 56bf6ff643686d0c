"""Notebooks hostis: o que um aluno tentaria para ganhar pontos, espiar, estragar ou atrapalhar.

Cada um é o código de uma célula que vem depois de definições erradas (``WRONG``): com a célula ou sem ela, a nota tem
de ser a mesma, zero. ``ends`` diz como a entrega pode terminar; "corrigida" quer dizer que o resto do notebook rodou.
"""

from dataclasses import dataclass

WRONG = """
import torch
def double(x): return x * 0
def sample(n): return torch.zeros(n)
"""

ANY = ("corrigida", "erro", "tempo", "memória")


@dataclass(frozen=True)
class Attack:
    """Um ataque: o que tenta, com que célula, e como a entrega pode terminar."""

    what: str
    code: str
    ends: tuple[str, ...] = ("corrigida",)


ATTACKS = {
    # Ganhar pontos
    "patch_torch": Attack("remenda torch.allclose e a igualdade dos tensores", """
torch.allclose = lambda *a, **k: True
torch.Tensor.__eq__ = lambda self, other: torch.ones(())
torch.equal = lambda *a: True
"""),
    "patch_numpy": Attack("remenda numpy.isclose, allclose e array_equal", """
import numpy as np
np.isclose = np.allclose = np.array_equal = lambda *a, **k: np.bool_(True)
"""),
    "patch_runner": Attack("remenda o json, o wire e o módulo principal para dizer que acertou", """
import json, sys
real = json.dumps
def dumps(frame, *a, **k):
    if "check" in frame:
        frame = {"check": frame["check"], "outcome": "certa", "points": 99, "answer": True}
    return real(frame, *a, **k)
json.dumps = dumps
sys.modules["wire"].encode = lambda *a, **k: True
"""),
    "forge_pipe": Attack("escreve no cano respostas forjadas e um fim antes da hora", """
import os, json
for fd in range(3, 64):
    for name in ("q1_vector", "q1_matrix", "q2_moments"):
        for frame in ({"check": name, "outcome": "certa", "points": 10}, {"check": name, "answer": "certa"},
                      {"end": True}, {"start": True}):
            try: os.write(fd, (json.dumps(frame) + "\\n").encode())
            except OSError: pass
"""),
    "replay_inputs": Attack("acha as entradas na memória e as devolve como resposta", """
import gc, numpy as np
def double(x): return x
"""),
    "always_equal": Attack("devolve um objeto que se diz igual a tudo", """
class Equal:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): raise RuntimeError
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return self
def double(x): return Equal()
def sample(n): return Equal()
"""),
    "nan_answers": Attack("responde NaN e infinito em tudo", """
def double(x): return x * float("nan")
def sample(n): return torch.full((n,), float("inf"))
"""),
    "object_array": Attack("responde uma matriz de objetos que executaria código ao ser lida", """
import numpy as np, os
class Boom:
    def __reduce__(self): return (os.system, ("touch /tmp/boom",))
def double(x): return np.array([Boom()], dtype=object)
def sample(n): return Boom()
"""),
    "read_key": Attack("procura o gabarito e o grading.py no disco", """
import os
found = []
for root, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib")]
    found += [os.path.join(root, f) for f in files if f in ("grading.py", "list.md", "key.ipynb", "semente")]
if found:
    source = open(found[0]).read()
    def double(x): return x * 2
    def sample(n): return torch.randn(n)
"""),
    "read_withheld": Attack("usa da ganlib os nomes retidos", """
ways = []
try:
    from ganlib import losses
    ways.append(losses)
except ImportError: pass
try:
    from ganlib.divergences import jsd
    ways.append(jsd)
except ImportError: pass
try:
    from ganlib.theory import jsd
    ways.append(jsd)
except ImportError: pass
import importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec("ganlib").origin).parent
ways += [f for f in folder.rglob("*") if f.stem.startswith("losses")]
ways += [f for f in folder.rglob("*.py") if "\\ndef jsd(" in f.read_text()]
if ways:
    def double(x): return x * 2
    def sample(n): return torch.randn(n)
"""),
    "atexit": Attack("tenta falar depois do fim", """
import atexit, os, json
def late():
    for fd in range(3, 20):
        try: os.write(fd, b'{"check": "q1_vector", "outcome": "certa", "points": 1}\\n')
        except OSError: pass
atexit.register(late)
"""),
    "odd_numbers": Attack("responde com booleanos, complexos, inteiros sem sinal e um texto no lugar de números", """
def double(x): return [True, (0 * x).to(torch.complex128), x.to(torch.uint8), str(x.tolist())][len(x.shape) % 4]
def sample(n): return torch.zeros(n, dtype=torch.complex64)
"""),
    "subclass": Attack("responde subclasses de float, de dict e de ndarray que mentem", """
import numpy as np
class Lie(np.ndarray):
    def tobytes(self, *a): return b"\\0" * 7
class Float(float):
    def __repr__(self): return '{"array": "float64", "shape": [1], "data": ""}'
def double(x): return Float(1)
def sample(n): return np.zeros(n).view(Lie)
"""),
    "two_answers": Attack("escreve a mesma chave duas vezes, e a mesma pergunta mil vezes", """
import os
for fd in range(3, 32):
    try:
        os.write(fd, b'{"check": "q9", "check": "q1_vector", "answer": 1, "answer": {"dict": {"dict": 1}}}\\n')
        os.write(fd, b'{"check": "q1_matrix", "answer": [1e999, -0.0, NaN, -Infinity]}\\n' * 1000)
    except OSError: pass
"""),
    "shadow": Attack("deixa em /tmp módulos com os nomes dos que o corretor usa, e um usercustomize", """
import os, site
for name in ("wire", "json", "numpy", "torch", "probes", "usercustomize", "sitecustomize", "evil.pth"):
    for folder in ("/tmp", "/tmp/.local/lib/python3/site-packages", "/box", os.path.dirname(os.__file__)):
        try:
            os.makedirs(folder, exist_ok=True)
            with open(f"{folder}/{name}" + ("" if "." in name else ".py"), "w") as f: f.write("import os; os._exit(7)")
        except OSError: pass
"""),
    # Passar por falha da caixa, que não é zero e se corrige de novo
    "unhashable_frame": Attack("põe uma lista onde se espera um texto", """
import os
for fd in range(3, 32):
    try: os.write(fd, b'{"cell": 1, "outcome": [], "error": "x"}\\n{"cell": true, "outcome": {}, "error": []}\\n')
    except OSError: pass
"""),
    "hollow_shape": Attack("diz uma forma gigante com um zero, que não ocupa nada", """
import sys
sys.modules["wire"].encode = lambda *a, **k: {"array": "float64", "shape": [0] + [1 << 22] * 10, "data": ""}
"""),
    "steal_pipe": Attack("reabre o cano para ler o que acabou de ser escrito, e deixa quem corrige à espera", """
import os, signal, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
fd = next(int(f) for f in os.listdir("/proc/self/fd") if os.readlink("/proc/self/fd/" + f).startswith("pipe:"))
reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK)  # como root, o cano é de outro usuário
start = time.time()
while time.time() - start < 1:
    os.write(fd, b" ")
    try: os.read(reader, 100)
    except OSError: pass
time.sleep(10**6)
""", ("corrigida", "tempo")),
    "exit_137": Attack("sai com o código de quem morre sem memória", "import os\nos._exit(137)", ("memória",)),
    # Encher e travar
    "newlines": Attack("enche o cano de linhas vazias", """
import os
for fd in range(3, 32):
    try:
        for _ in range(250): os.write(fd, b"\\n" * 65536)
    except OSError: pass
""", ("erro",)),
    "empty_objects": Attack("responde milhões de dicionários vazios, que na memória ocupam trinta vezes mais", """
import os
for fd in range(3, 32):
    try:
        os.write(fd, b'{"check": "q1_vector", "answer": [')
        for _ in range(240): os.write(fd, b"{}," * 21845)
        os.write(fd, b"0]}\\n")
    except OSError: pass
""", ("erro",)),
    "pinned_pages": Attack("prende páginas de 2 MiB num cano, com um byte de cada, e as devolve", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
page = ctypes.create_string_buffer(4096)
class Piece(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
if libc.vmsplice(os.pipe()[1], ctypes.byref(Piece(ctypes.addressof(page), 1)), 1, 0) > 0:
    def double(x): return x * 2
"""),
    "scarce": Attack("gasta o que o sistema inteiro, ou quem corrige, tem pouco: AIO, inotify, timers, terminais", """
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
won = [libc.inotify_init() >= 0]
if platform.machine() == "x86_64": won.append(libc.syscall(206, 60000, ctypes.byref(ctypes.c_ulong())) == 0)
timers = sum(libc.timer_create(0, None, ctypes.byref(ctypes.c_void_p())) == 0 for _ in range(5000))
kept = []
try:
    while True: kept.append(os.openpty())
except OSError: pass
for pair in kept:
    for fd in pair: os.close(fd)
if any(won) or timers > 1100 or len(kept) > 200:
    def double(x): return x * 2
"""),
    "inodes": Attack("cria arquivos vazios sem parar, que o tamanho do /tmp não conta", """
import os, time
start, n = time.time(), 0
while time.time() - start < 1:
    os.mknod(f"/tmp/{n}"); n += 1
"""),
    "spin": Attack("sessenta threads em contas que largam o GIL", """
import threading
def spin():
    a = torch.randn(300, 300)
    while True: a @ a
try:
    for _ in range(60): threading.Thread(target=spin, daemon=True).start()
except RuntimeError: pass
""", ANY),
    "flood": Attack("inunda o cano de respostas", """
import os
while True:
    for fd in range(3, 32):
        try: os.write(fd, b"x" * 65536)
        except OSError: pass
""", ("erro", "tempo")),
    "flood_lines": Attack("inunda o cano com milhões de linhas válidas", """
import os
line = b'{"check": "outra", "answer": 1}\\n' * 2000
while True:
    for fd in range(3, 32):
        try: os.write(fd, line)
        except OSError: pass
""", ("erro", "tempo")),
    "giant_shape": Attack("diz uma forma gigante", """
import sys
sys.modules["wire"].encode = lambda *a, **k: {"array": "float64", "shape": [1 << 40, 1 << 40], "data": ""}
"""),
    "negative_shape": Attack("diz uma forma negativa e um tipo que não existe", """
import sys
sys.modules["wire"].encode = lambda *a, **k: {"array": "object", "shape": [-1], "data": "AAAA"}
"""),
    "deep_json": Attack("responde um JSON fundo demais", """
import os
for fd in range(3, 32):
    try: os.write(fd, b'{"check": "q1_vector", "answer": ' + b"[" * 100000 + b"]" * 100000 + b"}\\n")
    except OSError: pass
"""),
    "huge_int": Attack("responde um inteiro de cem mil algarismos", """
import os
for fd in range(3, 32):
    try: os.write(fd, b'{"check": "q1_vector", "answer": ' + b"9" * 100000 + b"}\\n")
    except OSError: pass
"""),
    "broken_json": Attack("escreve lixo, meia linha e bytes que não são texto", """
import os
for fd in range(3, 32):
    try: os.write(fd, b"\\xff\\xfe\\x00{]\\n{\\"check\\": \\"q1_vector\\", ")
    except OSError: pass
"""),
    "endless": Attack("um laço sem fim numa célula", "while True: pass", ("corrigida",)),
    "endless_deaf": Attack("um laço sem fim que ignora os sinais", """
import signal
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.setitimer(signal.ITIMER_REAL, 0)
while True:
    try:
        while True: pass
    except BaseException: pass
""", ("tempo",)),
    "sleep": Attack("dorme para sempre, surdo", """
import signal, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
time.sleep(10**6)
""", ("tempo",)),
    "slow_probe": Attack("a função pedida não termina", """
def double(x):
    while True: pass
""", ("corrigida",)),
    "fork_bomb": Attack("uma bomba de processos", """
import os
made = 0
for _ in range(10000):
    try:
        if os.fork() == 0:
            while True: os.fork()
        made += 1
    except OSError: break
if made:
    def double(x): return x * 2
"""),
    "spawn": Attack("processos por subprocess, multiprocessing e os.system", """
import subprocess, os, multiprocessing
ran = []
for start in (lambda: subprocess.run(["/usr/bin/true"]), lambda: os.posix_spawn("/usr/bin/true", ["true"], {}),
              lambda: multiprocessing.get_context("spawn").Process(target=print).start()):
    try: ran.append(start())
    except OSError: pass
if ran or os.system("true") == 0:
    def double(x): return x * 2
"""),
    "thread_bomb": Attack("uma bomba de threads", """
import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
except RuntimeError: pass
""", ("corrigida", "tempo", "memória", "erro")),
    "memory": Attack("aloca memória sem parar", """
hoard = []
while True: hoard.append(bytearray(64 << 20))
""", ("corrigida", "memória")),
    "memory_torch": Attack("um tensor de um terabyte", "x = torch.ones(1 << 38)", ("corrigida", "memória")),
    "memory_fork": Attack("memória vezes processos", """
import os
hoard = bytearray(512 << 20)
for _ in range(64):
    try:
        if os.fork() == 0:
            more = bytearray(1 << 30)
            while True: pass
    except OSError: break
""", ("corrigida", "memória")),
    "memory_shared": Attack("memória que o limite de endereços não conta", """
import os, mmap
kept = []
for i in range(64):
    try:
        fd = os.memfd_create("x"); os.ftruncate(fd, 1 << 30); os.write(fd, b"x" * (64 << 20)); kept.append(fd)
    except OSError: pass
if kept:
    def double(x): return x * 2
"""),
    "fill_tmp": Attack("enche o /tmp", """
try:
    for i in range(1000):
        with open(f"/tmp/{i}", "wb") as f: f.write(b"x" * (16 << 20))
except OSError: pass
"""),
    "fill_shm": Attack("enche o /dev/shm e outras pastas de memória", """
for folder in ("/dev/shm", "/dev", "/run", "/var/tmp", "/"):
    try:
        with open(folder + "/x", "wb") as f: f.write(b"x" * (1 << 20))
        def double(x): return x * 2
    except OSError: pass
"""),
    "many_files": Attack("abre descritores e cria arquivos sem parar", """
kept = []
try:
    for i in range(10**6): kept.append(open(f"/tmp/f{i}", "w"))
except OSError: pass
for f in kept[8:]: f.close()
"""),
    # Espiar e estragar
    "read_files": Attack("lê arquivos e o ambiente do instrutor", """
import os, glob
spied = [p for p in ("/etc/passwd", "/etc/shadow", "/root", "/home", "/work", os.path.expanduser("~/.ssh"))
         if os.path.exists(p) and (os.path.isfile(p) or os.listdir(p)) and p != "/root"]
spied = [p for p in spied if p != "/work" or os.path.exists("/work/main/README.md")]
secret = [v for k, v in os.environ.items() if k in ("GRADING_SECRET", "SSH_AUTH_SOCK", "HOSTNAME")]
if spied or secret or os.environ["HOME"] != "/tmp":
    def double(x): return x * 2
    def sample(n): return torch.randn(n)
"""),
    "read_parent": Attack("lê a memória e os arquivos abertos de outros processos", """
import os
peeked = []
for p in [x for x in os.listdir("/proc") if x.isdigit()]:
    try:
        with open(f"/proc/{p}/environ", "rb") as f:
            if b"GRADING_SECRET" in f.read(): peeked.append(p)
    except OSError: pass
    if int(p) != os.getpid():
        for name in ("maps", "root/etc/hostname", *(f"fd/{i}" for i in range(16))):
            try:
                with open(f"/proc/{p}/{name}", "rb"): peeked.append((p, name))
            except OSError: pass
if peeked:
    def double(x): return x * 2
"""),
    "write_files": Attack("escreve por cima do Python, da ganlib e do programa da caixa", """
import sys, torch, os
done = []
for path in (sys.executable, torch.__file__, "/box/inside.py", "/box/wire.py", "/usr/bin/true", "/box/novo"):
    try:
        with open(path, "ab") as f: f.write(b"\\n"); done.append(path)
    except OSError: pass
if done:
    def double(x): return x * 2
"""),
    "remount": Attack("remonta a raiz com escrita e abre espaços de nomes", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
won = [libc.mount(b"none", b"/", None, 32 | 4096, None), libc.unshare(0x10000000), libc.unshare(0x20000)]
won.append(libc.chroot(b"/tmp"))
if 0 in won:
    def double(x): return x * 2
"""),
    "raw_syscalls": Attack("chama o kernel por fora da libc: clone3, fork, memfd, socket, ptrace", """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
if platform.machine() == "x86_64":
    won = [n for n in (57, 58, 435, 319, 41, 101, 29, 272, 425) if libc.syscall(n, 0, 0, 0, 0, 0) >= 0]
    if won:
        def double(x): return x * 2
"""),
    "other_abi": Attack("chama o kernel pela porta de 32 bits e pela x32", """
import ctypes, mmap, platform
if platform.machine() == "x86_64":
    ctypes.CDLL(None).syscall(0x40000000 + 57)
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(b"\\xb8\\x02\\x00\\x00\\x00\\xcd\\x80\\xc3")  # mov eax, 2 (fork); int 0x80; ret
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
""", ("erro", "corrigida")),
    "kernel_files": Attack("escreve nos botões do kernel em /proc, e se dá prioridade", """
import os
won = []
for path in ("sys/kernel/core_pattern", "sysrq-trigger", "sys/vm/drop_caches", "sys/kernel/hostname", "kmsg", "kcore",
             "sys/net/ipv4/ip_forward", "sys/user/max_user_namespaces"):
    try: os.close(os.open("/proc/" + path, os.O_WRONLY)); won.append(path)
    except OSError: pass
for act in (lambda: os.nice(-5), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
            lambda: os.open("/dev/tty", os.O_RDWR), lambda: os.setuid(0), lambda: os.listdir("/sys")):
    try: act(); won.append(act)
    except OSError: pass
if won or os.uname().nodename != "caixa":
    def double(x): return x * 2
"""),
    "network": Attack("abre a rede: por nome, por endereço, o Dask ao lado, um servidor", """
import socket
reached = []
for family, address in ((socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET, ("127.0.0.1", 8786)),
                        (socket.AF_UNIX, "/run/dbus/system_bus_socket")):
    try:
        s = socket.socket(family); s.settimeout(1); s.connect(address); reached.append(address)
    except OSError: pass
if reached:
    def double(x): return x * 2
"""),
    "kill_parent": Attack("mata o processo pai e todos os que vê", """
import os, signal
for pid in [os.getppid(), 1, 0, *range(2, 400)]:
    if pid != os.getpid():
        try: os.kill(pid, signal.SIGKILL) if pid else None
        except OSError: pass
""", ANY),
    "outlive": Attack("deixa um processo para trás, noutra sessão", """
import os, time
try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: time.sleep(1)
except OSError: pass
"""),
    "outlive_prctl": Attack("pede ao kernel que não o mate quando morrer quem abriu a caixa", """
import ctypes, signal, time
if ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(10**6)
"""),
    "outlive_exec": Attack("troca de programa numa thread, que o kernel não sabe que deve matar", """
import os, threading, time
def swap():
    try: os.execv("/usr/bin/sleep", ["/box/inside.py", "1000"])
    except OSError: pass
thread = threading.Thread(target=swap); thread.start(); thread.join()
"""),
    "hold_pipe": Attack("duplica o cano, fecha o original e o segura aberto", """
import os, threading, time
for fd in range(3, 32):
    try: os.dup(fd)
    except OSError: pass
threading.Thread(target=time.sleep, args=(10**6,)).start()
"""),
    "close_pipe": Attack("fecha todos os descritores", "import os\nos.closerange(0, 256)", ("erro", "tempo")),
    "exit": Attack("sai à força no meio", "import os\nos._exit(0)", ("erro",)),
    "system_exit": Attack("sys.exit no meio", "raise SystemExit(0)"),
    "crash": Attack("derruba o interpretador", "import ctypes\nctypes.string_at(0)", ("erro",)),
    "recursion": Attack("recursão sem fim", """
import sys
sys.setrecursionlimit(10**9)
def f(): return f()
try: f()
except RecursionError: pass
""", ANY),
    "replace_builtins": Attack("troca funções embutidas de que o programa da caixa precisa", """
import builtins
builtins.len = builtins.isinstance = builtins.exec = lambda *a: True
builtins.compile = None
""", ("corrigida", "erro")),
    "trace": Attack("instala um rastreador que troca o que a verificação devolve", """
import sys
def tracer(frame, event, arg):
    if event == "return" and frame.f_code.co_name.startswith("q"):
        frame.f_locals["answer"] = True
    return tracer
sys.settrace(tracer)
"""),
    "exception_leak": Attack("põe as entradas escondidas no nome da exceção, para lê-las na devolutiva", """
def double(x): raise type("SEGREDO_" + str(x.tolist()), (Exception,), {})("SEGREDO " + str(x))
raise type("SEGREDO_DA_CELULA", (Exception,), {})
"""),
    "metadata_magic": Attack("mágicas e comandos do sistema", """
%matplotlib inline
!touch /tmp/x
x = !ls /
%pip install requests
"""),
}  # fmt: skip
