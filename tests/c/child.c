/* Processes for dangerous calls: see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "check.h"
#include "coverage.h"
#include "dangers.h"

/* Time to get ready, with many others beside it and sanitizers. */
#define READY_MS 20000

static const char *self;

void children_are(const char *program)
{
    self = program;
}

static bool open_pipe(int ends[2])
{
    return pipe(ends) == 0 && fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 &&
           fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
}

bool child_begin(struct child *child, const char *socket, const char *call)
{
    int to[2], from[2], complaint;

    child->pid = 0;
    child->complaint = tmpfile();
    if (child->complaint == NULL || !open_pipe(to) || !open_pipe(from)) {
        check_failed(call, "pipes and a file", strerror(errno));
        return false;
    }
    complaint = fileno(child->complaint);
    fcntl(complaint, F_SETFD, FD_CLOEXEC);
    child->pid = fork();
    if (child->pid == 0) {
        /* Only what a signal handler may call, with Go's threads about. */
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        dup2(complaint, STDERR_FILENO);
        execl(self, self, "--child", socket, call, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    child->to = to[1];
    child->from = from[0];
    if (child->pid > 0)
        return true;
    check_failed(call, "a process", strerror(errno));
    child->pid = 0;
    return false;
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool child_tells(struct child *child, char *text, size_t size, int timeout_ms)
{
    const long long deadline = now_ms() + timeout_ms;
    struct pollfd readable = {child->from, POLLIN, 0};
    size_t length = 0;
    char c;

    *text = '\0';
    for (;;) {
        const long long left = deadline - now_ms();

        if (poll(&readable, 1, left > 0 ? (int)left : 0) <= 0)
            return false;
        if (read(child->from, &c, 1) != 1) {
            snprintf(text, size, "the process ended");
            return false;
        }
        if (c == '\n')
            return true;
        if (length + 1 < size) {
            text[length++] = c;
            text[length] = '\0';
        }
    }
}

bool child_ready(struct child *child)
{
    char text[OUTCOME];

    if (child_tells(child, text, sizeof text, READY_MS) &&
        strcmp(text, "ready") == 0)
        return true;
    check_failed("a child", "ready", *text ? text : "nothing");
    return false;
}

bool child_start(struct child *child, const char *socket, const char *call)
{
    return child_begin(child, socket, call) && child_ready(child);
}

void child_cue(struct child *child)
{
    if (write(child->to, "g", 1) != 1)
        check_failed("a child", "one that listens", strerror(errno));
}

bool child_complains(struct child *child, const char *part, char *line,
                     size_t size, int timeout_ms)
{
    const long long deadline = now_ms() + timeout_ms;

    do {
        rewind(child->complaint);
        while (fgets(line, (int)size, child->complaint) != NULL) {
            line[strcspn(line, "\n")] = '\0';
            if (strstr(line, part) != NULL)
                return true;
        }
        poll(NULL, 0, 10);
    } while (now_ms() < deadline);
    *line = '\0';
    return false;
}

static int wait_for(struct child *child)
{
    const long long deadline = now_ms() + 2000;
    int status;

    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        if (now_ms() >= deadline)
            kill(child->pid, SIGKILL);
        poll(NULL, 0, 1);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_end(struct child *child)
{
    int status;

    if (child->pid == 0)
        return -1;
    close(child->to);
    status = wait_for(child);
    close(child->from);
    fclose(child->complaint);
    child->pid = 0;
    return status;
}

void children_end(struct child *children, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (children[i].pid != 0) {
            close(children[i].to);
            children[i].to = -1;
        }
    for (size_t i = 0; i < count; i++)
        child_end(&children[i]);
}

/* Inside. */

static void *until_end_of_input(void *unused)
{
    char none;

    while (read(STDIN_FILENO, &none, 1) > 0)
        ;
    coverage_flush();
    _exit(EXIT_SUCCESS);
    return unused;
}

static void tell(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

int child_main(int argc, char **argv)
{
    const struct call *call;
    const struct danger *danger;
    char text[OUTCOME] = "no such call", cue;
    uint64_t driver = 0, handle = 0;
    pthread_t watcher;

    if (argc < 3)
        return 2;
    calls_use(argv[1]);
    call = call_named(argv[2]);
    danger = danger_named(argv[2]);
    if (danger != NULL)
        call = call_named(danger->export);
    if (call != NULL && !call_prepare(call, &driver, &handle))
        return 1;
    tell("ready");
    if (read(STDIN_FILENO, &cue, 1) != 1 ||
        pthread_create(&watcher, NULL, until_end_of_input, NULL) != 0)
        return 1;
    if (danger != NULL)
        danger->make(handle, text, sizeof text);
    else if (call != NULL)
        call->make(handle, text, sizeof text);
    tell(text);
    pthread_join(watcher, NULL);
    return 0;
}
