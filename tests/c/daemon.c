/* The daemons under test: see daemon.h. */
#define MOCKPILOT_IMPLEMENTATION
#include "mockpilot.h"

#include "daemon.h"

#include <sys/stat.h>

/* Time for a daemon to be ready, and to end after SIGTERM. */
#define DEADLINE_MS 5000

/* The plain way. */

static pid_t plain_pid;
static char plain_path[MOCKPILOT_PATH_SIZE];
static char plain_error[MOCKPILOT_ERROR_SIZE];

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_gone(const char *path)
{
    struct stat entry;

    return lstat(path, &entry) != 0 && errno == ENOENT;
}

/* The plain daemon's exit status, 128 and the signal's number when one ended
 * it, or -1 as long as it runs. */
static int plain_status(void)
{
    int status;

    if (waitpid(plain_pid, &status, WNOHANG) != plain_pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void plain_kill(void)
{
    kill(plain_pid, SIGKILL);
    waitpid(plain_pid, NULL, 0);
    unlink(plain_path);
}

const char *plain_start(const char *binary)
{
    const long long deadline = now_ms() + DEADLINE_MS;
    const char *directory = getenv("TMPDIR");
    char watch[48];
    struct stat entry;

    snprintf(plain_path, sizeof plain_path, "%s/mockpilot-%ld-plain.sock",
             directory && *directory ? directory : "/tmp", (long)getpid());
    /* By its number: the harness may be gone before the daemon looks. */
    snprintf(watch, sizeof watch, "--exit-with-parent=%ld", (long)getpid());
    if (access(binary, X_OK) != 0) {
        snprintf(plain_error, sizeof plain_error, "%s: %s", binary,
                 strerror(errno));
        return plain_error;
    }
    if (!is_gone(plain_path)) {
        snprintf(plain_error, sizeof plain_error, "%s: it is there already",
                 plain_path);
        return plain_error;
    }
    plain_pid = fork();
    if (plain_pid == 0) {
        /* The Go runtime of the parent has threads: until exec nothing is
         * allowed but what a signal handler may call. */
        execl(binary, binary, "-socket", plain_path, "-q", watch,
              (char *)NULL);
        _exit(127);
    }
    if (plain_pid < 0) {
        snprintf(plain_error, sizeof plain_error, "fork: %s", strerror(errno));
        return plain_error;
    }
    while (stat(plain_path, &entry) != 0 || !S_ISSOCK(entry.st_mode)) {
        int status = plain_status();

        if (status >= 0) {
            snprintf(plain_error, sizeof plain_error,
                     "%s: it ended with status %d", binary, status);
            return plain_error;
        }
        if (now_ms() > deadline) {
            plain_kill();
            snprintf(plain_error, sizeof plain_error,
                     "%s: no socket within %d ms", binary, DEADLINE_MS);
            return plain_error;
        }
        poll(NULL, 0, 1);
    }
    return NULL;
}

const char *plain_socket(void)
{
    return plain_path;
}

struct ending plain_stop(void)
{
    const long long deadline = now_ms() + DEADLINE_MS;
    struct ending ending;

    kill(plain_pid, SIGTERM);
    while ((ending.status = plain_status()) < 0 && now_ms() < deadline)
        poll(NULL, 0, 1);
    ending.socket_gone = is_gone(plain_path);
    if (ending.status < 0) {
        plain_kill();
        ending.status = 128 + SIGKILL;
    }
    return ending;
}

/* With mockpilot.h. */

static struct mockpilot mock;

const char *daemon_start(const char *binary, const char *profile,
                         const char *scenario)
{
    const char *directory = getenv("TMPDIR");
    char path[MOCKPILOT_PATH_SIZE];
    const char *const options[] = {
        "-q", "--profile", profile, "--control", path,
        scenario != NULL ? "--scenario" : NULL, scenario, NULL};

    snprintf(path, sizeof path, "%s/mockpilot-%ld.ctl",
             directory && *directory ? directory : "/tmp", (long)getpid());
    if (mockpilot_start(&mock, binary, NULL, options, DEADLINE_MS) == 0)
        return NULL;
    return mockpilot_error(&mock);
}

const char *daemon_socket(void)
{
    return mockpilot_socket(&mock);
}

const char *daemon_ask(const char *verb, const char *json, char *answer,
                       size_t size)
{
    if (mockpilot_ctl(&mock, verb, json, answer, size) == 0)
        return NULL;
    return mockpilot_error(&mock);
}

struct ending daemon_stop(void)
{
    struct ending ending;

    ending.status = mockpilot_stop(&mock, DEADLINE_MS);
    ending.socket_gone = is_gone(mockpilot_socket(&mock));
    return ending;
}

/* The process that holds the daemon, and the end of a pipe that only the
 * harness has. */
static pid_t holder_pid;
static int hold;

/*
 * A daemon that stands still does not see that its harness was killed. So the
 * one who stops it is a process that lets it go on when the harness says so or
 * is gone, and that no Ctrl-C ends before.
 */
bool daemon_freeze(void)
{
    pid_t pid = (pid_t)mockpilot_pid(&mock);
    int ends[2], status;

    if (pipe(ends) != 0)
        return false;
    holder_pid = fork();
    if (holder_pid == 0) {
        sigset_t all;
        char none;

        /* Only what a signal handler may call, as above. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        close(ends[1]);
        kill(pid, SIGSTOP);
        while (read(ends[0], &none, 1) < 0 && errno == EINTR)
            ;
        kill(pid, SIGCONT);
        _exit(0);
    }
    close(ends[0]);
    hold = ends[1];
    if (holder_pid < 0) {
        close(hold);
        return false;
    }
    if (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status))
        return true;
    daemon_thaw();
    return false;
}

void daemon_thaw(void)
{
    close(hold);
    waitpid(holder_pid, NULL, 0);
}
