/* The floor that the daemon is measured against: the least that a server with a thread a client can do.
 * One read, one write for all that the read held, canned answers, nothing checked, no state. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST = 8 * 1024, LARGEST = 2 * 1024 * 1024 + 16, STACK = 64 * 1024 };

static unsigned char health[512], info[2048];
static size_t health_size, info_size;

static void canned(unsigned char *into, size_t *size, unsigned char code, const char *json)
{
    size_t length = strlen(json) + 1;
    into[0] = 0;
    into[1] = 0;
    into[2] = (unsigned char)(length >> 8);
    into[3] = (unsigned char)length;
    into[4] = code;
    memcpy(into + 5, json, length - 1);
    *size = length + 4;
}

/* Answers one frame of `size` bytes behind its prefix; gives how many bytes the answer has. */
static size_t answer(const unsigned char *frame, size_t size, unsigned char *out)
{
    static const unsigned char dialled[] = {0, 0, 0, 5, 4, 0, 0, 0, 1};
    switch (frame[4]) {
    case 0x21:
        memcpy(out, health, health_size);
        return health_size;
    case 0x0d:
        memcpy(out, info, info_size);
        return info_size;
    case 0x03:
        memcpy(out, dialled, sizeof dialled);
        return sizeof dialled;
    case 0x06:
        memcpy(out, frame, size + 4);
        out[4] = 0x07;
        return size + 4;
    default:
        return 0;
    }
}

static size_t frame_size(const unsigned char *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = send(fd, bytes, size, MSG_NOSIGNAL);
        if (wrote <= 0)
            return -1;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    size_t room = FIRST, have = 0, out_room = FIRST;
    unsigned char *in = malloc(room), *out = malloc(out_room);
    while (in && out) {
        ssize_t got = recv(fd, in + have, room - have, 0);
        if (got <= 0)
            break;
        have += (size_t)got;
        if (have == room && room < LARGEST && !(in = realloc(in, room *= 2)))
            break;
        size_t at = 0, filled = 0;
        while (have - at >= 4 && have - at - 4 >= frame_size(in + at)) {
            size_t size = frame_size(in + at);
            size_t needed = filled + (size + 4 > sizeof info ? size + 4 : sizeof info);
            if (needed > out_room)
                out = realloc(out, out_room = needed * 2);
            filled += answer(in + at, size, out + filled);
            at += size + 4;
        }
        memmove(in, in + at, have - at);
        have -= at;
        if (filled > 0 && write_all(fd, out, filled) != 0)
            break;
    }
    close(fd);
    free(in);
    free(out);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_attr_t attributes;
    /* Called like the daemon: -socket PATH. */
    if (argc < 3 || strlen(argv[2]) >= sizeof address.sun_path)
        return 2;
    strcpy(address.sun_path, argv[2]);
    canned(health, &health_size, 0x22,
           "{\"accept_queue_drops\":0,\"authenticated_peers\":0,\"beacon_addr\":\"127.0.0.1:9001\","
           "\"bytes_recv\":0,\"bytes_sent\":0,\"connections\":0,\"encrypted_peers\":0,"
           "\"handshake_pending_count\":0,\"peers\":0,\"relay_peer_count\":0,\"status\":\"ok\","
           "\"uptime_seconds\":0,\"webhook_circuit_skips\":0,\"webhook_queue_dropped\":0}");
    canned(info, &info_size, 0x0e,
           "{\"accept_queue_drops\":0,\"address\":\"0:0000.1234.5678\",\"authenticated_peers\":0,"
           "\"beacon_addr\":\"127.0.0.1:9001\",\"bytes_recv\":0,\"bytes_sent\":0,\"conn_list\":[],"
           "\"connections\":0,\"email\":\"mock@example.test\",\"encrypt\":true,\"encrypted_peers\":0,"
           "\"endpoint\":\"127.0.0.1:23896\",\"features\":[\"reply_window\",\"dial_awaits_key\","
           "\"key_request\",\"dgram_confirm\"],\"handshake_pending_count\":0,\"hostname\":\"mock-daemon\","
           "\"identity\":true,\"motd\":\"\",\"networks\":null,\"node_id\":305419896,\"peer_list\":[],"
           "\"peers\":0,\"pkts_recv\":0,\"pkts_sent\":0,\"ports\":4,\"public_key\":"
           "\"3BXNShqoy6nj8an79wt/dcBCC7rDqMAOkTHacJoHNCE=\",\"relay_peer_count\":0,\"transport\":\"udp\","
           "\"tunnel_encryption_failure\":0,\"tunnel_encryption_success\":0,\"uptime_secs\":0,"
           "\"version\":\"mock-0.1.0\",\"webhook_circuit_skips\":0,\"webhook_queue_dropped\":0}");
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 4096) != 0) {
        perror("floor");
        return 1;
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    }
}
