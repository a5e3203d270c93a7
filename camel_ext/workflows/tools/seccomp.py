"""The system-call filter of the sandbox: a classic BPF program, assembled here.

Namespaces hide the machine; this closes what they leave open: other address families (a vsock
reaches the hypervisor, whatever the network namespace), memory that no limit counts (memfd, System
V segments), tracing, and the parts of the kernel that most escapes went through. It is a list of
what is refused, not of what is allowed: an unknown new call passes, and namespaces still hold.
"""

import platform
import struct

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NR, _ARCH, _ARG0 = 0, 4, 16  # offsets in struct seccomp_data; both CPUs are little endian
_X32 = 0x40000000  # the x32 numbers of x86-64 would walk past the list
_NEW_NAMESPACE = 0x7E020080  # CLONE_NEWNS|CGROUP|UTS|IPC|USER|PID|NET and NEWTIME
_FAMILIES = (1, 2, 10)  # unix, inet, inet6

# name -> (x86_64, aarch64); source: asm/unistd_64.h and asm-generic/unistd.h of Linux 6.x
REFUSED: dict[str, tuple[int, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)
_CPUS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH_*


def supported(machine: str | None = None) -> bool:
    """Return whether there is a filter for this CPU."""
    return (machine or platform.machine()) in _CPUS


def program(machine: str | None = None) -> bytes:
    """Return the filter as `struct sock_filter[]`, the way bwrap's --seccomp reads it."""
    column, arch = _CPUS[machine or platform.machine()]
    steps = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, arch, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NR),
        _step(_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _KILL),
    ]
    for numbers in REFUSED.values():
        steps += [_step(_EQUAL, numbers[column], 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    # clone3 hides its flags behind a pointer: "not there" makes every libc fall back to clone
    steps += [_step(_EQUAL, CLONE3[column], 0, 1), _step(_RETURN, _ERRNO | _ENOSYS)]
    steps += [
        _step(_EQUAL, CLONE[column], 0, 4),
        _step(_LOAD, _ARG0),
        _step(_ANY_BIT, _NEW_NAMESPACE, 0, 1),
        _step(_RETURN, _ERRNO | _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    left = len(_FAMILIES)
    steps += [_step(_EQUAL, SOCKET[column], 0, left + 2), _step(_LOAD, _ARG0)]
    steps += [_step(_EQUAL, family, left - i, 0) for i, family in enumerate(_FAMILIES)]
    steps += [_step(_RETURN, _ERRNO | _EAFNOSUPPORT), _step(_RETURN, _ALLOW)]
    return b"".join(steps)


def _step(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, k)
