/*
 * What the daemon does of its own accord, from the scenario that it is started
 * with and over its control socket. Three of these no mock could do before: a
 * datagram that arrives on its own, an inbound connection to a listener
 * unasked, a dial that times out.
 */
#include <libpilot.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "calls.h"
#include "control.h"
#include "exports.h"
#include "streams.h"

/* Every client is sent a datagram when it comes; whoever binds port 5100 gets a
 * stream that says hello; nobody answers a dial of peer 9's port 98. */
const char unasked_scenario[] =
    "{\"version\":1,\"dial_timeout\":\"600ms\","
    "\"peers\":[{\"node_id\":9,\"services\":{\"98\":\"hang\"}}],"
    "\"timeline\":["
    "{\"on\":\"connect\",\"push\":[{\"recv_from\":{\"from\":\"" PEER_ADDRESS
    ":99\",\"to_port\":6000,\"data\":\"unasked\"}}]},"
    "{\"on\":\"bind\",\"when\":{\"port\":5100},\"push\":[{\"accept\":{"
    "\"port\":5100,\"from\":\"" PEER_ADDRESS ":99\",\"say\":\"hello\"}}]}]}";

#define DATAGRAM                                                               \
    "{\"data\":\"dW5hc2tlZA==\",\"dst_port\":6000,"                          \
    "\"src_addr\":\"" PEER_ADDRESS "\",\"src_port\":99}"

static uint64_t listen_on(uint64_t driver, uint16_t port)
{
    struct PilotListen_return r = PilotListen(driver, port);

    return check_handle("PilotListen", "to wait for a stream", r.r0, r.r1);
}

static uint64_t accepted(uint64_t listener, enum branch branch,
                         const char *what)
{
    struct PilotListenerAccept_return r = PilotListenerAccept(listener);

    check_text("PilotListenerAccept", branch, what,
               r.r0 != 0 ? "a handle" : r.r1, "a handle");
    FreeString(r.r1);
    return r.r0;
}

static void datagram(uint64_t driver)
{
    static const char raw[] =
        "{\"push\":{\"raw\":{\"command\":12,\"data\":%s},\"to\":\"all\"}}";
    static const char second[] =
        "{\"push\":{\"recv_from\":{\"from\":\"" PEER_ADDRESS
        ":7\",\"to_port\":6001,\"data\":\"later\"}}}";

    check_reply("PilotRecvFrom", UNASKED,
                "a datagram that arrives on its own", PilotRecvFrom(driver),
                DATAGRAM);
    control("push", raw, "\"\"");
    control("push", second);
    check_reply("PilotRecvFrom", EMPTY_REPLY, "it is passed over",
                PilotRecvFrom(driver), "{\"data\":\"bGF0ZXI=\",*}");
    control("push", raw, "{\"hex\":\"00\"}");
    control("push", second);
    check_reply("PilotRecvFrom", SHORT_REPLY, "it is passed over",
                PilotRecvFrom(driver), "{\"data\":\"bGF0ZXI=\",*}");
}

static void inbound(uint64_t driver)
{
    static const char raw[] =
        "{\"push\":{\"raw\":{\"command\":5,\"data\":%s},\"to\":\"all\"}}";
    static const char another[] =
        "{\"push\":{\"accept\":{\"port\":5100,\"from\":\"" PEER_ADDRESS
        ":100\",\"service\":\"echo\"}}}";
    uint64_t listener = listen_on(driver, 5100), conn;

    conn = accepted(listener, UNASKED,
                    "an inbound connection to a listener unasked");
    stream_read(conn, "from an inbound connection", "hello", 5);
    control("push", "{\"push\":{\"recv\":{\"conn\":\"last\",\"data\":\"more\"},"
                    "\"to\":\"all\"}}");
    check_text("PilotConnRead", UNASKED, "data that comes on its own",
               stream_read(conn, "data that comes on its own", "more", 4)
                   ? "4 bytes"
                   : "others",
               "4 bytes");
    control("push", raw, "\"\"");
    control("push", another);
    conn = accepted(listener, EMPTY_REPLY, "it is passed over");
    stream_write(conn, "to an inbound connection", "echo", 4);
    stream_read(conn, "an echo over an inbound connection", "echo", 4);
    control("push", raw, "{\"hex\":\"00\"}");
    control("push", another);
    accepted(listener, SHORT_REPLY, "it is passed over");

}

/* A stream whose peer leaves before it is accepted is still given out; that the
 * peer left is lost on libpilot. */
static void accept_too_late(uint64_t driver)
{
    uint64_t listener = listen_on(driver, 5102), conn;
    struct PilotConnRead_return r;
    struct timespec now;
    int64_t soon;

    control("push", "{\"push\":[{\"accept\":{\"port\":5102,\"from\":\""
                    PEER_ADDRESS ":100\",\"service\":\"echo\"}},"
                    "{\"close\":{\"conn\":\"last\"},\"to\":\"all\"}]}");
    check_reply("PilotHealth", SUCCESS, "after a stream that came and went",
                PilotHealth(driver), "{*\"status\":\"ok\"*}");
    conn = accepted(listener, PEER_CLOSED, "a peer that has left already");
    clock_gettime(CLOCK_REALTIME, &now);
    soon = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + 200000000;
    check_reply("PilotConnSetReadDeadline", SUCCESS, "a peer that left early",
                PilotConnSetReadDeadline(conn, soon), NULL);
    r = PilotConnRead(conn, 16);
    FreeString(r.r1);
    if (check_reply("PilotConnRead", PEER_CLOSED,
                    "a peer that left before the accept", r.r2,
                    "{\"error\":\"i/o timeout\"}"))
        exports_finding("PilotConnRead",
                        "the peer closed the stream before it was accepted",
                        "it waits for ever instead of ending");
}

/* Pushes that are no data, then data, then the peer's close. */
static void read_after_close(uint64_t driver)
{
    static const char *const raws[] = {"\"\"", "{\"hex\":\"00\"}"};
    static const enum branch branches[] = {EMPTY_REPLY, SHORT_REPLY};
    uint64_t conn = handle_of(CONN, driver);

    for (size_t i = 0; i < 2; i++) {
        control("push",
                "{\"push\":{\"raw\":{\"command\":7,\"data\":%s},\"to\":"
                "\"all\"}}",
                raws[i]);
        control("push", "{\"push\":{\"recv\":{\"conn\":\"last\",\"data\":"
                        "\"x\"},\"to\":\"all\"}}");
        call_check(call_named("PilotConnRead"), branches[i],
                   "it is passed over", conn, "1 bytes");
    }
    control("push",
            "{\"push\":{\"close\":{\"conn\":\"last\"},\"to\":\"all\"}}");
    stream_ended(conn, PEER_CLOSED, "read after the peer's close");
    stream_ended(conn, PEER_CLOSED, "and again");
    /* libpilot does not look: the daemon passes over what comes too late. */
    call_check(call_named("PilotConnWrite"), PEER_CLOSED,
               "write after the peer's close", conn, "1 bytes");
    call_check(call_named("PilotConnClose"), PEER_CLOSED,
               "close after the peer's", conn, "null");
}

static void *accept_in_thread(void *argument)
{
    struct PilotListenerAccept_return *r = argument;

    *r = PilotListenerAccept(r->r0);
    return NULL;
}

/* Whichever comes first, the accept or the close, it is the same end. */
static void accept_after_close(uint64_t driver)
{
    uint64_t listener = listen_on(driver, 5101);
    struct PilotListenerAccept_return r = {listener, NULL};
    pthread_t thread;

    if (pthread_create(&thread, NULL, accept_in_thread, &r) != 0) {
        check_failed("PilotListenerAccept", "a thread", "none");
        return;
    }
    check_reply("PilotListenerClose", SUCCESS, "while another thread accepts",
                PilotListenerClose(listener), NULL);
    pthread_join(thread, NULL);
    check_no_handle("PilotListenerAccept", PEER_CLOSED,
                    "the listener is closed meanwhile", r.r0, r.r1,
                    "{\"error\":\"listener closed\"}||"
                    "{\"error\":\"invalid listener handle\"}");
    call_check(call_named("PilotListenerAccept"), UNKNOWN_HANDLE,
               "accept after close", listener,
               "{\"error\":\"invalid listener handle\"}");
}

static void dial_times_out(uint64_t driver)
{
    static char nobody[] = PEER_ADDRESS ":98";
    struct PilotDialTimeout_return timed = PilotDialTimeout(driver, nobody, 50);
    struct PilotDial_return plain;

    check_no_handle("PilotDialTimeout", TIMED_OUT, "a dial that times out",
                    timed.r0, timed.r1, "{\"error\":\"dial: dial timeout\"}");
    plain = PilotDial(driver, nobody);
    check_no_handle("PilotDial", TIMED_OUT,
                    "a dial that times out at the daemon", plain.r0, plain.r1,
                    "{\"error\":\"dial: daemon: dial timeout\"}");
    timed = PilotDialTimeout(driver, nobody, 10000);
    check_no_handle("PilotDialTimeout", TIMED_OUT,
                    "a dial that times out at the daemon", timed.r0, timed.r1,
                    "{\"error\":\"dial: daemon: dial timeout\"}");
}

void unasked_run(void)
{
    uint64_t driver = handle_of(DRIVER, 0);

    datagram(driver);
    inbound(driver);
    accept_too_late(driver);
    read_after_close(driver);
    accept_after_close(driver);
    dial_times_out(driver);
    check_reply("PilotClose", SUCCESS, "after what was unasked",
                PilotClose(driver), NULL);
}
