/* Two clients of one daemon, joined: listening, accepting, closing. */
#include <libpilot.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "exports.h"
#include "streams.h"

#define PORT 5000
#define OWN_PORT ADDRESS ":5000"
/* Some frames' worth, to go both ways at once. */
#define MUCH (256 * 1024)

static uint64_t listen_on(uint64_t driver, const char *what, uint16_t port)
{
    struct PilotListen_return r = PilotListen(driver, port);

    return check_handle("PilotListen", what, r.r0, r.r1);
}

static uint64_t accept_one(uint64_t listener, const char *what)
{
    struct PilotListenerAccept_return r = PilotListenerAccept(listener);

    return check_handle("PilotListenerAccept", what, r.r0, r.r1);
}

static uint64_t dial(uint64_t driver, const char *what, char *address)
{
    struct PilotDial_return r = PilotDial(driver, address);

    return check_handle("PilotDial", what, r.r0, r.r1);
}

static void close_stream(uint64_t conn, const char *what)
{
    check_reply("PilotConnClose", SUCCESS, what, PilotConnClose(conn), NULL);
}

/* An accept that waits in a thread of its own while the dial is made. */
static void *accept_in_thread(void *argument)
{
    struct PilotListenerAccept_return *r = argument;

    *r = PilotListenerAccept(r->r0);
    return NULL;
}

static void waiting_accept(uint64_t dialler, uint64_t listener)
{
    struct PilotListenerAccept_return r = {listener, NULL};
    uint64_t here, there;
    pthread_t thread;

    if (pthread_create(&thread, NULL, accept_in_thread, &r) != 0) {
        check_failed("PilotListenerAccept", "a thread", "none");
        return;
    }
    here = dial(dialler, "while another thread accepts", OWN_PORT);
    pthread_join(thread, NULL);
    there = check_handle("PilotListenerAccept", "in a thread of its own", r.r0,
                         r.r1);
    stream_write(here, "to the accepting thread", "x", 1);
    stream_read(there, "to the accepting thread", "x", 1);
    close_stream(there, "the accepted end");
    stream_ended(here, SUCCESS, "the other end was closed");
    close_stream(here, "the dialled end, after the other");
}

/* Both ends write before either reads. */
static void both_ways(uint64_t here, uint64_t there)
{
    char *data = malloc(MUCH);

    stream_write(here, "to the listener", "ping", 4);
    stream_read(there, "at the listener", "ping", 4);
    stream_write(there, "to the dialler", "pong", 4);
    stream_read(here, "at the dialler", "pong", 4);
    if (data == NULL) {
        check_failed("256 KiB", "memory", "none");
        return;
    }
    memset(data, 'h', MUCH);
    stream_write(here, "256 KiB to the listener", data, MUCH);
    memset(data, 't', MUCH);
    stream_write(there, "256 KiB to the dialler", data, MUCH);
    stream_read(here, "256 KiB at the dialler", data, MUCH);
    memset(data, 'h', MUCH);
    stream_read(there, "256 KiB at the listener", data, MUCH);
    free(data);
}

static void taken_ports(uint64_t driver)
{
    static const struct {
        const char *what;
        uint16_t port;
        const char *pattern;
    } cases[] = {
        {"another client has it", PORT,
         "{\"error\":\"bind: daemon: port 5000 already bound\"}"},
        {"the daemon's echo", 7,
         "{\"error\":\"bind: daemon: port 7 already bound\"}"},
        {"the daemon's handshakes", 444,
         "{\"error\":\"bind: daemon: port 444 already bound\"}"},
        {"the daemon's data exchange", 1001,
         "{\"error\":\"bind: daemon: port 1001 already bound\"}"},
        {"the daemon's event stream", 1002,
         "{\"error\":\"bind: daemon: port 1002 already bound\"}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct PilotListen_return r = PilotListen(driver, cases[i].port);

        check_no_handle("PilotListen", BAD_ARGUMENT, cases[i].what, r.r0, r.r1,
                        cases[i].pattern);
    }
}

void joined_run(uint64_t driver, uint64_t other)
{
    static const char unknown[] = "{\"error\":\"invalid listener handle\"}";
    uint64_t listener = listen_on(other, "", PORT);
    uint64_t here = dial(driver, "a port of another client", OWN_PORT);
    uint64_t there = accept_one(listener, "");
    uint64_t second_here, second_there;

    both_ways(here, there);
    taken_ports(driver);

    second_here = dial(driver, "the same port again", OWN_PORT);
    second_there = accept_one(listener, "a second stream");
    stream_write(second_here, "the second stream", "2", 1);
    stream_write(here, "the first stream", "1", 1);
    stream_read(there, "the first stream", "1", 1);
    stream_read(second_there, "the second stream", "2", 1);
    close_stream(second_there, "the listener's end of the second stream");
    stream_ended(second_here, SUCCESS, "the listener closed");
    close_stream(second_here, "the dialler's end, after the listener's");

    stream_write(here, "before closing", "last", 4);
    close_stream(here, "the dialler's end");
    stream_read(there, "what was written before closing", "last", 4);
    stream_ended(there, SUCCESS, "the dialler closed");
    close_stream(there, "the listener's end, after the dialler's");
    waiting_accept(driver, listener);

    check_reply("PilotListenerClose", SUCCESS, "",
                PilotListenerClose(listener), NULL);
    check_reply("PilotListenerClose", UNKNOWN_HANDLE, "closed before",
                PilotListenerClose(listener), unknown);
    /* libpilot does not unbind: the port stays the client's until it leaves,
     * and in the lenient profile it may bind it anew. */
    taken_ports(driver);
    listener = listen_on(other, "a port of a listener that was closed", PORT);
    here = dial(driver, "a port that was bound anew", OWN_PORT);
    there = accept_one(listener, "on a port that was bound anew");
    close_stream(here, "the dialler's end on a port that was bound anew");
    stream_ended(there, SUCCESS, "on a port that was bound anew");
    close_stream(there, "the listener's end on a port that was bound anew");
    check_reply("PilotListenerClose", SUCCESS, "of a port that was bound anew",
                PilotListenerClose(listener), NULL);
}
