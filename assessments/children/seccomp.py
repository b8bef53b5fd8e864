"""Which system calls a child may not make: nothing it needs to compute, everything it would need to leave."""

from __future__ import annotations

import errno
from typing import IO

import pyseccomp

CLONE_THREAD = 0x00010000
# Network, other processes, other namespaces, the kernel itself. Threads stay: libraries compute with them.
REFUSED = (
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg",
    "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp",
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "swapon", "swapoff", "mknod", "mknodat",
    "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog", "acct", "quotactl",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "personality", "iopl", "ioperm",
    "name_to_handle_at", "open_by_handle_at", "fanotify_init", "lookup_dcookie", "vhangup",
    # Memory that no limit on the process counts.
    "memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "msgget", "msgsnd", "mq_open",
)  # fmt: skip
# Without these there is no wall; the others are refused where the system's libseccomp knows them.
CORE = ("socket", "connect", "fork", "vfork", "ptrace", "unshare", "setns", "mount", "memfd_create", "shmget")


def refusing(*more: str) -> pyseccomp.SyscallFilter:
    """A filter that answers the refused calls, and `more`, with EPERM. Raises OSError or RuntimeError where the system has none."""
    wall = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in (*REFUSED, *more):
        try:
            wall.add_rule(refuse, name)
        except OSError as problem:
            # EINVAL: a call that this libseccomp or this architecture does not know.
            if problem.errno != errno.EINVAL or name in CORE:
                raise
    wall.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_THREAD, 0))
    # Its flags lie in memory, where no filter sees them; told that there is no clone3, libraries take clone.
    wall.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    return wall


def write_filter(file: IO[bytes]) -> None:
    """The filter as the program that bubblewrap loads. It has still to start Python, so `execve` stays."""
    refusing().export_bpf(file)


def wall_in() -> None:
    """Load the filter into this process, for good. Nothing is left to be started, and nobody else is its own to signal."""
    refusing("execve", "execveat", "kill").load()
