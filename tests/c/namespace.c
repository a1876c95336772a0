/* A network namespace and a HOME: see namespace.h. */
#define _DEFAULT_SOURCE /* struct ifreq */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Set inside; the tests with other clients use it as well. */
#define INSIDE "MOCKPILOT_TEST_NAMESPACE"

static const char *raise_loopback(void)
{
    struct ifreq request;
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    bool up;

    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, "lo", 3);
    up = any >= 0 && ioctl(any, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags |= IFF_UP;
    up = up && ioctl(any, SIOCSIFFLAGS, &request) == 0;
    close(any);
    return up ? NULL : "the loopback interface cannot be set up";
}

const char *namespace_enter(char **argv)
{
    static const struct {
        const char *option, *trial;
    } ways[] = {{"-n", "unshare -n true 2>/dev/null"},
                {"-rn", "unshare -rn true 2>/dev/null"}};
    char *words[8] = {(char *)(uintptr_t) "unshare"};

    if (getenv(INSIDE) != NULL)
        return raise_loopback();
    for (size_t i = 0; i < 2; i++) {
        if (system(ways[i].trial) != 0)
            continue;
        setenv(INSIDE, "1", 1);
        words[1] = (char *)(uintptr_t)ways[i].option;
        for (size_t k = 0; k < 4 && argv[k] != NULL; k++)
            words[2 + k] = argv[k];
        execvp("unshare", words);
        return strerror(errno);
    }
    return "a network namespace of its own is not permitted here";
}

/* Waits for the end of its input, that of its last writer. */
#define KEEPER "trap '' HUP INT TERM; read -r none; rm -rf -- \"$1\""

const char *namespace_home(void)
{
    static char home[200];
    const char *directory = getenv("TMPDIR");
    int ends[2];
    pid_t pid;

    snprintf(home, sizeof home, "%s/mockpilot-home-XXXXXX",
             directory != NULL && *directory != '\0' ? directory : "/tmp");
    if (pipe(ends) != 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0 ||
        mkdtemp(home) == NULL)
        return strerror(errno);
    pid = fork();
    if (pid == 0) {
        dup2(ends[0], STDIN_FILENO);
        close(ends[1]);
        execl("/bin/sh", "sh", "-c", KEEPER, "keeper", home, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    return pid > 0 && setenv("HOME", home, 1) == 0 ? NULL : strerror(errno);
}
