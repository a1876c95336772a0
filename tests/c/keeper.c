/* The keeper: see keeper.h. */
#include "keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each line is "PID DIRECTORY", or "0" when there is nothing to do; the last
 * one counts. */
static const char script[] =
    "trap '' HUP INT TERM\n"
    "pid=0 directory=\n"
    "while read -r p d; do pid=$p directory=$d; done\n"
    "if [ \"$pid\" -gt 0 ]; then\n"
    "  kill -CONT \"$pid\"; kill -TERM \"$pid\"; n=0\n"
    "  while [ -e \"$directory/s\" ] && kill -0 \"$pid\" && [ $n -lt 20 ]; do\n"
    "    sleep 0.05; n=$((n+1))\n"
    "  done\n"
    "  kill -KILL \"$pid\"\n"
    "fi\n"
    "[ -z \"$directory\" ] || rm -rf -- \"$directory\"\n";

static pid_t keeper_pid;
static int pipe_end = -1;

bool keeper_start(void)
{
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    /* Not in the daemon, or the keeper would wait for the daemon too. */
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    keeper_pid = fork();
    if (keeper_pid == 0) {
        /* Out of reach of Ctrl-C, and of a pipe that the caller reads. */
        int null = open("/dev/null", O_WRONLY);

        setpgid(0, 0);
        dup2(ends[0], STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (ends[0] > STDERR_FILENO)
            close(ends[0]);
        if (null > STDERR_FILENO)
            close(null);
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    if (keeper_pid < 0) {
        close(ends[1]);
        return false;
    }
    pipe_end = ends[1];
    return true;
}

void keeper_hold(pid_t pid, const char *directory)
{
    char line[300];
    int length = snprintf(line, sizeof line, "%ld %s\n", (long)pid, directory);

    if (pipe_end >= 0 && write(pipe_end, line, (size_t)length) < 0)
        pipe_end = -1;
}

void keeper_release(void)
{
    if (pipe_end >= 0 && write(pipe_end, "0\n", 2) < 0)
        pipe_end = -1;
}

void keeper_stop(void)
{
    if (keeper_pid <= 0)
        return;
    if (pipe_end >= 0)
        close(pipe_end);
    pipe_end = -1;
    waitpid(keeper_pid, NULL, 0);
    keeper_pid = 0;
}
