"""As chamadas ao sistema que a caixa nega, como um programa BPF para o bubblewrap.

Sem processos novos, o limite de memória de um processo é o da entrega inteira (``fork`` o multiplicaria, e onde não há
cgroups nada mais o seguraria); threads continuam permitidas, e moram no mesmo espaço. As outras negadas são memória
que ``RLIMIT_AS`` não conta, rede, e portas do kernel de que nenhum exercício precisa.
"""

import ctypes
import ctypes.util
import errno
import os
from collections.abc import Iterable
from functools import lru_cache

from grading.errors import GradingError

DENIED = (
    *("fork", "vfork"),
    *("memfd_create", "memfd_secret", "shmget", "semget", "msgget", "mq_open"),
    *("vmsplice", "splice", "tee"),  # um byte num cano prende a página de 2 MiB inteira de que veio
    *("io_setup", "inotify_init", "inotify_init1", "fanotify_init"),  # de que o sistema, ou quem corrige, tem poucos
    *("socket", "socketpair"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
    *("mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "name_to_handle_at", "open_by_handle_at"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("kexec_load", "init_module", "finit_module", "delete_module", "acct", "quotactl", "syslog"),
)

# Depois que o programa da caixa está no ar. Quem troca de programa a partir de uma thread, ou pede ao kernel
# (``PR_SET_PDEATHSIG``), deixa de morrer com o bubblewrap, e sobreviveria ao prazo.
SEALED = ("execve", "execveat")

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1
_MASKED_EQUAL = 7  # SCMP_CMP_MASKED_EQ
_UNKNOWN = -1  # __NR_SCMP_ERROR


class _Comparison(ctypes.Structure):
    """``struct scmp_arg_cmp``: o argumento ``arg``, com a máscara ``a``, comparado a ``b``."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def program() -> int:
    """Um descritor de arquivo com o programa; quem chama o fecha.

    ``clone`` só passa com CLONE_THREAD; ``clone3``, cujos argumentos não se veem daqui, não existe (ENOSYS), e a glibc
    volta ao ``clone``.

    Raises:
        GradingError: não há libseccomp neste sistema.
    """
    clone = ("clone", errno.EPERM, _Comparison(0, _MASKED_EQUAL, _CLONE_THREAD, 0))
    return _compiled([*((call, errno.EPERM) for call in DENIED), clone, ("clone3", errno.ENOSYS)])


@lru_cache(maxsize=1)
def seal() -> dict[str, int | str]:
    """O segundo programa, que ``inside`` instala em si antes da primeira célula, e a chamada que o instala."""
    death = ("prctl", errno.EPERM, _Comparison(0, _MASKED_EQUAL, 0xFFFFFFFF, _PR_SET_PDEATHSIG))
    with os.fdopen(_compiled([*((call, errno.EPERM) for call in SEALED), death]), "rb") as f:
        return {"code": f.read().hex(), "call": _library().seccomp_syscall_resolve_name(b"seccomp")}


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("seccomp")
    if name is None:
        raise GradingError("Falta a biblioteca libseccomp; no Debian ou Ubuntu: sudo apt-get install libseccomp2")
    library = ctypes.CDLL(name)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint),
        ctypes.POINTER(_Comparison),
    ]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_release.restype = None
    return library


def _compiled(rules: Iterable[tuple]) -> int:
    """Um descritor com o programa que nega cada ``(chamada, erro, *comparações)`` e deixa passar o resto."""
    library = _library()
    context = library.seccomp_init(_ALLOW)
    try:
        for call, error, *comparisons in rules:
            number = library.seccomp_syscall_resolve_name(call.encode())
            if number == _UNKNOWN:  # um kernel mais novo que esta libseccomp: a chamada não tem nome aqui
                continue
            array = (_Comparison * len(comparisons))(*comparisons)
            code = library.seccomp_rule_add_array(context, _ERRNO | error, number, len(comparisons), array)
            if code:
                raise GradingError(f"A libseccomp recusou a regra de {call}: {os.strerror(-code)}")
        descriptor = os.memfd_create("seccomp", 0)
        code = library.seccomp_export_bpf(context, descriptor)
        if code:
            os.close(descriptor)
            raise GradingError(f"A libseccomp não escreveu o programa: {os.strerror(-code)}")
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor
    finally:
        library.seccomp_release(context)
