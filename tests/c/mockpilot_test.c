/*
 * mockpilot.h by itself: `mockpilot_test [PROGRAM]` prints a line PASS or FAIL for each test and the
 * counts last; the status is 1 when one failed.
 */
#define MOCKPILOT_IMPLEMENTATION
#include "mockpilot.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATIENCE_MS 10000
#define ROUNDS 100

static const char *program;
static char directory[] = "/tmp/mp-header-XXXXXX";
static unsigned passed, failed, faults;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static void check(int holds, const char *condition, int line)
{
    if (holds)
        return;
    printf("  line %d: %s\n", line, condition);
    faults++;
}

static void check_error(const struct mockpilot *mock, const char *part, int line)
{
    if (strstr(mockpilot_error(mock), part) != NULL)
        return;
    printf("  line %d: expected \"%s\" in \"%s\"\n", line, part, mockpilot_error(mock));
    faults++;
}

/* One attempt; the descriptor, or -1. */
static int connect_once(const char *path)
{
    struct sockaddr_un address;
    int client = socket(AF_UNIX, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path));
    if (connect(client, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1)) == 0)
        return client;
    close(client);
    return -1;
}

/* Asks for Health; whether the reply's command byte is that of HealthOK. */
static int answers(const char *path)
{
    static const unsigned char health[] = {0, 0, 0, 1, 0x21};
    unsigned char reply[5];
    size_t have = 0;
    int client = connect_once(path);

    if (client < 0)
        return 0;
    if (write(client, health, sizeof health) == (ssize_t)sizeof health)
        while (have < sizeof reply) {
            ssize_t got = read(client, reply + have, sizeof reply - have);

            if (got <= 0)
                break;
            have += (size_t)got;
        }
    close(client);
    return have == sizeof reply && reply[4] == 0x22;
}

static int is_there(const char *path)
{
    struct stat found;

    return lstat(path, &found) == 0;
}

static int start(struct mockpilot *mock, const char *path, const char *const *options)
{
    int result = mockpilot_start(mock, program, path, options, PATIENCE_MS);

    if (result != 0)
        printf("  start: %s\n", mockpilot_error(mock));
    return result;
}

static void starts_and_stops(void)
{
    struct mockpilot mock;

    CHECK(start(&mock, NULL, NULL) == 0);
    CHECK(mockpilot_pid(&mock) > 0);
    CHECK(*mockpilot_error(&mock) == '\0');
    CHECK(*mockpilot_control(&mock) == '\0');
    CHECK(answers(mockpilot_socket(&mock)));
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 0);
    CHECK(*mockpilot_error(&mock) == '\0');
    CHECK(mockpilot_pid(&mock) == 0);
    CHECK(!is_there(mockpilot_socket(&mock)));
}

static void takes_a_path_and_options(void)
{
    static const char *const options[] = {"--profile", "faithful", "-q", NULL};
    struct mockpilot mock;
    char path[sizeof directory + 8];

    snprintf(path, sizeof path, "%s/a\"b\\", directory);
    CHECK(start(&mock, path, options) == 0);
    CHECK(strcmp(mockpilot_socket(&mock), path) == 0);
    CHECK(answers(path));
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 0);
}

/* What it asks, what it gets, and what it is told when that will not do. */
static void asks_the_control_socket(void)
{
    char path[sizeof directory + 8], answer[256], small[16];
    const char *options[] = {"--control", path, "-q", NULL};
    struct mockpilot mock;

    snprintf(path, sizeof path, "%s/c", directory);
    CHECK(start(&mock, NULL, options) == 0);
    CHECK(strcmp(mockpilot_control(&mock), path) == 0);
    CHECK(mockpilot_ctl(&mock, "ping", NULL, answer, sizeof answer) == 0);
    CHECK(strstr(answer, "\"pid\":") != NULL && answer[strlen(answer) - 1] == '}');
    CHECK(mockpilot_ctl(&mock, "ping", " { } ", small, sizeof small) == 0);
    CHECK(strcmp(small, "{\"ok\":true,\"pid") == 0);
    CHECK(mockpilot_ctl(&mock, "rule_add", "{\"rule\":{\"name\":\"r\",\"on\":\"health\",\"fault\":\"close\"}}",
                        NULL, 0) == 0);
    CHECK(*mockpilot_error(&mock) == '\0');
    CHECK(!answers(mockpilot_socket(&mock)));
    CHECK(mockpilot_ctl(&mock, "rule_remove", "{\"name\":\"r\"}", answer, sizeof answer) == 0);
    CHECK(answers(mockpilot_socket(&mock)));
    CHECK(mockpilot_ctl(&mock, "rule_remove", "{\"name\":\"r\"}", NULL, 0) == -1);
    check_error(&mock, "rule_remove: ", __LINE__);
    CHECK(mockpilot_ctl(&mock, "pong", NULL, NULL, 0) == -1);
    check_error(&mock, "pong", __LINE__);
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 0);
    CHECK(mockpilot_ctl(&mock, "ping", NULL, NULL, 0) == -1);
    check_error(&mock, path, __LINE__);
}

/* The program's name alone, in a PATH whose other directories do not have it. */
static void is_found_in_path(void)
{
    const char *slash = program != NULL ? strrchr(program, '/') : NULL;
    const char *before = getenv("PATH");
    char kept[4096], path[512];
    struct mockpilot mock;

    if (slash == NULL || before == NULL)
        return;
    snprintf(kept, sizeof kept, "%s", before);
    snprintf(path, sizeof path, "/no/such:/dev/null:%.*s", (int)(slash - program), program);
    CHECK(setenv("PATH", path, 1) == 0);
    CHECK(mockpilot_start(&mock, slash + 1, NULL, NULL, PATIENCE_MS) == 0);
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 0);
    CHECK(mockpilot_start(&mock, "no-such-name", NULL, NULL, PATIENCE_MS) == -1);
    check_error(&mock, "no-such-name: cannot run it: No such file", __LINE__);
    CHECK(setenv("PATH", kept, 1) == 0);
}

static void first_connect_succeeds(void)
{
    static const char *const quiet[] = {"-q", NULL};
    int round;

    for (round = 0; round < ROUNDS; round++) {
        struct mockpilot mock;
        int client;

        CHECK(start(&mock, NULL, quiet) == 0);
        client = connect_once(mockpilot_socket(&mock));
        CHECK(client >= 0);
        if (client >= 0)
            close(client);
        CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 0);
    }
}

static void several_at_once(void)
{
    struct mockpilot one, other;

    CHECK(start(&one, NULL, NULL) == 0);
    CHECK(start(&other, NULL, NULL) == 0);
    CHECK(strcmp(mockpilot_socket(&one), mockpilot_socket(&other)) != 0);
    CHECK(mockpilot_stop(&one, PATIENCE_MS) == 0);
    CHECK(answers(mockpilot_socket(&other)));
    CHECK(mockpilot_stop(&other, PATIENCE_MS) == 0);
}

static void failed_starts_have_reasons(void)
{
    static const char *const unknown[] = {"--bogus", NULL};
    const char *many[MOCKPILOT_OPTIONS + 1];
    struct mockpilot mock;
    char path[200];
    size_t i;
    FILE *file;

    snprintf(path, sizeof path, "%s/file", directory);
    file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
    CHECK(mockpilot_start(&mock, program, path, NULL, PATIENCE_MS) == -1);
    check_error(&mock, "exists and is not a socket", __LINE__);
    CHECK(is_there(path) && remove(path) == 0);

    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    CHECK(mockpilot_start(&mock, program, path, NULL, PATIENCE_MS) == -1);
    check_error(&mock, "199 bytes is over the limit", __LINE__);

    CHECK(mockpilot_start(&mock, "/no/such/program", NULL, NULL, PATIENCE_MS) == -1);
    check_error(&mock, "/no/such/program: cannot run it: No such file", __LINE__);

    CHECK(mockpilot_start(&mock, program, NULL, unknown, PATIENCE_MS) == -1);
    check_error(&mock, "ended with status 2 before it was ready", __LINE__);

    for (i = 0; i < MOCKPILOT_OPTIONS; i++)
        many[i] = "-q";
    many[i] = NULL;
    CHECK(mockpilot_start(&mock, program, NULL, many, PATIENCE_MS) == -1);
    check_error(&mock, "cannot start it", __LINE__);

    CHECK(mockpilot_pid(&mock) == 0);
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == -1);
    check_error(&mock, "no daemon runs", __LINE__);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* A program that never is ready. */
static void patience_ends(void)
{
    struct mockpilot mock;
    char script[sizeof directory + 8];
    FILE *file;

    snprintf(script, sizeof script, "%s/slow", directory);
    file = fopen(script, "w");
    CHECK(file != NULL);
    if (file == NULL)
        return;
    fputs("#!/bin/sh\nexec sleep 60\n", file);
    CHECK(fclose(file) == 0 && chmod(script, 0700) == 0);
    CHECK(mockpilot_start(&mock, script, NULL, NULL, 100) == -1);
    check_error(&mock, "slow: not ready within 100 ms", __LINE__);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    CHECK(remove(script) == 0);
}

static void a_killed_daemon_shows(void)
{
    struct mockpilot mock;

    CHECK(start(&mock, NULL, NULL) == 0);
    CHECK(kill((pid_t)mockpilot_pid(&mock), SIGKILL) == 0);
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 128 + SIGKILL);
    check_error(&mock, "status 137", __LINE__);
    CHECK(remove(mockpilot_socket(&mock)) == 0);
}

static void a_stopped_daemon_is_killed(void)
{
    struct mockpilot mock;

    CHECK(start(&mock, NULL, NULL) == 0);
    CHECK(kill((pid_t)mockpilot_pid(&mock), SIGSTOP) == 0);
    CHECK(mockpilot_stop(&mock, 50) == 128 + SIGKILL);
    check_error(&mock, "did not end within 50 ms", __LINE__);
    CHECK(remove(mockpilot_socket(&mock)) == 0);
}

static void blocked_signals_do_not_matter(void)
{
    struct mockpilot mock;
    sigset_t all, before;

    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(start(&mock, NULL, NULL) == 0);
    CHECK(mockpilot_stop(&mock, PATIENCE_MS) == 0);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}

/* A harness that is killed leaves no daemon: the daemon's standard output, inherited from it, ends. */
static void no_orphan(void)
{
    int output[2], status;
    char path[MOCKPILOT_PATH_SIZE] = "";
    ssize_t got;
    pid_t harness;

    CHECK(pipe(output) == 0);
    fflush(stdout);
    harness = fork();
    if (harness == 0) {
        struct mockpilot mock;

        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        if (mockpilot_start(&mock, program, NULL, NULL, PATIENCE_MS) == 0 &&
            write(STDOUT_FILENO, mock.socket, strlen(mock.socket)) > 0)
            raise(SIGKILL);
        _exit(1);
    }
    close(output[1]);
    got = read(output[0], path, sizeof path - 1);
    CHECK(got > 0);
    CHECK(waitpid(harness, &status, 0) == harness);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(read(output[0], path + (got > 0 ? got : 0), 1) == 0);
    CHECK(!is_there(path));
    close(output[0]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"starts and stops", starts_and_stops},
        {"takes a path and options", takes_a_path_and_options},
        {"asks the control socket", asks_the_control_socket},
        {"is found in PATH", is_found_in_path},
        {"the first connect succeeds", first_connect_succeeds},
        {"several at once", several_at_once},
        {"failed starts have reasons", failed_starts_have_reasons},
        {"patience ends", patience_ends},
        {"a killed daemon shows", a_killed_daemon_shows},
        {"a stopped daemon is killed", a_stopped_daemon_is_killed},
        {"blocked signals do not matter", blocked_signals_do_not_matter},
        {"no orphan", no_orphan},
    };
    size_t i;

    program = argc > 1 ? argv[1] : NULL;
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    for (i = 0; i < sizeof tests / sizeof *tests; i++) {
        faults = 0;
        tests[i].run();
        printf("%s %s\n", faults == 0 ? "PASS" : "FAIL", tests[i].name);
        fflush(stdout);
        if (faults == 0)
            passed++;
        else
            failed++;
    }
    if (remove(directory) != 0)
        perror(directory);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
