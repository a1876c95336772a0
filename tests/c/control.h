/* Steers the daemon under test over its control socket; what it refuses is a
 * failed check. */
#ifndef HARNESS_CONTROL_H
#define HARNESS_CONTROL_H

#include <stdbool.h>

/* One verb with its keys, as an object in a printf format. */
bool control(const char *verb, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* From now on every request of this kind is answered so: `how` has the keys of
 * a rule beside `on`. One rule at a time. */
bool rule_set(const char *on, const char *how);

/* The node alone answers again. */
void rule_lift(void);

/* Closes every client from the daemon's side. */
void clients_drop(void);

#endif
