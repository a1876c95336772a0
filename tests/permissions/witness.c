/* Runs a program under the eyes of ptrace and tells, a line each on descriptor 3, what it and all that it
 * starts ask of the system in the way of programs, sockets, changes to files, and privileges:
 *
 *     PID exec PATH      PID socket FAMILY      PID write PATH      PID privileged NAME
 *
 * A call is told when it is asked for, whether or not the system does it. Status 77 when the system lets
 * nobody watch; else the program's own. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 77 };

/* What a call is told as, which argument is its path (-1: none), which the directory that the path starts
 * from (-1: the working directory), and which its flags (-1: always told). */
struct call {
    long number;
    const char *what;
    int path;
    int directory;
    int flags;
};

static const struct call calls[] = {
    { __NR_execve, "exec", 0, -1, -1 },
    { __NR_execveat, "exec", 1, 0, -1 },
    { __NR_openat, "write", 1, 0, 2 },
    { __NR_mkdirat, "mkdir", 1, 0, -1 },
    { __NR_mknodat, "mknod", 1, 0, -1 },
    { __NR_linkat, "link", 3, 2, -1 },
    { __NR_symlinkat, "symlink", 2, 1, -1 },
    { __NR_unlinkat, "unlink", 1, 0, -1 },
    { __NR_fchmodat, "chmod", 1, 0, -1 },
    { __NR_truncate, "write", 0, -1, -1 },
    { __NR_renameat2, "rename", 3, 2, -1 },
#ifdef __NR_openat2
    { __NR_openat2, "write", 1, 0, -1 },
#endif
#ifdef __NR_fchmodat2
    { __NR_fchmodat2, "chmod", 1, 0, -1 },
#endif
#ifdef __NR_renameat
    { __NR_renameat, "rename", 3, 2, -1 },
#endif
#ifdef __NR_open
    { __NR_open, "write", 0, -1, 1 },
    { __NR_creat, "write", 0, -1, -1 },
    { __NR_mkdir, "mkdir", 0, -1, -1 },
    { __NR_mknod, "mknod", 0, -1, -1 },
    { __NR_link, "link", 1, -1, -1 },
    { __NR_symlink, "symlink", 1, -1, -1 },
    { __NR_unlink, "unlink", 0, -1, -1 },
    { __NR_rmdir, "unlink", 0, -1, -1 },
    { __NR_chmod, "chmod", 0, -1, -1 },
    { __NR_rename, "rename", 1, -1, -1 },
#endif
#define PRIVILEGED(name) { __NR_##name, "privileged " #name, -1, -1, -1 }
    PRIVILEGED(acct), PRIVILEGED(add_key), PRIVILEGED(bpf), PRIVILEGED(capset), PRIVILEGED(chroot),
    PRIVILEGED(clock_settime), PRIVILEGED(delete_module), PRIVILEGED(fchown), PRIVILEGED(fchownat),
    PRIVILEGED(finit_module), PRIVILEGED(init_module), PRIVILEGED(keyctl), PRIVILEGED(mount),
    PRIVILEGED(perf_event_open), PRIVILEGED(pivot_root), PRIVILEGED(process_vm_readv),
    PRIVILEGED(process_vm_writev), PRIVILEGED(ptrace), PRIVILEGED(quotactl), PRIVILEGED(reboot),
    PRIVILEGED(setdomainname), PRIVILEGED(setfsgid), PRIVILEGED(setfsuid), PRIVILEGED(setgid),
    PRIVILEGED(setgroups), PRIVILEGED(sethostname), PRIVILEGED(setns), PRIVILEGED(setregid),
    PRIVILEGED(setresgid), PRIVILEGED(setresuid), PRIVILEGED(setreuid), PRIVILEGED(settimeofday),
    PRIVILEGED(setuid), PRIVILEGED(swapoff), PRIVILEGED(swapon), PRIVILEGED(umount2), PRIVILEGED(unshare),
#ifdef __NR_chown
    PRIVILEGED(chown), PRIVILEGED(lchown),
#endif
};

/* The text at an address of another process; it may cross into a page that is not there. */
static void text_of(pid_t pid, uint64_t address, char *text, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        struct iovec here = { text + length, 1 };
        struct iovec there = { (void *)(uintptr_t)(address + length), 1 };
        if (process_vm_readv(pid, &here, 1, &there, 1, 0) != 1 || text[length] == '\0')
            break;
        length++;
    }
    text[length] = '\0';
}

/* Where a relative path starts, and a slash; nothing for any other. */
static void start_of(pid_t pid, const char *path, int directory, char *start, size_t size)
{
    char link[64];
    ssize_t length;
    start[0] = '\0';
    if (path[0] == '/')
        return;
    if (directory == AT_FDCWD)
        snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
    else
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, directory);
    length = readlink(link, start, size - 2);
    if (length > 0)
        memcpy(start + length, "/", 2);
}

static void tell(pid_t pid, const struct __ptrace_syscall_info *info)
{
    const __typeof__(info->entry.args[0]) *args = info->entry.args;
    long number = (long)info->entry.nr;
    if (number == __NR_socket || number == __NR_socketpair)
        dprintf(3, "%d socket %d\n", (int)pid, (int)args[0]);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        const struct call *call = &calls[i];
        char path[4096] = "", start[4096] = "";
        if (call->number != number)
            continue;
        if (call->flags >= 0 && (args[call->flags] & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) == 0)
            continue;
        if (call->path >= 0)
            text_of(pid, args[call->path], path, sizeof(path));
        int directory = call->directory >= 0 ? (int)args[call->directory] : AT_FDCWD;
        if (call->path >= 0)
            start_of(pid, path, directory, start, sizeof(start));
        dprintf(3, "%d %s %s%s\n", (int)pid, call->what, start, path);
    }
}

static int watch(pid_t first)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int status = 0, result = CANNOT;
    if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status))
        return CANNOT;
    if (ptrace(PTRACE_SETOPTIONS, first, 0, options) == -1 || ptrace(PTRACE_SYSCALL, first, 0, 0) == -1)
        return CANNOT;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid == -1 && errno == EINTR)
            continue;
        if (pid == -1)
            return result;
        if (!WIFSTOPPED(status)) {
            if (pid == first)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            memset(&info, 0, sizeof(info));
            long got = ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info);
            if (got <= 0)
                dprintf(3, "%d untold call\n", (int)pid);
            else if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                tell(pid, &info);
            signal = 0;
        } else if (status >> 16 != 0 || signal == SIGSTOP) {
            /* An event, or the start of a child. */
            signal = 0;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, (void *)(long)signal);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) == -1)
            _exit(CANNOT);
        raise(SIGSTOP);
        close(3);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    return child == -1 ? CANNOT : watch(child);
}
