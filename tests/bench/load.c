/* The load client: load MODE SOCKET COUNT prints one figure, the same way for every server.
 * Times are wall time in microseconds for each operation, rates are for each second. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 1024 * 1024 };

static const char *path;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int dial_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    return fd;
}

static void put(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = send(fd, bytes, size, MSG_NOSIGNAL);
        if (wrote <= 0)
            die("send");
        bytes += wrote;
        size -= (size_t)wrote;
    }
}

static void take(int fd, unsigned char *into, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(fd, into, size, 0);
        if (got <= 0)
            die("recv");
        into += got;
        size -= (size_t)got;
    }
}

/* Reads one frame whole, in one read where it is there; gives its size with the prefix. */
static size_t take_frame(int fd, unsigned char *into, size_t room)
{
    size_t have = 0, whole = 4;
    while (have < whole) {
        ssize_t got = recv(fd, into + have, room - have, 0);
        if (got <= 0)
            die("recv");
        have += (size_t)got;
        if (have >= 4)
            whole = 4 + ((size_t)into[0] << 24 | (size_t)into[1] << 16 | (size_t)into[2] << 8 | into[3]);
    }
    return have;
}

static void make_send(unsigned char *frame, size_t whole, const unsigned char *conn)
{
    size_t length = whole - 4;
    memset(frame, 'x', whole);
    frame[0] = (unsigned char)(length >> 24);
    frame[1] = (unsigned char)(length >> 16);
    frame[2] = (unsigned char)(length >> 8);
    frame[3] = (unsigned char)length;
    frame[4] = 0x06;
    memcpy(frame + 5, conn, 4);
}

/* Opens a stream to an echo service; its id goes to `conn`. */
static void open_echo(int fd, unsigned char *conn)
{
    static const unsigned char dial[] = {0, 0, 0, 9, 3, 0, 0, 0, 0, 0, 5, 0, 7};
    unsigned char reply[64];
    put(fd, dial, sizeof dial);
    take_frame(fd, reply, sizeof reply);
    if (reply[4] != 4) {
        fprintf(stderr, "load: the dial was refused\n");
        exit(1);
    }
    memcpy(conn, reply + 5, 4);
}

/* The node's own address and a port that the joined stream's listener binds. */
static const unsigned char own[] = {0, 0, 0x12, 0x34, 0x56, 0x78, 0x13, 0x88};

/* Binds the port on `listener` and opens a stream to it on `fd`; the dialler's id goes to `conn`. */
static void open_joined(int fd, int listener, unsigned char *conn)
{
    static const unsigned char bind_port[] = {0, 0, 0, 3, 1, 0x13, 0x88};
    unsigned char dial[13] = {0, 0, 0, 9, 3}, reply[64];
    memcpy(dial + 5, own, sizeof own);
    put(listener, bind_port, sizeof bind_port);
    take_frame(listener, reply, sizeof reply);
    put(fd, dial, sizeof dial);
    take_frame(fd, reply, sizeof reply);
    memcpy(conn, reply + 5, 4);
    take_frame(listener, reply, sizeof reply);
    if (reply[4] != 5) {
        fprintf(stderr, "load: no stream arrived\n");
        exit(1);
    }
}

static const unsigned char health[] = {0, 0, 0, 1, 0x21}, info[] = {0, 0, 0, 1, 0x0d};

static void round_trips(int fd, const unsigned char *request, size_t size, long count)
{
    /* Info lists the streams of the last seconds. */
    unsigned char reply[64 * 1024];
    for (long n = 0; n < count; n++) {
        put(fd, request, size);
        take_frame(fd, reply, sizeof reply);
    }
}

static void *one_of_four(void *argument)
{
    round_trips(dial_socket(), health, sizeof health, *(long *)argument);
    return NULL;
}

/* Writes `batch` frames of `whole` bytes, then reads their echoes, until `count` frames are through. */
static double echo_rate(size_t whole, long batch, long count)
{
    int fd = dial_socket();
    unsigned char *out = malloc(whole * (size_t)batch), *in = malloc(whole * (size_t)batch);
    unsigned char conn[4];
    open_echo(fd, conn);
    for (long n = 0; n < batch; n++)
        make_send(out + (size_t)n * whole, whole, conn);
    double start = now();
    for (long done = 0; done < count; done += batch) {
        put(fd, out, whole * (size_t)batch);
        take(fd, in, whole * (size_t)batch);
    }
    double rate = (double)count * (double)whole / (now() - start);
    free(out);
    free(in);
    return rate;
}

int main(int argc, char **argv)
{
    static unsigned char buffer[64 * 1024];
    if (argc != 4) {
        fprintf(stderr, "usage: load MODE SOCKET COUNT\n");
        return 2;
    }
    const char *mode = argv[1];
    path = argv[2];
    long count = atol(argv[3]);
    double start = 0, figure = 0;
    if (strcmp(mode, "health") == 0 || strcmp(mode, "info") == 0) {
        int fd = dial_socket();
        const unsigned char *request = mode[0] == 'h' ? health : info;
        round_trips(fd, request, 5, 200);
        start = now();
        round_trips(fd, request, 5, count);
        figure = (now() - start) / (double)count * 1e6;
    } else if (strcmp(mode, "echo64") == 0) {
        int fd = dial_socket();
        unsigned char conn[4];
        open_echo(fd, conn);
        make_send(buffer, 9 + 64, conn);
        round_trips(fd, buffer, 9 + 64, 200);
        start = now();
        round_trips(fd, buffer, 9 + 64, count);
        figure = (now() - start) / (double)count * 1e6;
    } else if (strcmp(mode, "joined64") == 0) {
        int fd = dial_socket(), listener = dial_socket();
        unsigned char conn[4], in[256];
        open_joined(fd, listener, conn);
        make_send(buffer, 9 + 64, conn);
        start = now();
        for (long n = 0; n < count; n++) {
            put(fd, buffer, 9 + 64);
            take_frame(listener, in, sizeof in);
        }
        figure = (now() - start) / (double)count * 1e6;
    } else if (strcmp(mode, "datagram64") == 0) {
        int fd = dial_socket();
        make_send(buffer, 13 + 64, own);
        buffer[4] = 0x0b;
        memcpy(buffer + 5, own, sizeof own);
        round_trips(fd, buffer, 13 + 64, 200);
        start = now();
        round_trips(fd, buffer, 13 + 64, count);
        figure = (now() - start) / (double)count * 1e6;
    } else if (strcmp(mode, "pipelined") == 0) {
        int fd = dial_socket();
        for (int n = 0; n < 64; n++)
            memcpy(buffer + 5 * n, health, 5);
        unsigned char reply[4096];
        put(fd, health, 5);
        size_t whole = take_frame(fd, reply, sizeof reply);
        unsigned char *in = malloc(whole * 64);
        start = now();
        for (long done = 0; done < count; done += 64) {
            put(fd, buffer, 5 * 64);
            take(fd, in, whole * 64);
        }
        figure = (double)count / (now() - start);
        free(in);
    } else if (strcmp(mode, "echo1m") == 0) {
        figure = echo_rate(LARGE + 4, 1, count);
    } else if (strcmp(mode, "echo4k") == 0) {
        figure = echo_rate(4096, 32, count);
    } else if (strcmp(mode, "four") == 0) {
        pthread_t threads[4];
        start = now();
        for (int n = 0; n < 4; n++)
            pthread_create(&threads[n], NULL, one_of_four, &count);
        for (int n = 0; n < 4; n++)
            pthread_join(threads[n], NULL);
        figure = 4.0 * (double)count / (now() - start);
    } else if (strcmp(mode, "connects") == 0) {
        start = now();
        for (long n = 0; n < count; n++) {
            int fd = dial_socket();
            round_trips(fd, health, sizeof health, 1);
            close(fd);
        }
        figure = (double)count / (now() - start);
    } else {
        fprintf(stderr, "load: unknown mode %s\n", mode);
        return 2;
    }
    printf("%.3f\n", figure);
    return 0;
}
