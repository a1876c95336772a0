/* A network namespace and a HOME of the run's own: nothing in here reaches
 * another host or the user's files. */
#ifndef HARNESS_NAMESPACE_H
#define HARNESS_NAMESPACE_H

/* Goes on in a network namespace of its own, with the loopback interface up,
 * by running this program again; what went wrong, or NULL. */
const char *namespace_enter(char **argv);

/* Makes a directory, points HOME at it, and sees to it that it goes however
 * this process ends; what went wrong, or NULL. */
const char *namespace_home(void);

#endif
