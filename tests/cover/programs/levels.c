/* Runs itself again, three levels deep. Its argument says how the last level ends: exit, term or crash. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

static int again(const char *level, const char *how)
{
    int ready[2], status;
    char byte;
    pid_t child;

    if (pipe(ready) != 0 || (child = fork()) < 0)
        return 9;
    if (child == 0) {
        dup2(ready[1], 1);
        close(ready[0]);
        close(ready[1]);
        execl(program, program, level, how, (char *)0);
        _exit(9);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) == 1)
        kill(child, SIGTERM);
    if (waitpid(child, &status, 0) != child)
        return 9;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 7;
}

static int level_one(const char *how)
{
    return again("two", how);
}

static int level_two(const char *how)
{
    return again("three", how);
}

static volatile sig_atomic_t told;

static void tell(int signal)
{
    told = signal;
}

static int until_terminated(void)
{
    sigset_t blocked, before;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGTERM, tell);
    if (write(1, "r", 1) != 1)
        return 9;
    while (!told)
        sigsuspend(&before);
    return 6;
}

static int level_three(const char *how)
{
    if (strcmp(how, "term") == 0)
        return until_terminated();
    if (strcmp(how, "crash") == 0) {
        usleep(200000); /* long enough to be seen */
        abort();
    }
    return 5;
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "two") == 0)
        return level_two(argv[2]);
    if (argc == 3)
        return level_three(argv[2]);
    return level_one(argv[1]);
}
