/*
 * Three tests of a program that uses libpilot, each against a daemon of its own
 * that a scenario file has told what to do.
 *
 *     suite DIRECTORY        (where the scenario files are)
 *
 * $MOCKPILOT is the daemon's program, else mockpilot from PATH. A line "ok" or
 * "not ok" for each test; the exit status is 1 when one failed.
 */
#define MOCKPILOT_IMPLEMENTATION
#include "mockpilot.h"

#include <libpilot.h>
#include <stdbool.h>

/* A call of libpilot that blocks for so many seconds never comes back. */
#define PATIENCE 30

/* What to say when something is not as it should be; the test then goes on, so
 * that the daemon is stopped and can tell what it saw. */
static bool check(bool good, const char *what, const char *got)
{
    if (!good)
        printf("# %s: got %s\n", what, got != NULL ? got : "no text");
    return good;
}

/* An answer without an error; libpilot's texts belong to the caller. */
static bool succeeded(const char *what, char *error)
{
    bool good = check(error == NULL, what, error);

    FreeString(error);
    return good;
}

/* One read: `expected`, in one piece, as the peer says it in one. */
static bool reads(uint64_t conn, const char *expected)
{
    struct PilotConnRead_return r = PilotConnRead(conn, 100);
    bool good = succeeded("read", r.r2) &&
                check(r.r0 == (int)strlen(expected) &&
                      memcmp(r.r1, expected, strlen(expected)) == 0,
                      expected, "other bytes");

    FreeString(r.r1);
    return good;
}

/* 1: a datagram that arrives on its own. PilotRecvFrom blocks until then. */
static bool datagram(uint64_t driver)
{
    char *got = PilotRecvFrom(driver), *health;
    /* libpilot gives the data in base64; this is "are you there?". */
    bool good = check(strstr(got, "YXJlIHlvdSB0aGVyZT8=") != NULL, "datagram", got);

    FreeString(got);
    good &= succeeded("send", PilotSendTo(driver, "0:0000.0000.0002:4000", "I am", 4));
    /* Requests of one client are taken in order, so that after an answer to
     * this one the daemon has the datagram too. */
    health = PilotHealth(driver);
    good &= check(strstr(health, "\"status\":\"ok\"") != NULL, "health", health);
    FreeString(health);
    return good;
}

/* 2: an inbound connection to a listener. */
static bool inbound(uint64_t driver)
{
    struct PilotListen_return bound = PilotListen(driver, 80);
    struct PilotListenerAccept_return caller;
    struct PilotConnWrite_return written;

    if (!succeeded("listen", bound.r1))
        return false;
    caller = PilotListenerAccept(bound.r0);
    if (!succeeded("accept", caller.r1) || !reads(caller.r0, "knock knock"))
        return false;
    written = PilotConnWrite(caller.r0, "who is there?", 13);
    return succeeded("write", written.r1) & succeeded("close", PilotConnClose(caller.r0));
}

/* 3: a dial that outlives its time limit, which must not spoil the next one. */
static bool slow_dial(uint64_t driver)
{
    struct PilotDialTimeout_return r = PilotDialTimeout(driver, "0:0000.0000.0002:80", 100);
    bool good = check(r.r0 == 0 && r.r1 != NULL && strstr(r.r1, "timeout") != NULL,
                      "slow dial", r.r1);

    FreeString(r.r1);
    r = PilotDialTimeout(driver, "0:0000.0000.0002:7", 5000);
    good &= succeeded("the other port", r.r1);
    return succeeded("close", PilotConnClose(r.r0)) && good;
}

/* Starts a daemon with the scenario, runs the test, and stops the daemon, whose
 * status is 0 only when the scenario's expectations are met. */
static bool passes(const char *directory, const char *name, bool test(uint64_t driver))
{
    char scenario[MOCKPILOT_PATH_SIZE];
    const char *const options[] = {"-q", "--scenario", scenario, NULL};
    struct mockpilot mock;
    struct PilotConnect_return client;
    bool good;

    alarm(PATIENCE);
    snprintf(scenario, sizeof scenario, "%s/%s.json", directory, name);
    good = check(mockpilot_start(&mock, NULL, NULL, options, 5000) == 0,
                 "start", mockpilot_error(&mock));
    if (good) {
        client = PilotConnect((char *)mockpilot_socket(&mock));
        good = succeeded("connect", client.r1) && test(client.r0);
        good &= succeeded("disconnect", PilotClose(client.r0));
        good &= check(mockpilot_stop(&mock, 5000) == 0, "stop", mockpilot_error(&mock));
    }
    printf("%s %s\n", good ? "ok" : "not ok", name);
    return good;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : ".";
    bool good;

    setvbuf(stdout, NULL, _IOLBF, 0);
    good = passes(directory, "datagram", datagram);
    good &= passes(directory, "inbound", inbound);
    good &= passes(directory, "slow_dial", slow_dial);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
