/* Streams to a peer: dialling, reading, writing, deadlines, closing. */
#include <libpilot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon.h"
#include "exports.h"
#include "streams.h"

#define ECHO PEER_ADDRESS ":7"
#define BIG (1024 * 1024)
/* Longer than libpilot takes in one read. */
#define OVERSIZED (16 * 1024 * 1024 + 1)

static int64_t unix_nanos_in(int milliseconds)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec +
           (int64_t)milliseconds * 1000000;
}

bool stream_read(uint64_t conn, const char *what, const void *expected,
                 size_t length)
{
    unsigned char *got = malloc(length);
    size_t have = 0;
    bool good;

    while (got != NULL && have < length) {
        struct PilotConnRead_return r =
            PilotConnRead(conn, (int)(length - have));
        bool over = r.r0 <= 0 || r.r2 != NULL;

        if (!over)
            memcpy(got + have, r.r1, (size_t)r.r0);
        have += over ? 0 : (size_t)r.r0;
        FreeString(r.r1);
        FreeString(r.r2);
        if (over)
            break;
    }
    good = check_bytes("PilotConnRead", SUCCESS, what, got, have, expected,
                       length);
    free(got);
    return good;
}

bool stream_write(uint64_t conn, const char *what, const void *data,
                  size_t length)
{
    struct PilotConnWrite_return r =
        PilotConnWrite(conn, (void *)(uintptr_t)data, (int)length);
    bool good = check_reply("PilotConnWrite", SUCCESS, what, r.r1, NULL);

    return check_number("PilotConnWrite", SUCCESS, what, r.r0,
                        (long long)length) && good;
}

void stream_ended(uint64_t conn, enum branch branch, const char *what)
{
    struct PilotConnRead_return r = PilotConnRead(conn, 16);

    FreeString(r.r1);
    check_reply("PilotConnRead", branch, what, r.r2, "{\"error\":\"EOF\"}");
}

static void read_refused(uint64_t conn, enum branch branch, const char *what,
                         int size, const char *pattern)
{
    struct PilotConnRead_return r = PilotConnRead(conn, size);

    FreeString(r.r1);
    check_reply("PilotConnRead", branch, what, r.r2, pattern);
}

static uint64_t dial(uint64_t driver, const char *what, char *address)
{
    struct PilotDial_return r = PilotDial(driver, address);

    return check_handle("PilotDial", what, r.r0, r.r1);
}

/* Both dials of an address that will not do; PilotDial says where it parsed
 * it, PilotDialTimeout does not. */
static void dials_refused(uint64_t driver, enum branch branch,
                          const char *what, char *address, const char *pattern)
{
    struct PilotDial_return plain = PilotDial(driver, address);
    struct PilotDialTimeout_return timed =
        PilotDialTimeout(driver, address, 5000);

    check_no_handle("PilotDial", branch, what, plain.r0, plain.r1, pattern);
    check_no_handle("PilotDialTimeout", branch, what, timed.r0, timed.r1,
                    pattern);
}

static void bad_addresses(uint64_t driver)
{
    static const struct {
        const char *what, *address, *pattern;
    } cases[] = {
        {"no port", "junk",
         "{\"error\":\"*invalid socket address: \\\"junk\\\" (no port)\"}"},
        {"nothing", "",
         "{\"error\":\"*invalid socket address: \\\"\\\" (no port)\"}"},
        {"a null pointer", NULL,
         "{\"error\":\"*invalid socket address: \\\"\\\" (no port)\"}"},
        {"a hostname", "alice:7",
         "{\"error\":\"*invalid address: \\\"alice\\\" (expected "
         "N:XXXX.YYYY.YYYY)\"}"},
        {"an address without a port", PEER_ADDRESS,
         "{\"error\":\"*invalid address: \\\"0\\\" (expected "
         "N:XXXX.YYYY.YYYY)\"}"},
        {"a port that is too large", PEER_ADDRESS ":65536",
         "{\"error\":\"*invalid port: \\\"65536\\\": *value out of range\"}"},
        {"a port that is no number", PEER_ADDRESS ":x",
         "{\"error\":\"*invalid port: \\\"x\\\": *invalid syntax\"}"},
        {"a network that is too large", "65536:0000.0000.0009:7",
         "{\"error\":\"*invalid network ID: \\\"65536\\\": *value out of "
         "range\"}"},
        {"node 0", "0:0000.0000.0000:7",
         "{\"error\":\"dial: daemon: resolve node 0: registry: node 0: node "
         "not found\"}"},
        {"node 4294967295", "0:0000.FFFF.FFFF:7",
         "{\"error\":\"dial: daemon: resolve node 4294967295: registry: node "
         "4294967295: node not found\"}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        dials_refused(driver, BAD_ARGUMENT, cases[i].what,
                      (char *)(uintptr_t)cases[i].address, cases[i].pattern);
}

/* A dial that the daemon does not answer in time, because it stands still. */
static void dial_in_vain(uint64_t driver)
{
    struct PilotDialTimeout_return r;

    if (!daemon_freeze()) {
        check_failed("PilotDialTimeout: time-out: too short a time",
                     "a daemon that can be stopped", "an error");
        return;
    }
    r = PilotDialTimeout(driver, ECHO, 50);
    daemon_thaw();
    check_no_handle("PilotDialTimeout", TIMED_OUT, "too short a time", r.r0,
                    r.r1, "{\"error\":\"*timeout*\"}||{\"error\":\"*timed "
                          "out*\"}||{\"error\":\"*deadline*\"}");
    check_reply("PilotHealth", SUCCESS, "after a dial that timed out",
                PilotHealth(driver), "{*\"status\":\"ok\"*}");
}

static void deadlines(uint64_t conn)
{
    static const char timeout[] = "{\"error\":\"i/o timeout\"}";

    check_reply("PilotConnSetReadDeadline", SUCCESS, "soon",
                PilotConnSetReadDeadline(conn, unix_nanos_in(20)), NULL);
    read_refused(conn, TIMED_OUT, "nothing before the deadline", 16, timeout);
    check_reply("PilotConnSetReadDeadline", BAD_ARGUMENT, "long ago",
                PilotConnSetReadDeadline(conn, 1), NULL);
    read_refused(conn, TIMED_OUT, "a deadline of long ago", 16, timeout);
    check_reply("PilotConnSetReadDeadline", BAD_ARGUMENT, "before 1970",
                PilotConnSetReadDeadline(conn, INT64_MIN), NULL);
    read_refused(conn, TIMED_OUT, "a deadline before 1970", 16, timeout);
    check_reply("PilotConnSetReadDeadline", SUCCESS, "none",
                PilotConnSetReadDeadline(conn, 0), NULL);
    stream_write(conn, "after deadlines", "again", 5);
    stream_read(conn, "after deadlines", "again", 5);
}

static void sizes(uint64_t conn)
{
    struct PilotConnWrite_return r;
    struct PilotConnRead_return all;

    read_refused(conn, BAD_ARGUMENT, "no room", 0,
                 "{\"error\":\"invalid read size: 0\"}");
    read_refused(conn, BAD_ARGUMENT, "a size below 0", -1,
                 "{\"error\":\"invalid read size: -1\"}");
    r = PilotConnWrite(conn, NULL, 0);
    check_reply("PilotConnWrite", BAD_ARGUMENT, "nothing", r.r1, NULL);
    check_number("PilotConnWrite", BAD_ARGUMENT, "nothing", r.r0, 0);
    stream_write(conn, "5 bytes", "hello", 5);
    stream_read(conn, "in two parts, the first", "he", 2);
    stream_read(conn, "in two parts, the rest", "llo", 3);

    stream_write(conn, "bytes of 0", "\0\0\0", 3);
    all = PilotConnRead(conn, OVERSIZED);
    check_reply("PilotConnRead", SUCCESS, "more room than it takes", all.r2,
                NULL);
    check_bytes("PilotConnRead", SUCCESS, "more room than it takes", all.r1,
                all.r0 < 0 ? 0 : (size_t)all.r0, "\0\0\0", 3);
    FreeString(all.r1);
}

/* A mebibyte that does not repeat itself, there and back. */
static void big(uint64_t conn)
{
    unsigned char *data = malloc(BIG);
    uint32_t state = 1;

    if (data == NULL) {
        check_failed("1 MiB", "memory", "none");
        return;
    }
    for (size_t i = 0; i < BIG; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (unsigned char)(state >> 24);
    }
    stream_write(conn, "1 MiB", data, BIG);
    stream_read(conn, "1 MiB", data, BIG);
    free(data);
}

/* A stream that is ended by its number, as `pilotctl disconnect` does. */
static void disconnecting(uint64_t driver)
{
    uint64_t conn = dial(driver, "to be disconnected", ECHO);
    char *info = PilotInfo(driver), *at = info, *next;
    unsigned long id = 0;

    /* Ids count up, so the highest is the youngest's. */
    while (at != NULL && (next = strstr(at, "\"id\":")) != NULL) {
        unsigned long found = strtoul(next + 5, NULL, 10);

        id = found > id ? found : id;
        at = next + 5;
    }
    FreeString(info);
    check_reply("PilotDisconnect", SUCCESS, "",
                PilotDisconnect(driver, (uint32_t)id), NULL);
    stream_ended(conn, SUCCESS, "after being disconnected");
    check_reply("PilotDisconnect", BAD_ARGUMENT, "no such stream",
                PilotDisconnect(driver, 4000000000u), NULL);
    check_reply("PilotConnClose", SUCCESS, "after being disconnected",
                PilotConnClose(conn), NULL);
}

void streams_run(uint64_t driver)
{
    static const char unknown[] = "{\"error\":\"invalid conn handle\"}";
    uint64_t conn = dial(driver, "", ECHO);
    struct PilotDialTimeout_return r = PilotDialTimeout(driver, ECHO, 5000);
    uint64_t timed = check_handle("PilotDialTimeout", "", r.r0, r.r1);

    sizes(conn);
    big(conn);
    deadlines(conn);
    stream_write(timed, "the other stream", "apart", 5);
    stream_read(timed, "the other stream", "apart", 5);
    r = PilotDialTimeout(driver, ECHO, 0);
    check_reply("PilotConnClose", SUCCESS, "of a dial that may take for ever",
                PilotConnClose(check_handle("PilotDialTimeout",
                                            "0 for no limit", r.r0, r.r1)),
                NULL);


    check_reply("PilotConnClose", SUCCESS, "", PilotConnClose(conn), NULL);
    check_reply("PilotConnClose", UNKNOWN_HANDLE, "closed before",
                PilotConnClose(conn), unknown);
    check_reply("PilotConnClose", SUCCESS, "the other stream",
                PilotConnClose(timed), NULL);

    disconnecting(driver);
    bad_addresses(driver);
    dial_in_vain(driver);
}
