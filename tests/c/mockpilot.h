/*
 * mockpilot from a C test: start a daemon, wait until connects succeed, stop it.
 *
 *     #define MOCKPILOT_IMPLEMENTATION    (in one file of the program)
 *     #include "mockpilot.h"
 *
 *     struct mockpilot mock;
 *     if (mockpilot_start(&mock, NULL, NULL, NULL, 5000) != 0)
 *         die(mockpilot_error(&mock));
 *     use(mockpilot_socket(&mock));
 *     status = mockpilot_stop(&mock, 5000);
 *
 * C99 and POSIX.1-2008, nothing else. The file with the implementation includes this header before any
 * system header, or is compiled with -D_POSIX_C_SOURCE=200809L (or -std=gnu99).
 *
 * A daemon ends with the process that started it, however that dies: it watches a pipe whose writing end
 * only that process has, with its forks as long as they run no other program.
 *
 * Not for two threads at once with one struct; several structs are independent.
 */
#ifndef MOCKPILOT_H
#define MOCKPILOT_H

#if defined(MOCKPILOT_IMPLEMENTATION) && !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Longest path and error text kept, in bytes with the closing NUL; what is longer is cut. */
#define MOCKPILOT_PATH_SIZE 256
#define MOCKPILOT_ERROR_SIZE 512

/* A daemon. Read it through the functions below. */
struct mockpilot {
    long pid;     /* 0: none runs */
    int lifeline; /* -1: none */
    char socket[MOCKPILOT_PATH_SIZE];
    char control[MOCKPILOT_PATH_SIZE];
    char error[MOCKPILOT_ERROR_SIZE];
};

/*
 * Starts a daemon and waits, at most timeout_ms milliseconds, until connects succeed.
 *
 * program      what to run; NULL: $MOCKPILOT, else mockpilot from PATH
 * socket_path  where it is to listen; NULL: a name of its own in $TMPDIR or /tmp
 * options      further options of `mockpilot serve`, NULL at the end; NULL: none
 *
 * 0, or -1 with the reason in mockpilot_error; then nothing runs.
 */
int mockpilot_start(struct mockpilot *mock, const char *program, const char *socket_path,
                    const char *const *options, int timeout_ms);

/*
 * Sends SIGTERM and waits for the end, at most timeout_ms milliseconds; then SIGKILL.
 *
 * The exit status, or 128 + N when signal N killed it; -1 with the reason in mockpilot_error when none
 * runs. A status other than 0 has its text there too.
 */
int mockpilot_stop(struct mockpilot *mock, int timeout_ms);

/* The socket's path, "" before a start; it stays after the stop. */
const char *mockpilot_socket(const struct mockpilot *mock);

/* The control socket's path, "" when there is none. */
const char *mockpilot_control(const struct mockpilot *mock);

/* The process, 0 when none runs. */
long mockpilot_pid(const struct mockpilot *mock);

/* Why the last call failed, in one line; "" when it did not. */
const char *mockpilot_error(const struct mockpilot *mock);

#ifdef __cplusplus
}
#endif
#endif /* MOCKPILOT_H */

#if defined(MOCKPILOT_IMPLEMENTATION) && !defined(MOCKPILOT_IMPLEMENTED)
#define MOCKPILOT_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longest first line of a daemon: two paths in JSON. */
#define MOCKPILOT_LINE_SIZE 4096

/* What a child that could not run the program writes before its errno, in place of a line. */
#define MOCKPILOT_NO_EXEC '\001'

/* Most options, those of mockpilot_start included. */
#define MOCKPILOT_OPTIONS 64

static int mockpilot__fail(struct mockpilot *mock, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

static int mockpilot__fail(struct mockpilot *mock, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(mock->error, sizeof mock->error, format, values);
    va_end(values);
    return -1;
}

static long long mockpilot__now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int mockpilot__pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return -1;
    if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0)
        return 0;
    close(ends[0]);
    close(ends[1]);
    return -1;
}

/* The text of a string member of a flat JSON object. -1 when there is none. */
static int mockpilot__member(const char *line, const char *name, char *text, size_t size)
{
    char key[32];
    const char *from;
    size_t length = 0;
    unsigned code;

    snprintf(key, sizeof key, "\"%s\":\"", name);
    from = strstr(line, key);
    if (from == NULL)
        return -1;
    for (from += strlen(key); *from != '\0' && *from != '"'; from++) {
        char c = *from;

        if (c == '\\') {
            c = *++from;
            if (c == '\0')
                break;
            if (c == 'u' && sscanf(from + 1, "%4x", &code) == 1) {
                c = (char)code; /* control characters only */
                from += 4;
            } else if (c == 'n') {
                c = '\n';
            } else if (c == 't') {
                c = '\t';
            }
        }
        if (length + 1 < size)
            text[length++] = c;
    }
    text[length] = '\0';
    return *from == '"' ? 0 : -1;
}

/* Waits for the child; 0 with its status, 1 when it still runs at the deadline, -1 when it is no child. */
static int mockpilot__wait(long pid, long long deadline, int *status)
{
    const struct timespec pause = {0, 1000000};

    for (;;) {
        pid_t got = waitpid((pid_t)pid, status, WNOHANG);

        if (got == (pid_t)pid)
            return 0;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0) {
            if (mockpilot__now_ms() >= deadline)
                return 1;
            nanosleep(&pause, NULL);
        }
    }
}

static int mockpilot__shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* execvp, which is not safe after a fork of a process with threads. Returns with errno. */
static void mockpilot__exec(char *const words[], const char *path)
{
    const size_t name = strlen(words[0]) + 1;
    char file[MOCKPILOT_PATH_SIZE];
    int error = ENOENT;

    if (strchr(words[0], '/') != NULL) {
        execv(words[0], words);
        return;
    }
    for (;;) {
        const size_t length = strcspn(path, ":");

        if (length + 1 + name <= sizeof file) {
            memcpy(file, path, length);
            file[length] = '/';
            memcpy(file + (length > 0 ? length + 1 : 0), words[0], name); /* "" is this directory */
            execv(file, words);
            if (errno == EACCES)
                error = EACCES;
            else if (errno != ENOENT && errno != ENOTDIR)
                return;
        }
        if (path[length] == '\0')
            break;
        path += length + 1;
    }
    errno = error;
}

/* In the child: never returns. Only what is safe after a fork of a process with threads. */
static void mockpilot__run(char *const words[], const char *path, int ready, int lifeline)
{
    sigset_t none;
    char told[1 + sizeof(int)] = {MOCKPILOT_NO_EXEC};

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fcntl(ready, F_SETFD, 0);
    fcntl(lifeline, F_SETFD, 0);
    mockpilot__exec(words, path);
    memcpy(told + 1, &errno, sizeof(int));
    while (write(ready, told, sizeof told) < 0 && errno == EINTR)
        ;
    _exit(127);
}

/* Reads one line, or up to the end; the length, -1 on an error, -2 at the deadline. */
static int mockpilot__read_line(int from, char *line, size_t size, long long deadline)
{
    size_t length = 0;

    while (length + 1 < size) {
        struct pollfd readable;
        long long left = deadline - mockpilot__now_ms();
        ssize_t got;

        readable.fd = from;
        readable.events = POLLIN;
        readable.revents = 0;
        switch (poll(&readable, 1, left > 0 ? (int)left : 0)) {
        case 0:
            return -2;
        case 1:
            break;
        default:
            if (errno == EINTR)
                continue;
            return -1;
        }
        got = read(from, line + length, size - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        length += (size_t)got;
        if (got == 0 || memchr(line, '\n', length) != NULL)
            break;
    }
    line[length] = '\0';
    return (int)length;
}

/* What the first line says of the start. */
static int mockpilot__judge(struct mockpilot *mock, const char *program, const char *line,
                            int length, int timeout_ms)
{
    char why[MOCKPILOT_ERROR_SIZE - 64];
    int status, error;

    if (length > (int)sizeof(int) && line[0] == MOCKPILOT_NO_EXEC) {
        memcpy(&error, line + 1, sizeof error);
        return mockpilot__fail(mock, "%s: cannot run it: %s", program, strerror(error));
    }
    if (length == -2)
        return mockpilot__fail(mock, "%s: not ready within %d ms", program, timeout_ms);
    if (length == -1)
        return mockpilot__fail(mock, "%s: read of its first line: %s", program, strerror(errno));
    if (length == 0) {
        if (mockpilot__wait(mock->pid, mockpilot__now_ms() + 1000, &status) != 0)
            return mockpilot__fail(mock, "%s: closed its ready descriptor without a word", program);
        mock->pid = 0;
        return mockpilot__fail(mock, "%s: ended with status %d before it was ready", program,
                               mockpilot__shell_status(status));
    }
    if (mockpilot__member(line, "error", why, sizeof why) == 0)
        return mockpilot__fail(mock, "%s", why);
    if (mockpilot__member(line, "socket", mock->socket, sizeof mock->socket) != 0)
        return mockpilot__fail(mock, "%s: not a line of mockpilot: %.100s", program, line);
    if (mockpilot__member(line, "control", mock->control, sizeof mock->control) != 0)
        mock->control[0] = '\0';
    return 0;
}

/* Ends a daemon that is of no use. */
static void mockpilot__discard(struct mockpilot *mock)
{
    int status;

    if (mock->lifeline >= 0)
        close(mock->lifeline);
    mock->lifeline = -1;
    if (mock->pid > 0) {
        kill((pid_t)mock->pid, SIGKILL);
        while (waitpid((pid_t)mock->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    mock->pid = 0;
}

int mockpilot_start(struct mockpilot *mock, const char *program, const char *socket_path,
                    const char *const *options, int timeout_ms)
{
    static unsigned started;
    const char *words[MOCKPILOT_OPTIONS + 1];
    char path[MOCKPILOT_PATH_SIZE], ready_number[16], lifeline_number[16];
    char line[MOCKPILOT_LINE_SIZE];
    const char *search = getenv("PATH");
    const long long deadline = mockpilot__now_ms() + timeout_ms;
    int ready[2], lifeline[2], count = 0, length, result;
    pid_t pid;

    memset(mock, 0, sizeof *mock);
    mock->lifeline = -1;
    if (program == NULL)
        program = getenv("MOCKPILOT");
    if (program == NULL || *program == '\0')
        program = "mockpilot";
    if (socket_path == NULL) {
        const char *directory = getenv("TMPDIR");

        if (directory == NULL || *directory == '\0')
            directory = "/tmp";
        snprintf(path, sizeof path, "%s/mockpilot-%ld-%u.sock", directory, (long)getpid(),
                 started++);
        socket_path = path;
    }
    if (mockpilot__pipe(ready) != 0)
        return mockpilot__fail(mock, "pipe: %s", strerror(errno));
    if (mockpilot__pipe(lifeline) != 0) {
        close(ready[0]);
        close(ready[1]);
        return mockpilot__fail(mock, "pipe: %s", strerror(errno));
    }
    snprintf(ready_number, sizeof ready_number, "%d", ready[1]);
    snprintf(lifeline_number, sizeof lifeline_number, "%d", lifeline[0]);
    words[count++] = program;
    words[count++] = "-socket";
    words[count++] = socket_path;
    words[count++] = "--ready-fd";
    words[count++] = ready_number;
    words[count++] = "--lifeline-fd";
    words[count++] = lifeline_number;
    while (options != NULL && *options != NULL && count < MOCKPILOT_OPTIONS)
        words[count++] = *options++;
    words[count] = NULL;
    if (options != NULL && *options != NULL) {
        pid = -1;
        errno = E2BIG;
    } else {
        pid = fork();
    }
    if (pid == 0)
        mockpilot__run((char *const *)words, search != NULL ? search : "/bin:/usr/bin", ready[1],
                       lifeline[0]);
    close(ready[1]);
    close(lifeline[0]);
    mock->lifeline = lifeline[1];
    if (pid < 0) {
        result = mockpilot__fail(mock, "%s: cannot start it: %s", program, strerror(errno));
    } else {
        mock->pid = (long)pid;
        length = mockpilot__read_line(ready[0], line, sizeof line, deadline);
        result = mockpilot__judge(mock, program, line, length, timeout_ms);
    }
    close(ready[0]);
    if (result != 0)
        mockpilot__discard(mock);
    return result;
}

int mockpilot_stop(struct mockpilot *mock, int timeout_ms)
{
    int status = 0, result;

    mock->error[0] = '\0';
    if (mock->pid <= 0)
        return mockpilot__fail(mock, "no daemon runs");
    kill((pid_t)mock->pid, SIGTERM);
    result = mockpilot__wait(mock->pid, mockpilot__now_ms() + timeout_ms, &status);
    if (result < 0) {
        mockpilot__fail(mock, "process %ld: cannot wait for it: %s", mock->pid, strerror(errno));
        mock->pid = 0; /* somebody else has waited, and its number may be another's by now */
    } else if (result > 0) {
        mockpilot__fail(mock, "process %ld: did not end within %d ms", mock->pid, timeout_ms);
        result = 128 + SIGKILL;
    } else {
        mock->pid = 0;
        result = mockpilot__shell_status(status);
        if (result != 0)
            mockpilot__fail(mock, "the daemon ended with status %d", result);
    }
    mockpilot__discard(mock);
    return result;
}

const char *mockpilot_socket(const struct mockpilot *mock)
{
    return mock->socket;
}

const char *mockpilot_control(const struct mockpilot *mock)
{
    return mock->control;
}

long mockpilot_pid(const struct mockpilot *mock)
{
    return mock->pid;
}

const char *mockpilot_error(const struct mockpilot *mock)
{
    return mock->error;
}

#endif /* MOCKPILOT_IMPLEMENTATION */
