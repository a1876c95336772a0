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
 * With a scenario, {"--scenario", "file.json", "--control", path, NULL} for options, it is steered like this:
 *
 *     mockpilot_ctl(&mock, "rule_add", "{\"rule\":{\"on\":\"info\",\"error\":\"no\"}}", NULL, 0);
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
#include <stddef.h>

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

/*
 * Asks the control socket, on a connection of its own; what verbs there are, `mockpilot ctl --help` tells.
 *
 * json    the verb's keys as an object in one line; NULL: none
 * answer  gets the answer's line, cut to size bytes (16 or more) with its closing NUL; NULL: none
 *
 * 0 when the answer is `"ok":true`, else -1 with the reason in mockpilot_error.
 */
int mockpilot_ctl(struct mockpilot *mock, const char *verb, const char *json, char *answer, size_t size);

/* The socket's path, "" before a start; it stays after the stop. The control socket's, "" when there is none. */
const char *mockpilot_socket(const struct mockpilot *mock);
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longest first line of a daemon: two paths in JSON. */
#define MOCKPILOT_LINE_SIZE 4096

/* What a child that could not run the program writes before its errno, in place of a line. */
#define MOCKPILOT_NO_EXEC '\001'

/* Longest wait for an answer of the control socket: `await` may be told to wait for minutes. */
#define MOCKPILOT_CTL_MS 600000
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* Most options, those of mockpilot_start included. */
#define MOCKPILOT_OPTIONS 64

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

        if (c == '\\' && *++from != '\0') {
            c = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
            if (c == 'u' && sscanf(from + 1, "%4x", &code) == 1) {
                c = (char)code; /* control characters only */
                from += 4;
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

        if (got == (pid_t)pid || (got < 0 && errno != EINTR))
            return got < 0 ? -1 : 0;
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

/* The program's file: where PATH has it, if its name has no slash. Before a fork: execvp is not safe after. */
static const char *mockpilot__find(const char *program, char *file, size_t size)
{
    const char *path = getenv("PATH");
    struct stat found;
    size_t length;

    if (strchr(program, '/') != NULL)
        return program;
    for (path = path != NULL ? path : "/bin:/usr/bin";; path += length + 1) {
        length = strcspn(path, ":");
        snprintf(file, size, "%.*s/%s", length > 0 ? (int)length : 1, length > 0 ? path : ".", program);
        if (path[length] == '\0' ||
            (access(file, X_OK) == 0 && stat(file, &found) == 0 && S_ISREG(found.st_mode)))
            return file;
    }
}

/* In the child: never returns. Only what is safe after a fork of a process with threads. */
static void mockpilot__run(const char *file, char *const words[], int ready, int lifeline)
{
    sigset_t none;
    char told[1 + sizeof(int)] = {MOCKPILOT_NO_EXEC};

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fcntl(ready, F_SETFD, 0);
    fcntl(lifeline, F_SETFD, 0);
    execv(file, words);
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
        struct pollfd readable = {from, POLLIN, 0};
        const long long left = deadline - mockpilot__now_ms();
        const int ready = poll(&readable, 1, left > 0 ? (int)left : 0);
        ssize_t got;

        if (ready == 0)
            return -2;
        got = ready < 0 ? -1 : read(from, line + length, size - 1 - length);
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
    if (mock->lifeline >= 0)
        close(mock->lifeline);
    mock->lifeline = -1;
    if (mock->pid > 0) {
        kill((pid_t)mock->pid, SIGKILL);
        while (waitpid((pid_t)mock->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    mock->pid = 0;
}

int mockpilot_start(struct mockpilot *mock, const char *program, const char *socket_path,
                    const char *const *options, int timeout_ms)
{
    static unsigned started;
    char path[MOCKPILOT_PATH_SIZE], file[MOCKPILOT_PATH_SIZE], line[MOCKPILOT_LINE_SIZE];
    char ready_number[16], lifeline_number[16];
    const char *words[MOCKPILOT_OPTIONS + 1] = {"", "-socket", "", "--ready-fd", ready_number,
                                                "--lifeline-fd", lifeline_number};
    const long long deadline = mockpilot__now_ms() + timeout_ms;
    int ready[2], lifeline[2], count = 7, length, result;
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
                 __sync_fetch_and_add(&started, 1));
        socket_path = path;
    }
    words[0] = program;
    words[2] = socket_path;
    if (mockpilot__pipe(ready) != 0)
        return mockpilot__fail(mock, "pipe: %s", strerror(errno));
    if (mockpilot__pipe(lifeline) != 0) {
        mockpilot__fail(mock, "pipe: %s", strerror(errno));
        close(ready[0]);
        close(ready[1]);
        return -1;
    }
    snprintf(ready_number, sizeof ready_number, "%d", ready[1]);
    snprintf(lifeline_number, sizeof lifeline_number, "%d", lifeline[0]);
    while (options != NULL && *options != NULL && count < MOCKPILOT_OPTIONS)
        words[count++] = *options++;
    program = mockpilot__find(program, file, sizeof file);
    errno = E2BIG;
    pid = options != NULL && *options != NULL ? -1 : fork();
    if (pid == 0)
        mockpilot__run(program, (char *const *)words, ready[1], lifeline[0]);
    program = words[0];
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

int mockpilot_ctl(struct mockpilot *mock, const char *verb, const char *json, char *answer, size_t size)
{
    char line[MOCKPILOT_LINE_SIZE], why[MOCKPILOT_ERROR_SIZE - 64];
    const char *parts[3] = {line, "}", "\n"}, *at;
    struct sockaddr_un address;
    int wire, part, length;
    ssize_t sent;

    mock->error[0] = '\0';
    if (json != NULL && (json = strchr(json, '{')) != NULL)
        parts[1] = json + 1;
    snprintf(line, sizeof line, "{\"verb\":\"%.100s\"%s", verb,
             parts[1][strspn(parts[1], " \t")] == '}' ? "" : ",");
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, mock->control, strnlen(mock->control, sizeof address.sun_path - 1));
    wire = socket(AF_UNIX, SOCK_STREAM, 0);
    if (wire < 0 || fcntl(wire, F_SETFD, FD_CLOEXEC) != 0 ||
        connect(wire, (struct sockaddr *)&address, sizeof address) != 0) {
        mockpilot__fail(mock, "control socket \"%s\": %s", mock->control, strerror(errno));
        close(wire);
        return -1;
    }
    for (part = 0; part < 3; part++)
        for (at = parts[part]; *at != '\0'; at += sent > 0 ? sent : 0) {
            sent = send(wire, at, strlen(at), MSG_NOSIGNAL);
            if (sent < 0 && errno != EINTR)
                break; /* the answer, if there is one, says why */
        }
    if (answer == NULL || size < 16)
        answer = line, size = sizeof line;
    length = mockpilot__read_line(wire, answer, size, mockpilot__now_ms() + MOCKPILOT_CTL_MS);
    close(wire);
    if (length <= 0)
        return mockpilot__fail(mock, "%.100s: no answer", verb);
    answer[strcspn(answer, "\n")] = '\0';
    if (strncmp(answer, "{\"ok\":true", 10) == 0)
        return 0;
    length = mockpilot__member(answer, "error", why, sizeof why);
    return mockpilot__fail(mock, "%.50s: %.400s", verb, length == 0 ? why : answer);
}

const char *mockpilot_socket(const struct mockpilot *mock) { return mock->socket; }
const char *mockpilot_control(const struct mockpilot *mock) { return mock->control; }
long mockpilot_pid(const struct mockpilot *mock) { return mock->pid; }
const char *mockpilot_error(const struct mockpilot *mock) { return mock->error; }

#endif /* MOCKPILOT_IMPLEMENTATION */
