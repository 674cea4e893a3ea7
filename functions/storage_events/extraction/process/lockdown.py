"""Takes from a process, for good, what work on strangers' bytes does not need; Linux and macOS.

Everywhere: no new descriptor of any kind, so no file, socket or pipe can be opened, and no new process
(setrlimit(2)). On Linux, where the kernel lets us, a filter of system calls (seccomp(2)) as well: it also holds
for root, and refuses starting programs, looking into other processes and signalling them, and changing what
files there are. What is refused fails with EPERM.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_RETURN_ALLOW = 0x7FFF0000
_RETURN_EPERM = 0x00050000 | 1
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_OR_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_X32 = 0x40000000
_ABSENT = -1

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of ``_REFUSED``, and the architecture as the filter sees it (linux/audit.h)."""

_REFUSED: dict[str, tuple[int, int]] = {
    # Files: none is opened or changed.
    "open": (2, _ABSENT), "creat": (85, _ABSENT), "openat": (257, 56), "openat2": (437, 437),
    "open_by_handle_at": (304, 265), "memfd_create": (319, 279), "truncate": (76, 45),
    "unlink": (87, _ABSENT), "unlinkat": (263, 35), "rename": (82, _ABSENT), "renameat": (264, 38),
    "renameat2": (316, 276), "mkdir": (83, _ABSENT), "mkdirat": (258, 34), "rmdir": (84, _ABSENT),
    "link": (86, _ABSENT), "linkat": (265, 37), "symlink": (88, _ABSENT), "symlinkat": (266, 36),
    "chmod": (90, _ABSENT), "fchmodat": (268, 53), "chown": (92, _ABSENT), "lchown": (94, _ABSENT),
    "fchownat": (260, 54), "mknod": (133, _ABSENT), "mknodat": (259, 33), "utimensat": (280, 88),
    # The network, and other ways to talk.
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242),
    "bind": (49, 200), "listen": (50, 201), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Programs and other processes.
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, _ABSENT), "vfork": (58, _ABSENT),
    "clone": (56, 220), "clone3": (435, 435), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "setrlimit": (160, 164), "prlimit64": (302, 261),
    # The system.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def lock_down() -> bool:
    """Give up descriptors, processes and, if the kernel can, dangerous calls; tell whether the kernel could.

    Open descriptors stay usable. Modules, codecs and data have to be loaded before: what is imported later is
    absent (ModuleNotFoundError), which libraries are prepared for.
    """
    sys.meta_path.clear()
    limit(resource.RLIMIT_NPROC, 0)
    limit(resource.RLIMIT_NOFILE, 0)
    return _filter_calls()


def limit(kind: int, soft: int, hard: int | None = None) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, present = resource.getrlimit(kind)
    wanted = soft if hard is None else hard
    hard = wanted if present == resource.RLIM_INFINITY else min(wanted, present)
    resource.setrlimit(kind, (min(soft, hard), hard))


def _filter_calls() -> bool:
    machine = _MACHINES.get(os.uname().machine)
    if sys.platform != "linux" or machine is None:
        return False
    library = ctypes.CDLL(None)
    program = _program(*machine)
    loaded = _Program(len(program) // 8, program)
    none = ctypes.c_ulong(0)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), none, none, none) != 0:
        return False
    mode = ctypes.c_ulong(_SECCOMP_MODE_FILTER)
    return bool(library.prctl(_PR_SET_SECCOMP, mode, ctypes.byref(loaded), none, none) == 0)


def _program(column: int, architecture: int) -> bytes:
    """Write the filter in classic BPF: another architecture's calls and refused ones fail, the rest goes on."""
    numbers = [each[column] for each in _REFUSED.values() if each[column] != _ABSENT]
    refuse = _instruction(_RETURN, _RETURN_EPERM)
    start = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        _instruction(_JUMP_EQUAL, architecture, true=1),
        refuse,
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_JUMP_GREATER_OR_EQUAL, _X32, false=1),
        refuse,
    ]
    compare = [
        _instruction(_JUMP_EQUAL, number, true=len(numbers) - index) for index, number in enumerate(numbers)
    ]
    return b"".join([*start, *compare, _instruction(_RETURN, _RETURN_ALLOW), refuse])


def _instruction(code: int, operand: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, operand)
