/* The daemon under test: see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"

/* Time for the socket to appear, and for the daemon to end after SIGTERM. */
#define DEADLINE_MS 5000
/* Time that an abandoned daemon has between SIGTERM and SIGKILL. */
#define GRACE_MS 1000

static volatile sig_atomic_t daemon_pid; /* 0: none */
static char directory[200];              /* "": none */
static char socket_path[sizeof directory + 16];

static const int ends[] = {SIGHUP, SIGINT, SIGTERM};

static void pause_ms(int milliseconds)
{
    poll(NULL, 0, milliseconds);
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the daemon for so long; its exit status, 128 and the signal's
 * number when one ended it, or -1. */
static int reap(int milliseconds)
{
    int status;

    for (int waited = 0;; waited++) {
        pid_t pid = waitpid((pid_t)daemon_pid, &status, WNOHANG);

        if (pid == (pid_t)daemon_pid)
            return WIFEXITED(status) ? WEXITSTATUS(status)
                                     : 128 + WTERMSIG(status);
        if (pid < 0 && errno != EINTR)
            return -1;
        if (waited >= milliseconds)
            return -1;
        pause_ms(1);
    }
}

/* Only calls that a signal handler may make. */
void daemon_abandon(void)
{
    if (daemon_pid > 0) {
        kill((pid_t)daemon_pid, SIGCONT);
        kill((pid_t)daemon_pid, SIGTERM);
        if (reap(GRACE_MS) < 0) {
            kill((pid_t)daemon_pid, SIGKILL);
            waitpid((pid_t)daemon_pid, NULL, 0);
        }
        daemon_pid = 0;
    }
    if (directory[0] != '\0') {
        unlink(socket_path);
        if (rmdir(directory) == 0)
            directory[0] = '\0';
    }
    /* What is not empty is left to the keeper. */
    if (directory[0] == '\0')
        keeper_release();
}

static void end_by_signal(int number)
{
    daemon_abandon();
    signal(number, SIG_DFL);
    raise(number);
}

static void block(int how, sigset_t *before)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaddset(&set, ends[i]);
    sigprocmask(how, &set, before);
}

void daemon_prepare(void)
{
    struct sigaction action = {0};

    /* Go's threads have stacks of their own, too small for a handler. */
    action.sa_handler = end_by_signal;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct sigaction before;

        /* Under nohup SIGHUP stays ignored. */
        if (sigaction(ends[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            sigaction(ends[i], &action, NULL);
    }
    atexit(daemon_abandon);
}

static bool make_directory(void)
{
    const char *parent = getenv("TMPDIR");
    char template[sizeof directory];
    int length = snprintf(template, sizeof template, "%s/mockpilot-c-XXXXXX",
                          parent && *parent ? parent : "/tmp");

    if (length < 0 || (size_t)length >= sizeof template)
        return false;
    if (mkdtemp(template) == NULL)
        return false;
    snprintf(socket_path, sizeof socket_path, "%s/s", template);
    memcpy(directory, template, sizeof directory);
    return true;
}

/* In the child, where nothing but what a signal handler may call is allowed
 * before exec: the Go runtime of the parent has threads. */
static void become_daemon(const char *binary, const char *profile,
                          const sigset_t *mask)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        signal(ends[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execl(binary, binary, "-socket", socket_path, "-q", "--profile", profile,
          (char *)NULL);
    _exit(127);
}

static bool start(const char *binary, const char *profile, char *error,
                  size_t error_length)
{
    long long deadline = now_ms() + DEADLINE_MS;
    struct stat entry;
    sigset_t mask;
    pid_t pid;

    if (access(binary, X_OK) != 0) {
        snprintf(error, error_length, "%s: %s", binary, strerror(errno));
        return false;
    }
    block(SIG_BLOCK, &mask);
    if (!make_directory()) {
        snprintf(error, error_length, "temporary directory: %s",
                 strerror(errno));
        sigprocmask(SIG_SETMASK, &mask, NULL);
        return false;
    }
    keeper_hold(0, directory);
    pid = fork();
    if (pid == 0)
        become_daemon(binary, profile, &mask);
    if (pid > 0) {
        daemon_pid = (sig_atomic_t)pid;
        keeper_hold(pid, directory);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid < 0) {
        snprintf(error, error_length, "fork: %s", strerror(errno));
        return false;
    }
    while (stat(socket_path, &entry) != 0 || !S_ISSOCK(entry.st_mode)) {
        int status = reap(1);

        if (status >= 0) {
            daemon_pid = 0;
            snprintf(error, error_length, "%s: it ended with status %d",
                     binary, status);
            return false;
        }
        if (now_ms() > deadline) {
            snprintf(error, error_length, "%s: no socket within %d ms",
                     binary, DEADLINE_MS);
            return false;
        }
    }
    return true;
}

bool daemon_start(const char *binary, const char *profile, char *error,
                  size_t error_length)
{
    bool started = start(binary, profile, error, error_length);

    if (!started)
        daemon_abandon();
    return started;
}

const char *daemon_socket(void)
{
    return socket_path;
}

bool daemon_freeze(void)
{
    int status;

    return kill((pid_t)daemon_pid, SIGSTOP) == 0 &&
           waitpid((pid_t)daemon_pid, &status, WUNTRACED) ==
               (pid_t)daemon_pid &&
           WIFSTOPPED(status);
}

void daemon_thaw(void)
{
    kill((pid_t)daemon_pid, SIGCONT);
}

struct ending daemon_stop(void)
{
    struct ending ending = {0};
    struct stat entry;
    int status;

    kill((pid_t)daemon_pid, SIGTERM);
    status = reap(DEADLINE_MS);
    ending.in_time = status >= 0;
    if (!ending.in_time) {
        daemon_abandon();
        return ending;
    }
    daemon_pid = 0;
    ending.status = status;
    ending.socket_gone = lstat(socket_path, &entry) != 0 && errno == ENOENT;
    ending.nothing_left = rmdir(directory) == 0;
    if (ending.nothing_left) {
        directory[0] = '\0';
        keeper_release();
    }
    return ending;
}
