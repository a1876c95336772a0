/* Checks: see check.h. */
#include "check.h"

#include <libpilot.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exports.h"

/* As much of a text as a line shows. */
#define SHOWN 600

static unsigned passed, failed;
static unsigned patience;
static char last_name[200] = "the start";

const char *const branch_names[BRANCHES] = {
    "success",
    "unknown handle",
    "driver handle",
    "listener handle",
    "conn handle",
    "bad argument",
    "error reply",
    "not JSON",
    "empty reply",
    "short reply",
    "wrong reply byte",
    "hang-up before the reply",
    "hang-up during the reply",
    "hang-up after the reply",
    "length over the limit",
    "silence",
    "daemon gone",
    "time-out",
    "peer closed",
    "unasked",
};

static bool matches_one(const char *text, const char *pattern, size_t length)
{
    const char *end = pattern + length, *star = NULL, *retry = NULL;

    while (*text != '\0') {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (pattern < end && *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

static bool matches(const char *text, const char *pattern)
{
    const char *bar;

    if (text == NULL || pattern == NULL)
        return text == pattern;
    while ((bar = strstr(pattern, "||")) != NULL) {
        if (matches_one(text, pattern, (size_t)(bar - pattern)))
            return true;
        pattern = bar + 2;
    }
    return matches_one(text, pattern, strlen(pattern));
}

/* Prints the line of a check and counts it, here and in the table. */
static bool verdict(const char *export, enum branch branch, const char *what,
                    bool good, const char *expected, const char *got)
{
    if (branch < BRANCHES)
        snprintf(last_name, sizeof last_name, "%s: %s%s%s", export,
                 branch_names[branch], *what ? ": " : "", what);
    else
        snprintf(last_name, sizeof last_name, "%s%s%s", export,
                 *what ? ": " : "", what);
    if (good) {
        passed++;
        printf("PASS %s\n", last_name);
    } else {
        failed++;
        printf("FAIL %s: expected %.*s, got %.*s\n", last_name, SHOWN,
               expected ? expected : "no text", SHOWN, got ? got : "no text");
    }
    fflush(stdout);
    exports_record(export, branch, good);
    alarm(patience);
    return good;
}

bool check_text(const char *export, enum branch branch, const char *what,
                const char *got, const char *pattern)
{
    return verdict(export, branch, what, matches(got, pattern), pattern, got);
}

bool check_reply(const char *export, enum branch branch, const char *what,
                 char *reply, const char *pattern)
{
    bool good = check_text(export, branch, what, reply, pattern);

    FreeString(reply);
    return good;
}

uint64_t check_handle(const char *export, const char *what, uint64_t handle,
                      char *error)
{
    char got[SHOWN];

    snprintf(got, sizeof got, "handle %llu and %s", (unsigned long long)handle,
             error ? error : "no error");
    verdict(export, SUCCESS, what, handle != 0 && error == NULL,
            "a handle and no error", got);
    FreeString(error);
    return handle;
}

bool check_no_handle(const char *export, enum branch branch, const char *what,
                     uint64_t handle, char *error, const char *pattern)
{
    char got[SHOWN], expected[SHOWN];
    bool good = handle == 0 && matches(error, pattern);

    snprintf(expected, sizeof expected, "no handle and %s", pattern);
    snprintf(got, sizeof got, "handle %llu and %s", (unsigned long long)handle,
             error ? error : "no error");
    FreeString(error);
    return verdict(export, branch, what, good, expected, got);
}

bool check_number(const char *export, enum branch branch, const char *what,
                  long long got, long long expected)
{
    char got_text[24], expected_text[24];

    snprintf(got_text, sizeof got_text, "%lld", got);
    snprintf(expected_text, sizeof expected_text, "%lld", expected);
    return verdict(export, branch, what, got == expected, expected_text,
                   got_text);
}

bool check_bytes(const char *export, enum branch branch, const char *what,
                 const void *got, size_t got_length, const void *expected,
                 size_t expected_length)
{
    const unsigned char *a = got, *b = expected;
    size_t at = 0, shorter = got_length < expected_length ? got_length
                                                          : expected_length;
    char got_text[80], expected_text[80];

    while (at < shorter && a[at] == b[at])
        at++;
    snprintf(expected_text, sizeof expected_text, "%zu bytes", expected_length);
    if (at < shorter)
        snprintf(got_text, sizeof got_text,
                 "%zu, of which byte %zu is 0x%02x instead of 0x%02x",
                 got_length, at, a[at], b[at]);
    else
        snprintf(got_text, sizeof got_text, "%zu", got_length);
    return verdict(export, branch, what,
                   at == shorter && got_length == expected_length,
                   expected_text, got_text);
}

void check_failed(const char *name, const char *expected, const char *got)
{
    verdict(name, OTHER, "", false, expected, got);
}

/* The number in decimal at the end of a buffer; stdio is out of bounds in a
 * signal handler. */
static void put_number(unsigned number)
{
    char digits[12];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (write(STDOUT_FILENO, digits + at, sizeof digits - at) < 0)
        _exit(1);
}

static void put(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

static void out_of_patience(int signal_number)
{
    (void)signal_number;
    put("FAIL after ");
    put(last_name);
    put(": expected an answer within ");
    put_number(patience);
    put(" s, got none\n");
    put_number(passed);
    put(" passed, ");
    put_number(failed + 1);
    put(" failed\n");
    _exit(1);
}

void check_watch(unsigned seconds)
{
    struct sigaction action = {0};

    /* Go's threads have stacks of their own, too small for a handler. */
    action.sa_handler = out_of_patience;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    sigfillset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    patience = seconds;
    alarm(patience);
}

int check_summary(void)
{
    alarm(0);
    printf("%u passed, %u failed\n", passed, failed);
    if (fflush(stdout) != 0)
        return EXIT_FAILURE;
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
